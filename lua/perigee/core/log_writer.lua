--- Writes one line an event, for perigee.log and for whoever must not depend on what a script has
-- done to that.
local host = require "host"
local lazy = require "perigee.core.lazy"

local cjson = lazy "cjson"

local log_writer = {}

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

-- Set by whoever starts the process or the service: { level=, format=, name= }.
local settings = require "perigee.core.log_settings"

local function timestamp()
    local time = host.wall_time()
    local whole = math.floor(time)
    return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format((time - whole) * 1000)
end

-- The fields by the text of their names, and those texts in order.
local function sort_fields(fields)
    local keys, by_key = {}, {}
    for key, value in pairs(fields) do
        key = tostring(key)
        keys[#keys + 1], by_key[key] = key, value
    end
    table.sort(keys)
    return keys, by_key
end

local function escape(character)
    return character == '"' and '\\"' or character == "\\" and "\\\\"
        or ("\\x%02x"):format(character:byte())
end

-- A field never breaks the line: what is not a plain word is quoted.
local function format_word(value)
    local text = tostring(value)
    if text:find("^[%w%._:/+-]+$") then
        return text
    end
    return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

-- Further lines of a message are indented, so that a line that starts at the margin is always a new
-- event. Other control characters could do to a terminal what they like.
local function format_message(text)
    return (text:gsub("[%z\1-\8\11-\31\127]", escape):gsub("\n", "\n    "))
end

local function format_text(level, name, message, fields)
    local parts = {
        ("%s %-5s %s  %s"):format(timestamp(), level:upper(), name, format_message(message)),
    }
    local keys, by_key = sort_fields(fields or {})
    for _, key in ipairs(keys) do
        parts[#parts + 1] = format_word(key) .. "=" .. format_word(by_key[key])
    end
    return table.concat(parts, "  ") .. "\n"
end

local function format_json(level, name, message, fields)
    local event = { time = timestamp(), level = level, service = name, message = message }
    for key, value in pairs(fields or {}) do
        key = tostring(key)
        event[event[key] == nil and key or "field_" .. key] =
            type(value) == "number" and value - value == 0 and value or tostring(value)
    end
    return cjson.encode(event) .. "\n"
end

--- `message` is a text. Nothing is written below the level of the settings.
function log_writer.write(level, name, message, fields)
    if LEVELS[level] < LEVELS[settings.level] then
        return
    end
    local format = settings.format == "json" and format_json or format_text
    host.write_log(format(level, name, message, fields))
end

return log_writer
