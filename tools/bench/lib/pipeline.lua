--- For wrk: 16 requests at a time on each connection.
-- luacheck: globals wrk init request
local DEPTH = 16

local requests

function init()
    requests = wrk.format():rep(DEPTH)
end

function request()
    return requests
end
