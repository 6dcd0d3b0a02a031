--- Sends the host's metrics to an InfluxDB, every few seconds, in batches. What was not taken waits
-- in a queue that has an end; what may have been taken in part, or never will be, is not sent
-- again.
local backoff = require "perigee.registry.backoff"
local client = require "perigee.http.client"
local host = require "host"
local line_protocol = require "perigee.metrics.line_protocol"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

local influx = {}
local methods = {}
local metatable = { __index = methods }

local BATCH_POINTS = 5000
local MOST_BATCHES = 50
local SEND_S = 10
local CLOSE_S = 2
local BACKOFF_FIRST_S, BACKOFF_LAST_S = 1, 30
local MESSAGE_SIZE = 200

-- A database that is not there yet may be made; the others say that this moment is a bad one.
local RETRIED = { [404] = true, [429] = true, [502] = true, [503] = true, [504] = true }
local TOO_LARGE = 413

local function own_host_name()
    return (host.read_file("/proc/sys/kernel/hostname", 1000) or "unknown"):match("%S+")
end

--- Begins to send.
-- @param settings { location = of perigee.supervisor.influx_location, interval_s= }
-- @param metrics of perigee.supervisor.metrics
function influx.open(settings, metrics)
    local location = settings.location
    local self = setmetatable({
        location = location,
        interval_s = settings.interval_s,
        metrics = metrics,
        tags = { host = location.host or own_host_name() },
        queue = {},       -- batches, lists of lines
        written = 0,      -- points
        dropped = {},     -- reason -> points
        failures = 0,     -- requests that were answered otherwise, or not at all
        delays = backoff.new(BACKOFF_FIRST_S, BACKOFF_LAST_S),
        is_closing = false,
    }, metatable)
    self.collector = scheduler.spawn(self.collect_again_and_again, self)
    self.sender = scheduler.spawn(self.send_again_and_again, self)
    self.collector.name, self.sender.name = "metrics for InfluxDB", "writes to InfluxDB"
    return self
end

local function drop(self, batch, reason)
    self.dropped[reason] = (self.dropped[reason] or 0) + #batch
end

local function enqueue(self, batch)
    if #self.queue >= MOST_BATCHES then
        drop(self, table.remove(self.queue, 1), "full")
    end
    self.queue[#self.queue + 1] = batch
end

-- Wakes the sender when it has nothing to do or waits to try again.
local function wake_sender(self)
    if self.sender_wait then
        scheduler.wake(self.sender, self.sender_wait, true)
    end
end

--- Takes what there is now.
function methods:collect()
    local lines = line_protocol.points(self.metrics:read(), self.tags,
        math.floor(host.wall_time() * 1000))
    for first = 1, #lines, BATCH_POINTS do
        local batch = {}
        for i = first, math.min(first + BATCH_POINTS - 1, #lines) do
            batch[#batch + 1] = lines[i]
        end
        enqueue(self, batch)
    end
end

function methods:collect_again_and_again()
    while not self.is_closing do
        scheduler.wait(host.now() + self.interval_s)
        if not self.is_closing then
            self:collect()
            if self.is_idle then
                wake_sender(self)
            end
        end
    end
end

local function post(self, batch)
    local fields = { "Content-Type", "text/plain; charset=utf-8" }
    if self.location.token then
        fields[3], fields[4] = "Authorization", "Token " .. self.location.token
    end
    return client.request({ address = self.location.address, method = "POST",
        target = self.location.target, fields = fields, body = table.concat(batch, "\n") .. "\n",
        timeout_s = self.is_closing and CLOSE_S or SEND_S })
end

-- The same trouble is told once, until something was written.
local function tell(self, message)
    if self.told ~= message then
        self.told = message
        log.warn("InfluxDB at " .. self.location.address .. ": " .. message)
    end
end

local function halve(self, batch)
    local first, second = {}, {}
    for i, line in ipairs(batch) do
        table.insert(i <= #batch / 2 and first or second, line)
    end
    table.insert(self.queue, 1, second)
    table.insert(self.queue, 1, first)
end

local function describe(response, code, detail)
    if response then
        return ("status %d"):format(response.status), response.body:sub(1, MESSAGE_SIZE)
    end
    return code, tostring(detail)
end

-- To be sent before all others, unless there is no room any more.
local function put_back(self, batch)
    if #self.queue < MOST_BATCHES then
        table.insert(self.queue, 1, batch)
    else
        drop(self, batch, "full")
    end
end

local function is_written(response)
    return response and response.status >= 200 and response.status < 300
end

-- The batch is out of the queue. Returns true when the next one may be sent at once.
local function settle_failure(self, batch, response, code, detail)
    local what, why = describe(response, code, detail)
    self.failures = self.failures + 1
    if not response or RETRIED[response.status] then
        tell(self, ("%s, tried again: %s"):format(what, why))
        put_back(self, batch)
        return false
    elseif response.status == TOO_LARGE and #batch > 1 then
        halve(self, batch)
    else
        tell(self, ("%s, not tried again: %s"):format(what, why))
        drop(self, batch, "refused")
    end
    return true
end

--- Sends the oldest batch. Returns true when the next one may be sent at once.
function methods:send_one()
    local batch = table.remove(self.queue, 1)
    local response, code, detail = post(self, batch)
    if is_written(response) then
        self.written, self.told = self.written + #batch, nil
        self.delays:reset()
        return true
    end
    local may_go_on = settle_failure(self, batch, response, code, detail)
    return may_go_on
end

-- Until `deadline`, or until something is there to send; nil for no deadline.
local function rest(self, deadline)
    self.sender_wait = scheduler.current().wait_id
    scheduler.wait(deadline)
    self.sender_wait = nil
end

function methods:send_again_and_again()
    while not self.is_closing do
        if not self.queue[1] then
            self.is_idle = true
            rest(self)
            self.is_idle = false
        elseif not self:send_one() and not self.is_closing then
            rest(self, host.now() + self.delays:next())
        end
    end
end

--- Ends: what is there is sent, for two seconds at most. Waits for that.
function methods:close()
    local deadline = host.now() + CLOSE_S
    self.is_closing = true
    wake_sender(self)
    self:collect()
    while self.queue[1] and host.now() < deadline and self:send_one() do
        scheduler.yield()
    end
    for _, batch in ipairs(self.queue) do
        drop(self, batch, "closed")
    end
    self.queue = {}
end

--- { address=, written=, dropped = points by reason, failures=, waiting = batches }.
function methods:status()
    return { address = self.location.address, written = self.written, dropped = self.dropped,
        failures = self.failures, waiting = #self.queue }
end

return influx
