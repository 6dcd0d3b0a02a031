--- Command-line flags, environment variables and the configuration file, read by one description of
-- the options. A flag beats the environment, the environment beats the file, the file beats the
-- default. Pure, but for what is an address.
local host = require "host"
local limits = require "perigee.service.limits"
local nearest = require "perigee.service.nearest"

local flags = {}

-- What an option of a kind may be when it says nothing else, in steps of which every value is a
-- whole number. Beyond, the parts of the host that take it would count it differently.
local RANGES = {
    count = { least = 0, most = 1000 * 1000 * 1000, step = 1 },
    duration = { least = 0, most = 30 * 24 * 3600, step = 0.001 },
    size = { least = 1, most = 4095 * 1024 * 1024, step = 1 },
}

local function duration_text(seconds)
    local is_short = seconds > 0 and seconds < 1
    return is_short and ("%gms"):format(seconds * 1000) or ("%.14gs"):format(seconds)
end

local function size_text(bytes)
    for _, unit in ipairs({ { "GB", 1024 ^ 3 }, { "MB", 1024 ^ 2 }, { "KB", 1024 } }) do
        if bytes % unit[2] == 0 then
            return ("%d%s"):format(bytes / unit[2], unit[1])
        end
    end
    return bytes == 1 and "1 byte" or ("%d bytes"):format(bytes)
end

local TEXTS = { count = tostring, duration = duration_text, size = size_text }

-- Returns the value, rounded up to whole steps; or nil and where it should be.
local function check_range(option, value)
    local range = RANGES[option.kind]
    local least, most = option.least or range.least, option.most or range.most
    if value >= least and value <= most or option.is_zero_allowed and value == 0 then
        return math.ceil(value / range.step) * range.step
    end
    local text = TEXTS[option.kind]
    local zero = option.is_zero_allowed and ", or 0" or ""
    return nil, ("from %s to %s%s"):format(text(least), text(most), zero)
end

local PARSERS = {}

-- A configuration file may write a number for a text.
function PARSERS.text(value)
    local text = type(value) == "number" and tostring(value) or value
    if type(text) ~= "string" or text == "" then
        return nil, "a text"
    end
    return text
end

-- What it is the address of is found out by whoever uses it.
function PARSERS.address(value, option)
    local text = PARSERS.text(value)
    if text and (text == option.other or host.is_address(text)) then
        return text
    end
    return nil, "an address such as 127.0.0.1:8080, :8080 or unix:/path"
        .. (option.other and ", or " .. option.other or "")
end

function PARSERS.count(value, option)
    local number = tonumber(value)
    if not number or number % 1 ~= 0 then
        return nil, "a whole number"
    end
    return check_range(option, number)
end

-- Seconds; "250ms", "10s" and "2m" are understood too.
function PARSERS.duration(value, option)
    local digits, unit = tostring(value):match("^([%d%.]+)(%a*)$")
    local factor = ({ [""] = 1, ms = 0.001, s = 1, m = 60 })[unit or "?"]
    local number = tonumber(digits)
    if not number or not factor then
        return nil, "a time such as 250ms, 10s or 2m"
    end
    return check_range(option, number * factor)
end

function PARSERS.share(value)
    local share = tonumber(value)
    if not share or not (share >= 0 and share <= 1) then
        return nil, "a number from 0 to 1"
    end
    return share
end

function PARSERS.size(value, option)
    local is_none = option.is_zero_allowed and tonumber(value) == 0
    local size = is_none and 0 or limits.parse_size(value)
    if not size then
        return nil, "a size such as 64MB"
    end
    return check_range(option, size)
end

function PARSERS.switch(value)
    if value == true or value == "true" or value == "1" then
        return true
    elseif value == false or value == "false" or value == "0" then
        return false
    end
    return nil, "true or false"
end

function PARSERS.choice(value, option)
    for _, choice in ipairs(option.choices) do
        if value == choice then
            return value
        end
    end
    return nil, "one of " .. table.concat(option.choices, ", ")
end

-- A table in a configuration file, in which ":" is no separator.
function PARSERS.list(value, option)
    local list = {}
    for i, item in ipairs(type(value) == "table" and value or {}) do
        list[i] = PARSERS.text(item)
    end
    if type(value) == "table" then
        return #list == #value and list or nil, "a list of texts"
    end
    for item in tostring(value):gmatch("[^" .. (option.separator or ":") .. "]+") do
        list[#list + 1] = item
    end
    return list
end

local function parse_value(option, value, origin)
    local parsed, expected = PARSERS[option.kind](value, option)
    if parsed == nil then
        return nil, ("%s must be %s, got '%s'"):format(origin, expected, tostring(value))
    end
    return parsed
end

local function index_options(options)
    local by_flag, names = {}, {}
    for _, option in ipairs(options) do
        by_flag["--" .. option.name] = option
        names[#names + 1] = "--" .. option.name
        if option.short then
            by_flag["-" .. option.short] = option
        end
        if option.kind == "switch" then
            by_flag["--no-" .. option.name] = option
            names[#names + 1] = "--no-" .. option.name
        end
    end
    return by_flag, names
end

local function unknown_flag(flag, names)
    local hint = nearest(flag, names)
    return ("there is no flag %s%s"):format(flag,
        hint and (": did you mean %s?"):format(hint) or "; see perigee --help")
end

-- The value of a switch: its mere presence says it, "--no-" before its name the opposite.
local function switch_value(flag, inline)
    local is_negated = flag:find("^%-%-no%-") ~= nil
    if inline ~= nil and is_negated then
        return nil, ("%s takes no value"):format(flag)
    elseif inline ~= nil then
        return inline
    end
    return not is_negated
end

-- Takes the flag at arguments[i]. Returns the index of the last argument used, or nil and a
-- message.
local function take_flag(arguments, i, by_flag, names, values)
    local flag, value = arguments[i]:match("^(%-%-[^=]+)=(.*)$")
    flag = flag or arguments[i]
    local option = by_flag[flag]
    if not option then
        return nil, unknown_flag(flag, names)
    end
    local message
    if option.kind == "switch" then
        value, message = switch_value(flag, value)
    elseif value == nil then
        i = i + 1
        value = arguments[i]
        message = ("%s needs a value: %s"):format(flag, option.help)
    end
    if value == nil then
        return nil, message
    end
    local parsed
    parsed, message = parse_value(option, value, flag)
    if parsed == nil then
        return nil, message
    end
    values[option.name] = parsed
    return i
end

--- Reads `arguments` (an array). Returns values by option name and the positional arguments, or nil
-- and a message.
function flags.parse_arguments(options, arguments)
    local by_flag, names = index_options(options)
    local values, positional = {}, {}
    local i = 1
    while i <= #arguments do
        local argument = arguments[i]
        if argument == "--" then
            for j = i + 1, #arguments do
                positional[#positional + 1] = arguments[j]
            end
            break
        elseif argument:find("^%-[^%d]") then -- not a negative number
            local last, message = take_flag(arguments, i, by_flag, names, values)
            if not last then
                return nil, message
            end
            i = last
        else
            positional[#positional + 1] = argument
        end
        i = i + 1
    end
    return values, positional
end

--- The environment variable of an option: "max-body" is PERIGEE_MAX_BODY.
function flags.variable_of(option)
    return "PERIGEE_" .. option.name:upper():gsub("%-", "_")
end

--- The key of an option in the configuration file: "max-body" is max_body.
function flags.key_of(option)
    return (option.name:gsub("%-", "_"))
end

--- Fills `values` from the environment, `file` (a table or nil) and the defaults. Returns true, or
-- nil and a message.
function flags.complete(options, values, getenv, file, file_name)
    for _, option in ipairs(options) do
        local name = option.name
        local origin, value
        if values[name] == nil then
            origin = "the environment's " .. flags.variable_of(option)
            value = getenv(flags.variable_of(option))
            if value == nil and file then
                origin = ("%s: %s"):format(file_name, flags.key_of(option))
                value = file[flags.key_of(option)]
            end
        end
        if value ~= nil then
            local parsed, message = parse_value(option, value, origin)
            if parsed == nil then
                return nil, message
            end
            values[name] = parsed
        elseif values[name] == nil then
            values[name] = option.default
        end
    end
    return true
end

--- Checks that `file` has no key that is not an option. Returns true, or nil and a message.
function flags.check_keys(options, file, file_name)
    local keys, known = {}, {}
    for _, option in ipairs(options) do
        keys[#keys + 1] = flags.key_of(option)
        known[flags.key_of(option)] = true
    end
    for key in pairs(file) do
        if not known[key] then
            local hint = nearest(tostring(key), keys)
            return nil, ("%s: there is no setting '%s'%s"):format(file_name, tostring(key),
                hint and (": did you mean '%s'?"):format(hint) or "")
        end
    end
    return true
end

--- The lines of a help page for `options`.
function flags.describe(options)
    local lines = {}
    for _, option in ipairs(options) do
        local argument = option.kind == "switch" and "" or " " .. option.value
        local left = "  --" .. option.name .. argument
        local default = option.shown_default or option.kind ~= "switch" and option.default
        lines[#lines + 1] = ("%-28s %s%s"):format(left, option.help,
            default and (" [%s]"):format(tostring(default)) or "")
    end
    return table.concat(lines, "\n")
end

return flags
