--- Of two members drawn by chance the one that has less to do for its weight.
local two_of = require "perigee.balancer.two_of"

local least_requests = {}

local methods = {}
local metatable = { __index = methods }

function least_requests.new(random)
    return setmetatable({ random = random }, metatable)
end

local function room(member)
    return member.weight / (member.in_flight + 1)
end

function methods:pick(members, _, _, excluded)
    local a, b = two_of(self.random, members, excluded)
    -- Drawn in either order, so a tie is decided by chance.
    return b and room(b) > room(a) and b or a
end

return least_requests
