--- A function that remembers what another gave for its argument, so that what every call of a kind
-- has in common is made once. It forgets all when it has remembered much.
local MAX_COUNT = 4096

return function(make)
    local made, count = {}, 0
    return function(argument)
        local found = made[argument]
        if found == nil then
            if count == MAX_COUNT then
                made, count = {}, 0
            end
            found = make(argument)
            made[argument], count = found, count + 1
        end
        return found
    end
end
