--- Values as bytes, for what crosses from one isolate to another: strings, numbers, booleans, nil,
-- int64 and tables of them. The encoding is LuaJIT's own; only encode and decode of it are used,
-- the buffer object hands out raw pointers.
local buffer = require "string.buffer"

local copy = {}

local COPYABLE = {
    ["string"] = true, ["number"] = true, ["boolean"] = true, ["nil"] = true, ["cdata"] = true,
}
local MAX_DEPTH = 100

local function describe_key(path, key)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") then
        return path .. "." .. key
    end
    return ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

-- Whether all in a table can be copied, as far as that is plain; a table inside itself is not.
local function is_plain(value, depth)
    for key, item in pairs(value) do
        if not COPYABLE[type(key)] then
            return false
        elseif type(item) == "table" then
            if depth == MAX_DEPTH or not is_plain(item, depth + 1) then
                return false
            end
        elseif not COPYABLE[type(item)] then
            return false
        end
    end
    return true
end

-- Finds what cannot be copied. Returns its path and why, or nil.
local function find_fault(value, path, above, depth)
    if COPYABLE[type(value)] then
        return nil
    elseif type(value) ~= "table" then
        return path, "a " .. type(value)
    elseif above[value] then
        return path, "a table inside itself"
    elseif depth > MAX_DEPTH then
        return path, ("nested deeper than %d"):format(MAX_DEPTH)
    end
    above[value] = true
    for key, item in pairs(value) do
        local place, reason = find_fault(key, path .. " (a key)", above, depth + 1)
        if not place then
            place, reason = find_fault(item, describe_key(path, key), above, depth + 1)
        end
        if place then
            return place, reason
        end
    end
    above[value] = nil
end

--- The bytes of `value`. Returns nil, "invalid", detail when it cannot be copied;
-- `name` is what the detail calls the value.
function copy.encode(value, name)
    local kind = type(value)
    if not (kind == "table" and is_plain(value, 1) or COPYABLE[kind]) then
        -- Names of places cost more than all else, so they are made only for who asks why.
        local path, reason = find_fault(value, name or "the value", {}, 0)
        if path then
            return nil, "invalid", ("%s is %s, which cannot be copied"):format(path, reason)
        end
    end
    return buffer.encode(value)
end

--- The value of `bytes`. Returns nil, "invalid", detail when they are not what encode makes.
function copy.decode(bytes)
    local is_ok, value = pcall(buffer.decode, bytes)
    if not is_ok then
        return nil, "invalid", value
    end
    return value
end

return copy
