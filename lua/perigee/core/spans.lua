--- Spans: what a task works at, from when to when, and as part of what. The first of an isolate for
-- one request is the root of a trace here; when it ends it is decided whether anybody shall know.
-- So nothing is written for requests that were quick and well, unless they are sampled.
--
-- A task has at most one current span; what it starts with perigee.go inherits that. The root of a
-- request is made when somebody first asks for it: most requests never have one.
local host = require "host"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.trace_settings"
local trace_headers = require "perigee.core.trace_headers"
local trace_record = require "perigee.core.lazy" "perigee.core.trace_record"

local spans = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

-- Spans of one trace in one isolate; attributes and events of one span. Further ones are counted,
-- or left out.
local MAX_SPANS, MAX_ATTRIBUTES, MAX_EVENTS = 128, 128, 32
local MAX_TEXT_SIZE = 2048

local STEPS = 2 ^ 30 -- of chance

local now, random_id, current_task = host.now, host.random_id, scheduler.current

-- Tasks are used again, so those of requests are taken out when they end.
local of_task = setmetatable({}, { __mode = "k" })

local function new(name, kind, trace, parent, started)
    -- Constants first, see perigee.core.task_record.
    local span = setmetatable({ name = false, kind = false, trace = false, parent = false,
        started = 0, ended = false, id = false, error = false }, metatable)
    span.name, span.kind, span.trace, span.parent = name, kind, trace, parent
    span.started = started or now()
    return span
end

--- Whether chance chooses a trace to be sampled.
function spans.is_drawn()
    return settings.sample > 0 and random.below(STEPS) <= settings.sample * STEPS
end

--- Begins a trace, or what this isolate does for one that came with these headers (nil for none).
-- It is sampled when the headers say so.
-- @param kind "server", "consumer" or "internal"
-- @param started in seconds of host.now; nil for now
function spans.begin_trace(name, kind, started, traceparent, tracestate)
    local trace = { id = false, parent_id = false, is_sampled = false, tracestate = false,
        list = false, count = 1, dropped_count = 0, is_kept = false, root_header = false }
    local id, parent_id, is_sampled = trace_headers.parse(traceparent)
    if id then
        trace.id, trace.parent_id, trace.is_sampled = id, parent_id, is_sampled
        trace.tracestate = trace_headers.pass_on(tracestate) or false
    end
    local root = new(name, kind, trace, false, started)
    trace.list = { root }
    return root
end

--- Begins a span below `parent`.
-- @param kind "internal", "client", "producer" or "consumer"
-- @param started in seconds of host.now; nil for now
function spans.begin(name, kind, parent, started)
    local trace = parent.trace
    local span = new(name, kind, trace, parent, started)
    if trace.count < MAX_SPANS then
        trace.count = trace.count + 1
        trace.list[trace.count] = span
    else
        trace.dropped_count = trace.dropped_count + 1
    end
    return span
end

--- The span of the running task, or of the request that it answers; nil without.
function spans.current()
    local task = current_task()
    if not task or not settings.is_on then
        return nil
    end
    local span = of_task[task]
    if not span then
        local site = task.site
        local open = site and site.open_span
        span = open and open(site, task)
        of_task[task] = span
    end
    return span
end

--- Makes `span` the current one of `task`; nil takes it away. Returns the one before.
function spans.enter(task, span)
    local before = of_task[task]
    of_task[task] = span
    return before
end

--- A task is over, or answers another request from now on.
function spans.leave(task)
    of_task[task] = nil
end

--- 16 hexadecimal digits that nobody can guess.
spans.new_id = random_id

--- The same of a span.
function spans.id_of(span)
    local id = span.id
    if not id then
        id = random_id()
        span.id = id
    end
    return id
end

--- The first span of its trace in this isolate.
function spans.root_of(span)
    return span.trace.list[1]
end

--- 32 hexadecimal digits.
function spans.trace_id_of(span)
    local trace = span.trace
    if not trace.id then
        trace.id = random_id() .. random_id()
    end
    return trace.id
end

--- The headers that make what is called with them part of the trace: traceparent, and tracestate or
-- nil.
function spans.headers_of(span)
    local trace = span.trace
    return trace_headers.format(spans.trace_id_of(span), spans.id_of(span), trace.is_sampled),
        trace.tracestate or nil
end

--- The traceparent of the root of a trace, made once for all that is called with it.
function spans.root_header(trace)
    if not trace.root_header then
        trace.root_header = spans.headers_of(trace.list[1])
    end
    return trace.root_header
end

--- Ends a span; again, it does nothing. With the root it is decided what becomes of all.
function spans.finish(span)
    if span.ended then
        return
    end
    span.ended = now()
    local trace = span.trace
    if span == trace.list[1] or trace.is_kept then
        trace_record.conclude(trace, span)
    end
end

local function plain(value)
    if type(value) == "number" or type(value) == "boolean" then
        return value
    end
    local text = tostring(value)
    return #text > MAX_TEXT_SIZE and text:sub(1, MAX_TEXT_SIZE) or text
end

local function copy_attributes(attributes)
    local copied, count = {}, 0
    for name, value in pairs(attributes or {}) do
        count = count + 1
        if count <= MAX_ATTRIBUTES then
            copied[plain(tostring(name))] = plain(value)
        end
    end
    return copied
end

--- Gives the span an attribute: text, a number or a boolean. Returns the span.
function methods:set(name, value)
    if type(name) ~= "string" then
        error(("span:set takes a name and a value, got %s"):format(type(name)), 2)
    end
    local attributes = self.attributes
    if not attributes then
        attributes = {}
        self.attributes, self.attribute_count = attributes, 0
    end
    if attributes[name] == nil then
        if self.attribute_count >= MAX_ATTRIBUTES then
            return self
        end
        self.attribute_count = self.attribute_count + 1
    end
    attributes[name] = plain(value)
    return self
end

--- Notes that something happened just now, with attributes or nil. Returns the span.
function methods:event(name, attributes)
    if type(name) ~= "string" or attributes ~= nil and type(attributes) ~= "table" then
        error("span:event takes a name and a table of attributes, or none", 2)
    end
    local events = self.events or {}
    self.events = events
    if #events < MAX_EVENTS then
        events[#events + 1] = { name = plain(name), at = now(),
            attributes = copy_attributes(attributes) }
    end
    return self
end

--- Says that what the span is about has failed, and why. Returns the span.
function methods:fail(reason)
    self.error = plain(reason)
    return self
end

function metatable:__tostring()
    return ("span %s"):format(self.name)
end

return spans
