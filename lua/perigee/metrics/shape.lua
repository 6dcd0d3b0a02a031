--- What a metric may be called, and what shape it may have: Prometheus' rules, and what they leave
-- to good manners. Pure.
local shape = {}

shape.DEFAULT_BUCKETS = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 }

local MAX_NAME_SIZE, MAX_HELP_SIZE, MAX_LABELS, MAX_BUCKETS = 200, 1000, 10, 100

-- The host's own, which are there without a line in a service.
local RESERVED_PREFIXES = { "perigee_", "process_", "http_server_", "rpc_server_" }
local RESERVED_LABELS = { service = "the service", worker = "the worker of a gauge",
    le = "the bound of a bucket", quantile = "a quantile" }

local function check_suffix(kind, name)
    local suffix = name:match("_bucket$") or name:match("_sum$") or name:match("_count$")
    if suffix then
        return ("'%s' must not end in %s, as the lines of a histogram do"):format(name, suffix)
    elseif (name:find("_total$") ~= nil) ~= (kind == "counter") then
        return kind == "counter" and ("'%s' must end in _total, as counters do"):format(name)
            or ("'%s' must not end in _total: only counters do"):format(name)
    end
end

local function check_name(kind, name)
    if type(name) ~= "string" then
        return ("takes a name first, got %s"):format(type(name))
    elseif #name > MAX_NAME_SIZE or not name:find("^[%a_][%w_]*$") then
        return ("'%s' is no name of a metric: letters, digits and _, %d at most"):format(name,
            MAX_NAME_SIZE)
    end
    for _, prefix in ipairs(RESERVED_PREFIXES) do
        if name:sub(1, #prefix) == prefix then
            return ("'%s': names that begin with %s are the host's own"):format(name, prefix)
        end
    end
    return check_suffix(kind, name)
end

local function check_help(help)
    if type(help) ~= "string" or help == "" or #help > MAX_HELP_SIZE then
        return ("takes help second, a text of 1 to %d bytes"):format(MAX_HELP_SIZE)
    end
end

local function check_label(label, seen)
    if type(label) ~= "string" or not label:find("^[%a_][%w_]*$") or label:find("^__") then
        return ("'%s' is no name of a label: letters, digits and _, not __ at the beginning")
            :format(tostring(label))
    elseif RESERVED_LABELS[label] then
        return ("the label %s is the host's own: %s"):format(label, RESERVED_LABELS[label])
    elseif seen[label] then
        return ("the label %s stands there twice"):format(label)
    end
end

local function check_labels(labels)
    local seen = {}
    if #labels > MAX_LABELS then
        return ("%d labels are too many, there may be %d"):format(#labels, MAX_LABELS)
    end
    for _, label in ipairs(labels) do
        local problem = check_label(label, seen)
        if problem then
            return problem
        end
        seen[label] = true
    end
end

local function check_buckets(buckets)
    if type(buckets) ~= "table" or #buckets == 0 or #buckets > MAX_BUCKETS then
        return ("buckets must be a list of 1 to %d numbers"):format(MAX_BUCKETS)
    end
    for i, bound in ipairs(buckets) do
        if type(bound) ~= "number" or bound ~= bound or math.abs(bound) == math.huge
            or i > 1 and bound <= buckets[i - 1] then
            return ("buckets must be numbers that grow, and number %d is %s"):format(i,
                tostring(bound))
        end
    end
end

local function check_options(kind, options)
    if options ~= nil and type(options) ~= "table" then
        return ("takes a table of labels third, got %s"):format(type(options))
    end
    for key in pairs(options or {}) do
        if type(key) ~= "number" and not (key == "buckets" and kind == "histogram") then
            return ("'%s' is no option: there are labels, as a list%s"):format(tostring(key),
                kind == "histogram" and ", and buckets" or "")
        end
    end
end

--- What is wrong with what metrics.counter, gauge or histogram was called with; nil when nothing
-- is.
function shape.problem(kind, name, help, options)
    local problem = check_name(kind, name) or check_help(help) or check_options(kind, options)
        or check_labels(options or {})
    if not problem and options and options.buckets ~= nil then
        problem = check_buckets(options.buckets)
    end
    return problem
end

--- In words, for whoever asks for another of the same name: "a counter with the labels a, b".
function shape.describe(kind, labels, buckets)
    local text = "a " .. kind
    if #labels > 0 then
        text = text .. " with the label" .. (#labels > 1 and "s " or " ")
            .. table.concat(labels, ", ")
    else
        text = text .. " without labels"
    end
    if buckets and buckets ~= shape.DEFAULT_BUCKETS then
        text = text .. " and the buckets " .. table.concat(buckets, ", ")
    end
    return text
end

return shape
