--- perigee.http.cookies: what is read has a token for a name and no ";" inside, pieces give what
-- the whole gives, and what may be composed is read again.
local cookies = require "perigee.http.cookies"
local headers = require "perigee.http.headers"

local function check_round_trip(name, value)
    local composed, code = cookies.compose(name, value, { secure = true })
    if not composed then
        assert(code == "invalid")
        return
    end
    assert(headers.problem("Set-Cookie", composed) == nil)
    assert(cookies.parse(composed:match("^[^;]*"))[name] == value)
end

local function check_pieces(text, found)
    local joined = {}
    for piece in text:gmatch("[^;]+") do
        for name, value in pairs(cookies.parse(piece)) do
            joined[name] = joined[name] or value
        end
    end
    for name, value in pairs(joined) do
        assert(found[name] == value)
    end
    for name in pairs(found) do
        assert(joined[name])
    end
end

return function(bytes)
    local found = cookies.parse(bytes)
    for name, value in pairs(found) do
        assert(headers.is_token(name) and not value:find(";", 1, true))
        check_round_trip(name, value)
    end
    check_pieces(bytes, found)
end
