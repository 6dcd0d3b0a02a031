--- The connection of a client: made when a call needs one, made anew after it has ended. Calls that
-- come meanwhile wait for it together. A server that cannot be reached, or that ends connections
-- before it has answered anything, is left alone for a while, and longer each time; what is called
-- then fails at once.
local lazy = require "perigee.core.lazy"
local link = require "perigee.rpc.client.link"
local membership = require "perigee.core.membership"
local opening = require "perigee.rpc.client.opening"
local queue = require "perigee.core.queue"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"
local task_record = require "perigee.core.task_record"

local tls_client = lazy "perigee.core.tls_client"

-- As gRPC does it: each time longer by this factor, and by chance up to a fifth more or less, so
-- that clients do not come back all at once.
local GROWTH, JITTER = 1.6, 0.2
local CHANCES = 1000000

-- Connections of all clients of this service together.
local MAX_OPEN = 256
local open_count = 0

local methods = {}
local metatable = { __index = methods }

local dialler = {}

--- Makes one.
-- @param options of perigee.rpc.client.dial_options
function dialler.new(options)
    return setmetatable({
        options = options,
        codec = require(options.module).new(),
        link = false,          -- while there is one
        waiting = false,       -- queue of who waits for it, while it is made
        waiting_count = 0,
        fruitless_count = 0,   -- attempts in a row that brought no answer
        retry_at = 0,
        tls = false,           -- of perigee.core.tls_client, made when it is first needed
        failure = nil,         -- of the last attempt, { code =, detail = }
        counts = { dials = 0, failed_dials = 0, ended = 0, late = 0, refused = 0 },
        is_closed = false,
    }, metatable)
end

local function delay_of(self)
    local delay_s = math.min(self.options.max_backoff_s,
        self.options.backoff_s * GROWTH ^ (self.fruitless_count - 1))
    return delay_s * (1 + JITTER * (2 * random.below(CHANCES) / CHANCES - 1))
end

local function note_failure(self, code, detail)
    self.failure = { code = code, detail = detail }
    self.fruitless_count = self.fruitless_count + 1
    self.retry_at = scheduler.now() + delay_of(self)
end

local function on_link_end(self, ended)
    open_count = open_count - 1
    self.link = false
    self.counts.ended = self.counts.ended + 1
    if ended.has_answered then
        self.fruitless_count = 0
    elseif not self.is_closed then
        note_failure(self, ended.failure.code, ended.failure.detail)
    end
end

local function make_link(self, opened)
    local options = self.options
    local made = link.new(opened, self.codec:open(), {
        address = options.address, timeout_s = options.timeout_s, max_calls = options.max_calls,
        max_unsent = options.max_unsent, max_message = options.max_message,
        is_cancelling = options.cancel, counts = self.counts,
        on_end = function(ended)
            on_link_end(self, ended)
        end,
    })
    open_count = open_count + 1
    return made
end

-- What is connected to, in TLS or not.
local function open_stream(self, deadline)
    local options = self.options
    if not options.tls then
        return stream.connect(options.place, deadline)
    elseif not self.tls then
        local made, code, why = tls_client.open(options.tls)
        if not made then
            return nil, code, why
        end
        self.tls = made
    end
    return stream.connect(options.place, deadline, { tls = self.tls })
end

local function connect(self)
    if open_count >= MAX_OPEN then
        return nil, "full", ("this service has %d connections open"):format(open_count)
    end
    local options = self.options
    local deadline = scheduler.now() + options.connect_timeout_s
    local opened, code, why = open_stream(self, deadline)
    if not opened then
        return nil, code, code == "denied" and why
            or ("cannot connect to %s: %s"):format(options.address, why or code)
    end
    if options.http then
        local is_ok, detail
        is_ok, code, detail = opening.ask(opened, options.http, deadline)
        if not is_ok then
            opened:close()
            return nil, code, ("%s: %s"):format(options.address, detail)
        end
    end
    return opened
end

local function end_waiting(self)
    local waiting = self.waiting
    self.waiting = false
    local task = queue.take(waiting)
    while task do
        scheduler.end_wait(task, true)
        task = queue.take(waiting)
    end
end

-- Whoever has called may be cancelled; this goes on.
local function dial(self)
    membership.move(scheduler.current(), membership.background)
    local opened, code, detail = connect(self)
    self.counts.dials = self.counts.dials + 1
    if opened and self.is_closed then
        opened:close()
    elseif opened then
        self.link = make_link(self, opened)
    elseif not self.is_closed then
        self.counts.failed_dials = self.counts.failed_dials + 1
        note_failure(self, code, detail)
    end
    end_waiting(self)
end

-- Of a task that dials, whose dialler is its `site`; outside of tasks.
local function on_finished(task, is_ok, failure, traceback)
    local self = task.site
    if not is_ok then
        note_failure(self, "failed", tostring(failure))
        end_waiting(self)
        scheduler.on_failure(task, failure, traceback)
    end
end

local dial_kind = task_record.kind("rpc dial", dial, on_finished)

-- Nobody waits before there is a task that dials, which runs later.
local function start(self)
    local waiting = queue.new()
    scheduler.start(dial_kind, self, self)
    self.waiting = waiting
end

-- What stands in the way of a connection, or of another call that waits for one.
local function obstacle(self)
    if self.is_closed then
        return "closed", "the client is closed"
    elseif self.waiting then
        if self.waiting_count >= self.options.max_calls then
            self.counts.refused = self.counts.refused + 1
            return "full", ("%d calls wait for a connection"):format(self.waiting_count)
        end
        return nil
    end
    local wait_s = self.retry_at - scheduler.now()
    if self.failure and wait_s > 0 then
        return self.failure.code, ("%s; the next attempt is in %.1f s"):format(self.failure.detail,
            wait_s)
    end
end

--- The connection; waits for one when there is none.
-- @return the link; or nil, code, detail
function methods:get(deadline)
    if self.link then
        return self.link
    end
    local code, detail = obstacle(self)
    if code then
        return nil, code, detail
    elseif not self.waiting then
        start(self)
    end
    self.waiting_count = self.waiting_count + 1
    local is_ok, reason = queue.wait(self.waiting, "rpc dial", nil, deadline)
    self.waiting_count = self.waiting_count - 1
    if not is_ok then
        return nil, reason, ("no connection to %s in time"):format(self.options.address)
    elseif self.link then
        return self.link
    elseif self.is_closed then
        return nil, "closed", "the client is closed"
    end
    return nil, self.failure.code, self.failure.detail
end

--- How it is, see client:status.
function methods:status()
    local report = { is_connected = self.link ~= false, waiting = self.waiting_count,
        in_flight = 0, abandoned = 0, unsent_size = 0 }
    for name, count in pairs(self.counts) do
        report[name] = count
    end
    if self.link then
        self.link:describe(report)
    end
    return report
end

--- Ends the connection, and every call in flight with "closed". There will be no other.
function methods:close()
    self.is_closed = true
    if self.link then
        self.link:fail("closed", "the client is closed")
    end
end

return dialler
