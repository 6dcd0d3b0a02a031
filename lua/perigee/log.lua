--- `perigee.log`: one line an event, to standard error. log.info("order stored", { id = 7 }).
-- In text: 2026-01-31T12:00:00.123Z INFO  orders  order stored  id=7
local host = require "host"
local lazy = require "perigee.core.lazy"

local cjson = lazy "cjson"

local log = {}

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

-- Set by whoever starts the process or the service: { level=, format=, name= }.
local settings = require "perigee.core.log_settings"

local function timestamp()
    local time = host.wall_time()
    local whole = math.floor(time)
    return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format((time - whole) * 1000)
end

local function sorted_keys(fields)
    local keys = {}
    for key in pairs(fields) do
        keys[#keys + 1] = tostring(key)
    end
    table.sort(keys)
    return keys
end

-- A field never breaks the line: what is not a plain word is quoted.
local function format_value(value)
    local text = tostring(value)
    if text:find("^[%w%._:/+-]+$") then
        return text
    end
    return '"' .. text:gsub('[%c"\\]', function(character)
        return character == '"' and '\\"' or character == "\\" and "\\\\"
            or ("\\x%02x"):format(character:byte())
    end) .. '"'
end

-- Further lines of a message are indented, so that a line that starts at the margin is always a new
-- event.
local function format_text(level, name, message, fields)
    local parts = {
        ("%s %-5s %s  %s"):format(timestamp(), level:upper(), name, (message:gsub("\n", "\n    "))),
    }
    for _, key in ipairs(fields and sorted_keys(fields) or {}) do
        parts[#parts + 1] = key .. "=" .. format_value(fields[key])
    end
    return table.concat(parts, "  ") .. "\n"
end

local function format_json(level, name, message, fields)
    local event = { time = timestamp(), level = level, service = name, message = message }
    for key, value in pairs(fields or {}) do
        key = tostring(key)
        event[event[key] == nil and key or "field_" .. key] =
            type(value) == "number" and value == value and value or tostring(value)
    end
    return cjson.encode(event) .. "\n"
end

local function write(level, message, fields)
    if LEVELS[level] < LEVELS[settings.level] then
        return
    end
    local format = settings.format == "json" and format_json or format_text
    host.write_log(format(level, settings.name, tostring(message), fields))
end

for level in pairs(LEVELS) do
    --- log.debug, log.info, log.warn, log.error (message, fields).
    log[level] = function(message, fields)
        write(level, message, fields)
    end
end

--- For Perigee's own use: an event of another service than this process's own.
function log.event(name, level, message, fields)
    local own = settings.name
    settings.name = name
    write(level, message, fields)
    settings.name = own
end

return log
