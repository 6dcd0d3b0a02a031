--- The options of calls, checked once each: whoever calls in a loop gives the same table again.
local type_check = require "perigee.rpc.type_check"
local types = require "perigee.rpc.types"

local notation = {}

local MAX_CREDIT = 65536
local DEFAULT_CREDIT = 64

local function anything() end

local function part(value)
    return type(value) ~= "table" and type(value) ~= "boolean" and "a table, true or false" or nil
end

-- Option → what it must be when it is not, or nil.
local CHECKS = {
    args = anything,
    credit = function(value)
        local is_fine = type(value) == "number" and value % 1 == 0 and value > 0
            and value <= MAX_CREDIT
        return not is_fine and ("a whole number from 1 to %d"):format(MAX_CREDIT) or nil
    end,
    hedge = part,
    is_idempotent = function(value)
        return type(value) ~= "boolean" and "true or false" or nil
    end,
    key = function(value)
        return type(value) ~= "string" and "a string" or nil
    end,
    positional = function(value)
        return type(value) ~= "boolean" and "true or false" or nil
    end,
    reply = anything,
    retries = part,
    timeout_s = function(value)
        return not (type(value) == "number" and value > 0) and "a number above 0" or nil
    end,
}

-- Options -> what was made of them.
local checked_options = setmetatable({}, { __mode = "k" })

local function parse(found, what, level)
    if found == nil then
        return nil
    end
    local parsed, problem = types.parse(found)
    if not parsed then
        error(("the type of %s: %s"):format(what, problem), level + 1)
    end
    return parsed
end

local function problem_of(options)
    if type(options) ~= "table" then
        return "the options of a call are a table, got " .. type(options)
    end
    for key, value in pairs(options) do
        if not CHECKS[key] then
            return ("a call has no option '%s'; there are args, credit, hedge, is_idempotent, key, "
                .. "positional, reply, retries and timeout_s"):format(tostring(key))
        end
        local wanted = CHECKS[key](value)
        if wanted then
            return ("%s must be %s, got %s"):format(key, wanted, tostring(value))
        end
    end
end

-- What matters only where a service may run in several places: perigee.destination.
local function wishes_of(options)
    local wishes = { key = options.key, is_idempotent = options.is_idempotent,
        retries = options.retries, hedge = options.hedge }
    return next(wishes) ~= nil and wishes
end

local function check(options, level)
    local problem = problem_of(options)
    if problem then
        error(problem, level + 1)
    end
    return { timeout_s = options.timeout_s, positional = options.positional and true or false,
        credit = options.credit or DEFAULT_CREDIT, wishes = wishes_of(options),
        args = parse(options.args, "args", level + 1),
        reply = parse(options.reply, "reply", level + 1) }
end

local defaults = { credit = DEFAULT_CREDIT, positional = false }

--- The options with their types parsed. They are looked at once, so they must not be changed after
-- the first call with them. Errors name the line at `level`, 1 being the caller.
function notation.check(options, level)
    if options == nil then
        return defaults
    end
    local checked = checked_options[options]
    if not checked then
        checked = check(options, level + 1)
        checked_options[options] = checked
    end
    return checked
end

--- Says what is wrong with the argument of a call; nil when nothing is. Params by position are a
-- list.
function notation.args_problem(args, options)
    if options.positional and not (type(args) == "table" and type_check.list_length(args)) then
        return "args must be a list when they are positional, got " .. type(args)
    end
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
