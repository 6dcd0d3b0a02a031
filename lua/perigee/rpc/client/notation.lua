--- The options of calls, checked once each: whoever calls in a loop gives the same table again.
local types = require "perigee.rpc.types"

local notation = {}

local KEYS = { timeout_s = true, args = true, reply = true }

-- Options -> what was made of them.
local checked_options = setmetatable({}, { __mode = "k" })

local function parse(found, what)
    if found == nil then
        return nil
    end
    local parsed, problem = types.parse(found)
    if not parsed then
        error(("the type of %s: %s"):format(what, problem), 6)
    end
    return parsed
end

local function check(options)
    if type(options) ~= "table" then
        error("the options of a call are a table, got " .. type(options), 5)
    end
    for key in pairs(options) do
        if not KEYS[key] then
            error(("a call has no option '%s'; there are args, reply and timeout_s"):format(
                tostring(key)), 5)
        end
    end
    local timeout_s = options.timeout_s
    if timeout_s ~= nil and not (type(timeout_s) == "number" and timeout_s > 0) then
        error(("timeout_s must be a number above 0, got %s"):format(tostring(timeout_s)), 5)
    end
    return { timeout_s = timeout_s, args = parse(options.args, "args"),
        reply = parse(options.reply, "reply") }
end

--- The options with their types parsed. They are looked at once, so they must not be changed after
-- the first call with them. Errors name the line four levels up.
function notation.check(options)
    local checked = checked_options[options]
    if not checked then
        checked = check(options)
        checked_options[options] = checked
    end
    return checked
end

--- Checks a reply against its type, and gives fields that are absent their zero values; for codecs
-- whose values need no conversion.
-- @return the value; or nil, "invalid", message
function notation.fit(wanted, value)
    value = types.complete(wanted, value)
    local is_ok, message = types.check(wanted, value, "reply")
    if not is_ok then
        return nil, "invalid", message
    end
    return value
end

return notation
