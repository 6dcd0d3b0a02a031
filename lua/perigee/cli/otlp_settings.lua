--- Where traces go, and what is said of all: --otlp, and the variables that OpenTelemetry has for
-- all its kits (docs/tracing.md).
local uri = require "perigee.http.uri"
local url_coding = require "perigee.http.url"

local otlp_settings = {}

local PATH = "/v1/traces"

-- "a=1,b=2%2C3" as a table, as W3C Baggage writes it; nil when it is malformed.
local function parse_pairs(text)
    local list = {}
    for item in (text or ""):gmatch("[^,]+") do
        local name, value = item:match("^%s*([^=%s]+)%s*=%s*(.-)%s*$")
        local decoded = name and url_coding.decode(value)
        if not decoded or decoded:find("%c") then
            return nil
        end
        list[name] = decoded
    end
    return list
end

local function find_url(base, getenv)
    local whole = getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    base = base or not whole and getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    if base then
        return base:gsub("/+$", "") .. PATH
    end
    return whole
end

local function resource_of(getenv)
    local resource = parse_pairs(getenv("OTEL_RESOURCE_ATTRIBUTES"))
    if resource then
        resource["service.name"] = getenv("OTEL_SERVICE_NAME") or resource["service.name"]
    end
    return resource
end

local function is_disabled(getenv)
    return (getenv("OTEL_SDK_DISABLED") or ""):lower() == "true"
end

--- What perigee.supervisor.otlp wants; nil when traces go nowhere; nil and what is wrong.
-- @param base the value of --otlp, or nil
-- @param getenv function(name) → value or nil
function otlp_settings.read(base, getenv)
    local url = find_url(base, getenv)
    if not url or is_disabled(getenv) then
        return nil
    end
    local parsed, problem = uri.parse(url)
    if not parsed then
        return nil, ("--otlp: %s: %s"):format(url, problem)
    end
    local headers = parse_pairs(getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
        or getenv("OTEL_EXPORTER_OTLP_HEADERS"))
    if not headers then
        return nil, "OTEL_EXPORTER_OTLP_HEADERS must be NAME=VALUE,..."
    end
    local resource = resource_of(getenv)
    if not resource then
        return nil, "OTEL_RESOURCE_ATTRIBUTES must be NAME=VALUE,..."
    end
    return { url = url, headers = headers, resource = resource }
end

local SHARES = { always_on = 1, always_off = 0, parentbased_always_on = 1,
    parentbased_always_off = 0 }
local RATIOS = { traceidratio = true, parentbased_traceidratio = true }

--- The share of traces that OTEL_TRACES_SAMPLER wants sampled; nil when it says nothing; nil and
-- what is wrong.
function otlp_settings.sample(getenv)
    local name = getenv("OTEL_TRACES_SAMPLER")
    if not name then
        return nil
    elseif SHARES[name] then
        return SHARES[name]
    elseif not RATIOS[name] then
        return nil, ("OTEL_TRACES_SAMPLER: there is no sampler '%s'"):format(name)
    end
    local share = tonumber(getenv("OTEL_TRACES_SAMPLER_ARG") or 1)
    if not share or not (share >= 0 and share <= 1) then
        return nil, "OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1"
    end
    return share
end

return otlp_settings
