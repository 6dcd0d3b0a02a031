--- Two members drawn by chance, which are different; one alone when there is no other. Comparing
-- all would make every caller rush to the same idle instance at once.
local excluding = require "perigee.balancer.excluding"

return function(random, members, excluded)
    members = excluding(members, excluded)
    local count = #members
    if count < 2 then
        return members[1]
    end
    local a, b = random(count), random(count - 1)
    if b >= a then
        b = b + 1
    end
    return members[a], members[b]
end
