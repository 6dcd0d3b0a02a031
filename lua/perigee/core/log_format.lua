--- What an event of the log looks like, as text and as JSON. Nothing of an event can be taken for
-- another one: a line that begins at the margin is an event, its further lines are indented.
local host = require "host"
local lazy = require "perigee.core.lazy"

local cjson = lazy "cjson"

local log_format = {}

-- Of a message, and of the value of each field.
local MAX_SIZE = 16 * 1024
local MAX_FIELDS = 64

local INDENT = "\n    "

local function timestamp()
    local time = host.wall_time()
    local whole = math.floor(time)
    return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format((time - whole) * 1000)
end

local function cut(text)
    if #text > MAX_SIZE then
        return ("%s... (%d bytes in all)"):format(text:sub(1, MAX_SIZE), #text)
    end
    return text
end

-- The fields by the text of their names, and those texts in order.
local function sort_fields(fields)
    local keys, by_key = {}, {}
    for key, value in pairs(fields) do
        key = cut(tostring(key))
        if #keys < MAX_FIELDS or by_key[key] ~= nil then
            keys[#keys + 1], by_key[key] = key, value
        end
    end
    table.sort(keys)
    return keys, by_key
end

local function escape(character)
    return character == '"' and '\\"' or character == "\\" and "\\\\"
        or ("\\x%02x"):format(character:byte())
end

-- Control characters could do to a terminal what they like.
local function escape_controls(text)
    return (text:gsub("[%z\1-\8\11-\31\127]", escape))
end

-- What is not a plain word is quoted.
local function format_word(text)
    if text:find("^[%w%._:/+-]+$") then
        return text
    end
    return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

-- A value of several lines, such as a traceback, stands below its event.
local function format_block(key, text)
    return INDENT .. format_word(key) .. ":" .. INDENT .. "    "
        .. escape_controls(text):gsub("\n", INDENT .. "    ")
end

--- An event as text, with its line end.
-- @param fields a table or nil
function log_format.text(level, name, message, fields)
    local line = {
        ("%s %-5s %s  %s"):format(timestamp(), level:upper(), name,
            escape_controls(cut(message)):gsub("\n", INDENT)),
    }
    local blocks = {}
    local keys, by_key = sort_fields(fields or {})
    for _, key in ipairs(keys) do
        local text = cut(tostring(by_key[key]))
        if text:find("\n", 1, true) then
            blocks[#blocks + 1] = format_block(key, text)
        else
            line[#line + 1] = format_word(key) .. "=" .. format_word(text)
        end
    end
    return table.concat(line, "  ") .. table.concat(blocks) .. "\n"
end

local function plain(value)
    if type(value) == "boolean" or type(value) == "number" and value - value == 0 then
        return value
    end
    return cut(tostring(value))
end

--- The same as one line of JSON: time, level, service, message, and each field; one that has the
-- name of these goes by "field_NAME".
function log_format.json(level, name, message, fields)
    local event = { time = timestamp(), level = level, service = name, message = cut(message) }
    local keys, by_key = sort_fields(fields or {})
    for _, key in ipairs(keys) do
        event[event[key] == nil and key or "field_" .. key] = plain(by_key[key])
    end
    return cjson.encode(event) .. "\n"
end

return log_format
