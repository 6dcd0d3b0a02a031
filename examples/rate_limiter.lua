-- A rate limiter: a bucket of two tokens that a ticker fills again. Who finds none is told to come
-- back.
--
-- $ curl -s http://127.0.0.1:8080/rate_limiter
-- 2 allowed, 3 refused
local http = require "perigee.http"
local perigee = require "perigee"

local BURST, REFILL_S, REQUEST_COUNT = 2, 30, 5

-- A token is a value in the channel; a full channel takes no more.
local function new_bucket()
    local tokens = perigee.chan(BURST)
    for _ = 1, BURST do
        tokens:send(true)
    end
    return tokens
end

local function fill(tokens, ticker)
    for _ in ticker.channel do
        perigee.select { { tokens, "send", true }, default = true }
    end
end

local function is_allowed(tokens)
    return perigee.select { { tokens, "recv" }, default = true } ~= "default"
end

local app = http.router()

app:get("/", function(_, response)
    local tokens, ticker = new_bucket(), perigee.tick(REFILL_S)
    local filler = perigee.go(fill, tokens, ticker)
    local allowed = 0
    for _ = 1, REQUEST_COUNT do
        allowed = allowed + (is_allowed(tokens) and 1 or 0)
    end
    ticker:stop()
    filler:cancel()
    response:text(("%d allowed, %d refused"):format(allowed, REQUEST_COUNT - allowed))
end)

return { http = app }
