-- A pipeline: each stage is a task that receives from one channel and sends to the next.
--
-- $ curl -s 'http://127.0.0.1:8080/pipeline?count=5'
-- 1 + 4 + 9 + 16 + 25 = 55
local http = require "perigee.http"
local perigee = require "perigee"

local function count_to(last)
    local numbers = perigee.chan()
    perigee.go(function()
        for number = 1, last do
            numbers:send(number)
        end
        numbers:close()
    end)
    return numbers
end

local function square(numbers)
    local squares = perigee.chan()
    perigee.go(function()
        for number in numbers do
            squares:send(number * number)
        end
        squares:close()
    end)
    return squares
end

local app = http.router()

app:get("/", function(request, response)
    local last = math.min(tonumber(request.query.count) or 3, 1000)
    local squares, sum = {}, 0
    for value in square(count_to(last)) do
        squares[#squares + 1] = value
        sum = sum + value
    end
    response:text(("%s = %d"):format(table.concat(squares, " + "), sum))
end)

return { http = app }
