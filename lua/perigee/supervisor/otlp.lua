--- Sends records of requests (perigee.supervisor.trace_store) to a collector of OpenTelemetry, by
-- OTLP over HTTP, in batches. What waits is bounded; a batch that the collector cannot take now is
-- sent again for a while, any other answer settles it. What is lost is counted.
local backoff = require "perigee.registry.backoff"
local host = require "host"
local http = require "perigee.http"
local json = require "perigee.json"
local log = require "perigee.log"
local otlp_message = require "perigee.supervisor.otlp_message"
local scheduler = require "perigee.core.scheduler"

local otlp = {}
local methods = {}
local metatable = { __index = methods }

-- In spans; those of the specification's batch processor.
local QUEUE_LIMIT, BATCH_LIMIT = 2048, 512
local INTERVAL_S, SEND_S, CLOSE_S = 5, 10, 2

-- A batch is given up after so many attempts.
local MOST_ATTEMPTS = 5
local BACKOFF_FIRST_S, BACKOFF_LAST_S = 1, 15
local MAX_RESPONSE_SIZE = 64 * 1024
local MESSAGE_SIZE = 200

local RETRIED = { [429] = true, [502] = true, [503] = true, [504] = true }

--- Begins to send.
-- @param settings { url =, headers = name → value, resource = name → value } of
-- perigee.cli.otlp_settings
function otlp.open(settings)
    local self = setmetatable({
        settings = settings,
        client = http.client({ timeout_s = SEND_S, max_body = MAX_RESPONSE_SIZE }),
        queue = {}, queued_count = 0, -- records, and the spans in them
        sent_count = 0, dropped_count = 0, failure_count = 0,
        delays = backoff.new(BACKOFF_FIRST_S, BACKOFF_LAST_S),
        told = nil,
        is_closing = false,
        version = (host.version()),
    }, metatable)
    self.sender = scheduler.spawn(self.run, self)
    self.sender.name = "traces for OpenTelemetry"
    return self
end

local function wake(self)
    if self.wait_id then
        scheduler.wake(self.sender, self.wait_id, true)
    end
end

-- Until `deadline`, or until a batch is full or the host ends.
local function rest(self, deadline)
    self.wait_id = scheduler.current().wait_id
    scheduler.wait(deadline)
    self.wait_id = nil
end

--- Takes a list of records.
function methods:add_all(records)
    for _, record in ipairs(records) do
        if self.queued_count + #record.spans > QUEUE_LIMIT then
            self.dropped_count = self.dropped_count + #record.spans
        else
            self.queue[#self.queue + 1] = record
            self.queued_count = self.queued_count + #record.spans
        end
    end
    if self.queued_count >= BATCH_LIMIT and not self.is_resting then
        wake(self)
    end
end

-- Records of at most BATCH_LIMIT spans, one at least, and how many spans that is.
local function take_batch(self)
    local batch, left, count = {}, {}, 0
    for _, record in ipairs(self.queue) do
        if not left[1] and (count == 0 or count + #record.spans <= BATCH_LIMIT) then
            batch[#batch + 1] = record
            count = count + #record.spans
        else
            left[#left + 1] = record
        end
    end
    self.queue, self.queued_count = left, self.queued_count - count
    return batch, count
end

-- The same trouble is told once, until something was taken.
local function tell(self, message)
    if self.told ~= message then
        self.told = message
        log.warn("traces cannot be given to the collector: " .. message,
            { url = self.settings.url })
    end
end

local function post(self, body, timeout_s)
    local headers = { ["Content-Type"] = "application/json" }
    for name, value in pairs(self.settings.headers) do
        headers[name] = value
    end
    local response, code, detail = self.client:post(self.settings.url, body,
        { headers = headers, timeout_s = timeout_s })
    if not response then
        return nil, code .. (detail and ": " .. detail or "")
    end
    local text = response:text() or ""
    return response.status, text, tonumber(response.headers:get("retry-after"))
end

-- What the collector did not want of a batch that it has taken.
local function count_rejected(self, text, count)
    local answer = json.decode(text)
    local partial = type(answer) == "table" and type(answer.partialSuccess) == "table"
        and answer.partialSuccess or {}
    local rejected_count = math.min(count, tonumber(partial.rejectedSpans) or 0)
    self.sent_count = self.sent_count + count - rejected_count
    self.dropped_count = self.dropped_count + rejected_count
    if rejected_count > 0 then
        tell(self, ("%d spans were rejected: %s"):format(rejected_count,
            tostring(partial.errorMessage):sub(1, MESSAGE_SIZE)))
    else
        self.told = nil
    end
end

-- Sends a batch once. Returns whether that settles it; else how long the collector wants to be left
-- alone, or nil.
local function attempt(self, body, count, timeout_s)
    local status, text, retry_after_s = post(self, body, timeout_s)
    if status and status >= 200 and status < 300 then
        count_rejected(self, text, count)
        self.delays:reset()
        return true
    end
    self.failure_count = self.failure_count + 1
    tell(self, status and ("status %d: %s"):format(status, text:sub(1, MESSAGE_SIZE)) or text)
    if status and not RETRIED[status] then
        self.dropped_count = self.dropped_count + count
        return true
    end
    return false, retry_after_s
end

local function send(self)
    local batch, count = take_batch(self)
    local body = otlp_message.encode(batch, self.settings.resource, self.version)
    for i = 1, MOST_ATTEMPTS do
        local is_settled, retry_after_s = attempt(self, body, count,
            self.is_closing and CLOSE_S or SEND_S)
        if is_settled then
            return
        elseif i == MOST_ATTEMPTS or self.is_closing then
            break
        end
        self.is_resting = true
        rest(self, host.now() + math.max(self.delays:next(),
            math.min(retry_after_s or 0, BACKOFF_LAST_S)))
        self.is_resting = false
    end
    self.dropped_count = self.dropped_count + count
end

function methods:run()
    while not self.is_closing do
        if self.queued_count < BATCH_LIMIT then
            rest(self, host.now() + INTERVAL_S)
        end
        while self.queue[1] and not self.is_closing do
            send(self)
        end
    end
end

--- Ends: what is there is sent, for two seconds at most. Waits for that.
function methods:close()
    local deadline = host.now() + CLOSE_S
    self.is_closing = true
    wake(self)
    while scheduler.state(self.sender) ~= "dead" and host.now() < deadline do
        scheduler.wait(math.min(deadline, host.now() + CLOSE_S / 100))
    end
    while self.queue[1] and host.now() < deadline do
        send(self)
    end
    self.dropped_count = self.dropped_count + self.queued_count
    self.queue, self.queued_count = {}, 0
    self.client:close()
end

--- { url =, sent =, dropped =, failures = of requests, waiting = } in spans.
function methods:status()
    return { url = self.settings.url, sent = self.sent_count, dropped = self.dropped_count,
        failures = self.failure_count, waiting = self.queued_count }
end

return otlp
