--- `table.sort` of scripts: Lua's own, step by step, but written in Lua, so that it is cut like any
-- other loop and the comparator may wait.
local sort_builtin = table.sort
local floor = math.floor
local rawget, rawset = rawget, rawset

-- Returns whether they were in the wrong order.
local function put_in_order(list, i, j, is_less)
    local a, b = rawget(list, i), rawget(list, j)
    if is_less(b, a) then
        rawset(list, i, b)
        rawset(list, j, a)
        return true
    end
    return false
end

-- Partitions list[first..last] around list[last - 1], of at least four. Returns where that is now;
-- nil when the comparator contradicts itself.
local function partition(list, first, last, is_less)
    local pivot = rawget(list, last - 1)
    local i, j = first, last - 1
    while true do
        i = i + 1
        local low = rawget(list, i)
        while is_less(low, pivot) do
            if i >= last then
                return nil
            end
            i = i + 1
            low = rawget(list, i)
        end
        j = j - 1
        local high = rawget(list, j)
        while is_less(pivot, high) do
            if j <= first then
                return nil
            end
            j = j - 1
            high = rawget(list, j)
        end
        if j < i then
            rawset(list, last - 1, low)
            rawset(list, i, pivot)
            return i
        end
        rawset(list, i, high)
        rawset(list, j, low)
    end
end

-- Puts the median of first, middle and last where partition wants it; all, if these are all.
local function prepare(list, first, last, is_less)
    put_in_order(list, first, last, is_less)
    if last - first == 1 then
        return
    end
    local middle = floor((first + last) / 2)
    if not put_in_order(list, first, middle, is_less) then
        put_in_order(list, middle, last, is_less)
    end
    if last - first > 2 then
        local pivot = rawget(list, middle)
        rawset(list, middle, rawget(list, last - 1))
        rawset(list, last - 1, pivot)
    end
end

-- Returns false when the comparator contradicts itself.
local function sort_range(list, first, last, is_less)
    while first < last do
        prepare(list, first, last, is_less)
        if last - first <= 2 then
            return true
        end
        local middle = partition(list, first, last, is_less)
        if not middle then
            return false
        end
        -- The smaller part by recursion, which is never deep then.
        local left, right = middle - 1, middle + 1
        if middle - first < last - middle then
            left, right, first = first, left, right
        else
            left, right, last = right, last, left
        end
        if not sort_range(list, left, right, is_less) then
            return false
        end
    end
    return true
end

local function is_less_by_itself(a, b)
    return a < b
end

--- Sorts list[1..#list] in place.
return function(list, is_less)
    if type(list) ~= "table" or is_less ~= nil and type(is_less) ~= "function" then
        return sort_builtin(list, is_less) -- which says what is wrong
    end
    if not sort_range(list, 1, #list, is_less or is_less_by_itself) then
        error("invalid order function for sorting", 2)
    end
end
