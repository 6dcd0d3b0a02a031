--- What becomes of a trace when its root has ended (perigee.core.spans): it is forgotten, or made a
-- record (perigee.supervisor.trace_store) and given away.
local host = require "host"
local settings = require "perigee.core.trace_settings"

local trace_record = {}

-- Records in one second: of requests that were slow or failed, which can be all at once; and of
-- sampled ones. Further ones are counted.
local MOST_KEPT, MOST_SAMPLED = 50, 1000

local window_ends_at, kept_count, sampled_count = 0, 0, 0
local dropped_count = 0

local function has_room(is_sampled)
    local now = host.now()
    if now >= window_ends_at then
        window_ends_at, kept_count, sampled_count = now + 1, 0, 0
    end
    if is_sampled then
        sampled_count = sampled_count + 1
        return sampled_count <= MOST_SAMPLED
    end
    kept_count = kept_count + 1
    return kept_count <= MOST_KEPT
end

local function id_of(span)
    span.id = span.id or host.random_id()
    return span.id
end

local function describe_events(events, offset)
    local list = {}
    for i, event in ipairs(events or {}) do
        list[i] = { name = event.name, time = event.at + offset, attributes = event.attributes }
    end
    return list[1] and list or nil
end

-- `offset` is what makes a time of the monotonic clock one of the wall's.
local function describe(span, offset)
    local parent = span.parent
    return {
        id = id_of(span),
        parent_id = parent and id_of(parent) or span.trace.parent_id or nil,
        name = span.name, kind = span.kind,
        started = span.started + offset,
        duration_s = math.max(0, span.ended - span.started),
        error = span.error or nil,
        attributes = span.attributes,
        events = describe_events(span.events, offset),
    }
end

local function describe_all(list, offset)
    local described = {}
    for _, span in ipairs(list) do
        if span.ended then
            described[#described + 1] = describe(span, offset)
        end
    end
    return described
end

local function compose(trace, span, list)
    local offset = host.wall_time() - host.now()
    local attributes = span.attributes or {}
    trace.id = trace.id or host.random_id() .. host.random_id()
    return {
        trace_id = trace.id,
        name = span.name,
        started = span.started + offset,
        duration_s = math.max(0, span.ended - span.started),
        status = attributes["http.response.status_code"],
        error = span.error or nil,
        is_sampled = trace.is_sampled,
        dropped_spans = trace.dropped_count > 0 and trace.dropped_count or nil,
        spans = describe_all(list, offset),
    }
end

local function give(record)
    record.dropped = dropped_count > 0 and dropped_count or nil
    dropped_count = 0
    settings.emit(record)
end

-- A span that ends after its root, such as that of a task it started, goes after it.
local function send_late(trace, span)
    if has_room(trace.is_sampled) then
        local record = compose(trace, span, { span })
        record.is_late = true
        give(record)
    else
        dropped_count = dropped_count + 1
    end
end

-- A stream may last as it likes, so it says itself how long it took to begin.
local function is_slow(root)
    local ended = root.answered or root.ended
    return ended - root.started >= settings.slow_s
end

--- `span` of the trace has ended: its root, or a later one.
function trace_record.conclude(trace, span)
    local root = trace.list[1]
    if not settings.emit then
        return
    elseif span ~= root then
        send_late(trace, span)
        return
    end
    local slow, failed = is_slow(root), root.error ~= false
    if not (slow or failed or trace.is_sampled) then
        return
    elseif not has_room(trace.is_sampled) then
        dropped_count = dropped_count + 1
        return
    end
    trace.is_kept = true
    local record = compose(trace, root, trace.list)
    record.is_slow, record.is_failed = slow, failed
    give(record)
end

return trace_record
