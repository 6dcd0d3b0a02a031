--- Records of requests (perigee.supervisor.trace_store) as OTLP has them in JSON: the body of a
-- POST to /v1/traces (opentelemetry-proto 1.0, trace/v1 and its JSON mapping). Pure.
local json = require "perigee.json"
local utf8 = require "perigee.metrics.utf8"

local otlp_message = {}

local KINDS = { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 }
local STATUS_ERROR = 2

-- Beyond, not every whole number is one.
local MAX_EXACT = 2 ^ 53

-- A double has no room for nanoseconds since 1970, and 64 bits are texts anyway.
local function nanoseconds(seconds)
    local whole = math.floor(seconds)
    local rest = math.floor((seconds - whole) * 1e9 + 0.5)
    if rest >= 1e9 then
        whole, rest = whole + 1, 0
    end
    return ("%.0f%09d"):format(whole, rest)
end

local function value_of(value)
    if type(value) == "boolean" then
        return { boolValue = value }
    elseif type(value) == "number" and value % 1 == 0 and math.abs(value) <= MAX_EXACT then
        return { intValue = ("%.0f"):format(value) }
    elseif type(value) == "number" and value - value == 0 then
        return { doubleValue = value }
    end
    return { stringValue = utf8.scrub(tostring(value)) }
end

local function attributes_of(attributes)
    local names, list = {}, json.array()
    for name in pairs(attributes or {}) do
        names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
        list[i] = { key = utf8.scrub(name), value = value_of(attributes[name]) }
    end
    return list
end

local function event_of(event)
    return { timeUnixNano = nanoseconds(event.time), name = utf8.scrub(event.name),
        attributes = attributes_of(event.attributes) }
end

local function span_of(span, trace_id)
    local events = json.array()
    for i, event in ipairs(span.events or {}) do
        events[i] = event_of(event)
    end
    return {
        traceId = trace_id, spanId = span.id, parentSpanId = span.parent_id,
        name = utf8.scrub(span.name), kind = KINDS[span.kind],
        startTimeUnixNano = nanoseconds(span.started),
        endTimeUnixNano = nanoseconds(span.started + span.duration_s),
        attributes = attributes_of(span.attributes), events = events,
        status = span.error and { code = STATUS_ERROR, message = utf8.scrub(span.error) }
            or { code = 0 },
    }
end

-- One service is one resource, whatever else the operator says of all.
local function resource_of(service, resource)
    local attributes = {}
    for name, value in pairs(resource) do
        attributes[name] = value
    end
    attributes["service.name"] = resource["service.name"] or service
    attributes["perigee.service"] = service
    return { attributes = attributes_of(attributes) }
end

--- The text for a list of records.
-- @param resource attributes of every service: name → value
-- @param version of the host
function otlp_message.encode(records, resource, version)
    local list, by_service = json.array(), {}
    for _, record in ipairs(records) do
        local spans = by_service[record.service]
        if not spans then
            spans = json.array()
            by_service[record.service] = spans
            list[#list + 1] = { resource = resource_of(record.service, resource),
                scopeSpans = json.array({ { scope = { name = "perigee", version = version },
                    spans = spans } }) }
        end
        for _, span in ipairs(record.spans) do
            spans[#spans + 1] = span_of(span, record.trace_id)
        end
    end
    return json.encode({ resourceSpans = list })
end

return otlp_message
