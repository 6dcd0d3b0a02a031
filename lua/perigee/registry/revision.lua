--- etcd's revisions: 64-bit numbers in decimal, kept as text.
local revision = {}

--- The one after it.
function revision.next(text)
    local digits, rest = text:match("^(.-)(%d9*)$")
    if not rest:find("^9") then
        return digits .. tostring(tonumber(rest:sub(1, 1)) + 1) .. ("0"):rep(#rest - 1)
    end
    return digits .. "1" .. ("0"):rep(#rest)
end

--- Whether a is before b.
function revision.is_before(a, b)
    if #a ~= #b then
        return #a < #b
    end
    return a < b
end

return revision
