--- The members that were not tried yet; all when none is left. A policy that decides between any
-- few of them need not know who was tried before.
return function(members, excluded)
    if not excluded or next(excluded) == nil then
        return members
    end
    local left = {}
    for i = 1, #members do
        if not excluded[members[i]] then
            left[#left + 1] = members[i]
        end
    end
    return left[1] and left or members
end
