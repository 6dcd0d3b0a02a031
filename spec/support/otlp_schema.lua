--- What a body of OTLP over HTTP with JSON may be: opentelemetry-proto's trace.proto, common.proto
-- and resource.proto, with the rules of its JSON mapping: ids are hexadecimal, 64-bit integers are
-- decimal texts, enumerations are numbers, names are in lowerCamelCase.
local json = require "perigee.json"

local schema = {}

local check

local function fail(path, what)
    error(("%s %s"):format(path, what), 0)
end

local function text(value, path)
    if type(value) ~= "string" then
        fail(path, "is no text")
    end
end

local function matching(pattern, what)
    return function(value, path)
        if type(value) ~= "string" or not value:find(pattern) then
            fail(path, ("is no %s: %s"):format(what, tostring(value)))
        end
    end
end

local function id(digits)
    return function(value, path)
        local pattern = "^" .. ("[%da-f]"):rep(digits) .. "$"
        matching(pattern, "id of " .. digits .. " digits")(value, path)
        if not value:find("[^0]") then
            fail(path, "is all zeros")
        end
    end
end

local function enumeration(last)
    return function(value, path)
        if type(value) ~= "number" or value % 1 ~= 0 or value < 0 or value > last then
            fail(path, "is no value of its enumeration: " .. tostring(value))
        end
    end
end

local function list_of(name)
    return function(value, path)
        if type(value) ~= "table" or next(value) and not value[1] then
            fail(path, "is no array")
        end
        for i, item in ipairs(value) do
            check(name, item, ("%s[%d]"):format(path, i))
        end
    end
end

local function message(name)
    return function(value, path)
        check(name, value, path)
    end
end

local function kind(name)
    return function(value, path)
        if type(value) ~= name then
            fail(path, "is no " .. name)
        end
    end
end

local nanoseconds = matching("^%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d$", "time in nanoseconds")
local uint32 = enumeration(2 ^ 32 - 1)

-- Field -> its check; those in `required` must be there.
local MESSAGES = {
    TracesData = { resourceSpans = list_of "ResourceSpans" },
    ResourceSpans = { resource = message "Resource", scopeSpans = list_of "ScopeSpans",
        schemaUrl = text },
    Resource = { attributes = list_of "KeyValue", droppedAttributesCount = uint32 },
    ScopeSpans = { scope = message "InstrumentationScope", spans = list_of "Span",
        schemaUrl = text },
    InstrumentationScope = { name = text, version = text, attributes = list_of "KeyValue",
        droppedAttributesCount = uint32 },
    Span = { traceId = id(32), spanId = id(16), parentSpanId = id(16), traceState = text,
        flags = uint32, name = text, kind = enumeration(5), startTimeUnixNano = nanoseconds,
        endTimeUnixNano = nanoseconds, attributes = list_of "KeyValue",
        droppedAttributesCount = uint32, events = list_of "Event", droppedEventsCount = uint32,
        links = list_of "Link", droppedLinksCount = uint32, status = message "Status" },
    Event = { timeUnixNano = nanoseconds, name = text, attributes = list_of "KeyValue",
        droppedAttributesCount = uint32 },
    Link = { traceId = id(32), spanId = id(16), traceState = text,
        attributes = list_of "KeyValue", droppedAttributesCount = uint32, flags = uint32 },
    Status = { message = text, code = enumeration(2) },
    KeyValue = { key = text, value = message "AnyValue" },
    AnyValue = { stringValue = text, boolValue = kind "boolean",
        intValue = matching("^%-?%d+$", "decimal text"), doubleValue = kind "number",
        arrayValue = message "ArrayValue", kvlistValue = message "KeyValueList",
        bytesValue = matching("^[%w+/]*=*$", "base64") },
    ArrayValue = { values = list_of "AnyValue" },
    KeyValueList = { values = list_of "KeyValue" },
}

local REQUIRED = {
    Span = { "traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano" },
    Event = { "timeUnixNano", "name" },
    KeyValue = { "key", "value" },
}

function check(name, value, path)
    if type(value) ~= "table" then
        fail(path, "is no " .. name)
    end
    for field, item in pairs(value) do
        local fits = MESSAGES[name][field]
        if not fits then
            fail(path, ("has a field %s, which a %s has not"):format(tostring(field), name))
        end
        fits(item, path .. "." .. field)
    end
    for _, field in ipairs(REQUIRED[name] or {}) do
        if value[field] == nil then
            fail(path, ("has no field %s"):format(field))
        end
    end
    local first = next(value)
    if name == "AnyValue" and (not first or next(value, first)) then
        fail(path, "must have exactly one value")
    end
end

--- The decoded body, when it follows the schema; an error says where it does not.
function schema.check(body)
    if body:find('"attributes":{}', 1, true) or body:find('"events":{}', 1, true) then
        error("an empty list is written as an object", 2)
    end
    local data = assert(json.decode(body))
    check("TracesData", data, "body")
    return data
end

return schema
