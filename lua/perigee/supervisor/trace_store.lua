--- The last requests that were slow, failed or were sampled, with their spans. A record is what one
-- service did for one request:
--
--    { trace_id = 32 hex digits, service =, worker =, name = "GET /orders/:id",
--      started = seconds since 1970, duration_s =, status = of HTTP or nil, error = text or nil,
--      is_slow =, is_failed =, is_sampled =, dropped_spans = how many had no room,
--      is_late = its spans belong to a record that was given before,
--      spans = { { id = 16 hex digits, parent_id = or nil, name =, kind = "server", started =,
--        duration_s =, error =, attributes =, events = }, ... } }
--
-- Records of one trace may come from several services and workers.
local json = require "perigee.json"
local otlp = require "perigee.core.lazy" "perigee.supervisor.otlp"

local trace_store = {}
local methods = {}
local metatable = { __index = methods }

local KINDS = { "slow", "failed", "sampled" }

-- Of one service and kind, and of all; those that were kept first make room.
local RING_LIMIT, TOTAL_LIMIT = 32, 1000

-- Of one record, with those that come late.
local MOST_SPANS = 256

function trace_store.new()
    return setmetatable({
        rings = {},      -- "kind service" -> records, the oldest first
        all = {},        -- records, the oldest first
        by_id = {},      -- trace id -> its records
        kept_count = 0,
        evicted_count = 0,
        exporter = nil,
    }, metatable)
end

--- True for a kind of records.
function trace_store.is_kind(name)
    return name == "slow" or name == "failed" or name == "sampled"
end

local function remove(list, item)
    for i, one in ipairs(list) do
        if one == item then
            table.remove(list, i)
            return
        end
    end
end

local function key_of(kind, service)
    return kind .. " " .. service
end

local function each_ring(self, record, fn)
    for _, kind in ipairs(KINDS) do
        if record["is_" .. kind] then
            local key = key_of(kind, record.service)
            self.rings[key] = self.rings[key] or {}
            fn(self.rings[key])
        end
    end
end

local function forget(self, record)
    remove(self.all, record)
    local of_trace = self.by_id[record.trace_id]
    remove(of_trace, record)
    if not of_trace[1] then
        self.by_id[record.trace_id] = nil
    end
    self.evicted_count = self.evicted_count + 1
end

-- A record may be in several rings, and is kept while it is in one.
local function drop_from_ring(self, ring)
    local record = table.remove(ring, 1)
    record.ring_count = record.ring_count - 1
    if record.ring_count == 0 then
        forget(self, record)
    end
end

local function drop_oldest(self)
    local record = self.all[1]
    each_ring(self, record, function(ring)
        remove(ring, record)
    end)
    forget(self, record)
end

-- Spans that ended after the record they belong to was made; it may be gone by now.
local function add_late(self, record)
    for _, earlier_record in ipairs(self.by_id[record.trace_id] or {}) do
        if earlier_record.service == record.service
            and #earlier_record.spans < MOST_SPANS then
            for _, span in ipairs(record.spans) do
                table.insert(earlier_record.spans, span)
            end
            return
        end
    end
end

--- Keeps a record of one of the kinds.
function methods:add(record)
    if record.is_late then
        add_late(self, record)
        return
    end
    record.ring_count = 0
    self.kept_count = self.kept_count + 1
    self.all[#self.all + 1] = record
    self.by_id[record.trace_id] = self.by_id[record.trace_id] or {}
    table.insert(self.by_id[record.trace_id], record)
    each_ring(self, record, function(ring)
        ring[#ring + 1] = record
        record.ring_count = record.ring_count + 1
        if #ring > RING_LIMIT then
            drop_from_ring(self, ring)
        end
    end)
    if #self.all > TOTAL_LIMIT then
        drop_oldest(self)
    end
end

--- Keeps a list of records of the worker in `slot`, and sends them on if they are to be sent.
function methods:add_all(records, slot)
    for _, record in ipairs(records) do
        record.worker = slot
        self:add(record)
    end
    if self.exporter then
        self.exporter:add_all(records)
    end
end

--- Has what comes from now on sent to a collector; nothing without `settings`
-- (perigee.supervisor.otlp).
function methods:export(settings)
    self.exporter = settings and otlp.open(settings)
end

--- Sends what is still to be sent, and waits for that, within bounds.
function methods:close()
    if self.exporter then
        self.exporter:close()
    end
end

local function summarize(record)
    local kinds = json.array()
    for _, kind in ipairs(KINDS) do
        if record["is_" .. kind] then
            kinds[#kinds + 1] = kind
        end
    end
    return {
        id = record.trace_id, service = record.service, worker = record.worker, kinds = kinds,
        name = record.name, started = record.started, duration_s = record.duration_s,
        status = record.status, error = record.error, span_count = #record.spans,
    }
end

local function is_wanted(record, service, kind)
    return (not service or record.service == service)
        and (not kind or record["is_" .. kind])
end

--- The last `count` records, the newest first: { id =, service =, worker =, kinds =, name =,
-- started =, duration_s =, status =, error =, span_count = }.
-- @param service, kind which; nil for any
function methods:list(service, kind, count)
    local list = json.array()
    for i = #self.all, 1, -1 do
        local record = self.all[i]
        if #list < count and is_wanted(record, service, kind) then
            list[#list + 1] = summarize(record)
        end
    end
    return list
end

local function describe_span(span, record)
    local events = span.events and json.array(span.events)
    return {
        id = span.id, parent_id = span.parent_id, name = span.name, kind = span.kind,
        service = record.service, worker = record.worker, started = span.started,
        duration_s = span.duration_s, error = span.error, attributes = span.attributes,
        events = events, children = json.array(),
    }
end

local function earlier(a, b)
    return a.started < b.started
end

-- Hangs each span below its parent. One whose parent is not here is a root.
local function make_tree(spans)
    local by_id, roots = {}, json.array()
    for _, span in ipairs(spans) do
        by_id[span.id] = span
    end
    table.sort(spans, earlier)
    for _, span in ipairs(spans) do
        local parent = span.parent_id and by_id[span.parent_id]
        local siblings = parent and parent ~= span and parent.children or roots
        siblings[#siblings + 1] = span
    end
    return roots
end

--- A trace whole: { id =, started =, duration_s =, dropped_spans =, spans = its roots }, each span
-- { id =, parent_id =, name =, kind =, service =, worker =, started =, duration_s =, error =,
-- attributes =, events =, children = }; nil when it is not kept.
function methods:get(id)
    local records = self.by_id[id]
    if not records then
        return nil
    end
    local spans, dropped_count = {}, 0
    local first, last = math.huge, 0
    for _, record in ipairs(records) do
        dropped_count = dropped_count + (record.dropped_spans or 0)
        first = math.min(first, record.started)
        last = math.max(last, record.started + record.duration_s)
        for _, span in ipairs(record.spans) do
            spans[#spans + 1] = describe_span(span, record)
        end
    end
    return { id = id, started = first, duration_s = last - first, dropped_spans = dropped_count,
        spans = make_tree(spans) }
end

--- { kept =, evicted =, held =, export = of perigee.supervisor.otlp, if there is one }.
function methods:counters()
    return { kept = self.kept_count, evicted = self.evicted_count, held = #self.all,
        export = self.exporter and self.exporter:status() }
end

return trace_store
