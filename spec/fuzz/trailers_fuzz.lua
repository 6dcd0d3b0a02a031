--- The trailers of a request: none of them can say what was settled before the body, and what is
-- composed of them is read as it was.
local headers = require "perigee.http.headers"
local trailers = require "perigee.http.trailers"

local SETTLED = { "Content-Length", "transfer-encoding", "HOST", "authorization", "cookie",
    "connection", "trailer", "content-type" }

local function check_composed(list)
    local fields = {}
    for i = 1, #list, 2 do
        if not headers.problem(list[i], list[i + 1]) and not fields[list[i]:lower()] then
            fields[list[i]:lower()] = list[i + 1]
        end
    end
    local again = trailers.parse(assert(trailers.compose(fields)))
    for name, value in pairs(fields) do
        assert(again:get(name) == value)
    end
end

return function(bytes)
    local list = trailers.parse(bytes)
    for _, name in ipairs(SETTLED) do
        assert(list:get(name) == nil)
    end
    for i = 1, #list, 2 do
        assert(list[i] ~= "" and not list[i]:find("[:\r\n]"))
        assert(not list[i + 1]:find("[\r\n]") and not list[i + 1]:find("^[ \t]"))
        assert(not list[i + 1]:find("[ \t]$"))
    end
    check_composed(list)
end
