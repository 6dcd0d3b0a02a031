--- One connection to a server: calls that many tasks have in flight at once, and the answers, which
-- may come in any order.
--
-- Every call has a number, which is its place in the tables here. It is used again once its answer
-- has come, and not before, so that a late answer never meets another call. What tasks write in one
-- turn goes out in one write, behind all of them. Nothing runs while nothing is to be read or
-- written: there is no task that only waits.
--
-- The codec knows the protocol (perigee.rpc.client.msgpack_codec): encode(args, options) gives a
-- body, put(out, number, method, body) appends a whole request, read(bytes, self) calls the methods
-- below.
local membership = require "perigee.core.membership"
local scheduler = require "perigee.core.scheduler"
local task_record = require "perigee.core.task_record"
local buffer = require "string.buffer"

local background = membership.background
local end_wait = scheduler.end_wait

-- Calls with the common time limit are looked at this often in that time, so that none needs a
-- timer of its own.
local LOOKS = 64
local NEVER = math.huge

-- In place of a call that nobody waits for any more.
local ABANDONED = {}

local methods = {}
local metatable = { __index = methods }

local link = {}

-- Of a task that reads or writes, whose link is its `site`; outside of tasks.
local function on_finished(task, is_ok, failure, traceback)
    if not is_ok then
        task.site:fail("closed", "the connection was given up: " .. tostring(failure))
        scheduler.on_failure(task, failure, traceback)
    end
end

local read_all
local answers_kind = task_record.kind("rpc answers", function(self)
    return read_all(self)
end, on_finished)

local function start_reading(self)
    scheduler.start(answers_kind, self, self)
end

-- Takes what is there, and ends when there is no more.
function read_all(self)
    while not self.is_closed do
        local bytes, code = self.stream:poll(start_reading, self)
        if code == "again" then
            return
        elseif not bytes then
            self:fail_reading(code)
        else
            self.codec:read(bytes, self)
        end
    end
end

--- Makes a connection of an open stream, which it owns from then on.
-- @param codec of this connection
-- @param options { address =, timeout_s = of a call, 0 for none; max_calls = in flight, max_unsent
-- = bytes, max_message = bytes, is_cancelling = whether the server is told of calls nobody waits
-- for; counts = { late =, refused = }, which it adds to; on_end = function(link) }
function link.new(stream, codec, options)
    local self = setmetatable({
        stream = stream, codec = codec, options = options,
        out = buffer.new(),
        begun_count = 0, ended_count = 0, -- requests that were composed into `out`
        is_flushing = false,  -- a task writes, or will at the end of this turn
        writer = false,       -- the same while it waits
        unsent_size = 0,      -- of what is behind `out`
        waiters = {},         -- number of a call -> task, stream or ABANDONED
        began = {},           -- number -> the look before it; NEVER when it has its own time limit
        free = {}, free_count = 0,
        number_count = 0,     -- handed out so far
        in_flight = 0, abandoned_count = 0,
        look = 0, timer = false,
        is_cancelling = options.is_cancelling, -- the server knows what a cancel is
        has_answered = false, -- anything at all
        is_closed = false,
        failure = nil,        -- why, { code =, detail = }
    }, metatable)
    stream:frame(codec.framing, options.max_message)
    start_reading(self)
    return self
end

local function release(self, number)
    self.waiters[number] = nil
    local count = self.free_count + 1
    self.free[count] = number
    self.free_count = count
end

-- Ends the call of a waiter with what end_wait takes: true, value; or false, failure.
local function conclude(waiter, is_ok, result)
    if waiter.since then
        end_wait(waiter, is_ok, result)
    elseif waiter.complete then
        waiter:complete(is_ok, result)
    end
end

-- The waiter of a call that has been answered; nil when there is none any more.
local function take_waiter(self, number)
    local waiter = self.waiters[number]
    if waiter == nil then
        self:fail("invalid", ("%s answered the call %s, which nobody made"):format(
            self.options.address, tostring(number)))
        return nil
    end
    release(self, number)
    self.has_answered = true
    if waiter == ABANDONED then
        self.abandoned_count = self.abandoned_count - 1
        self.options.counts.late = self.options.counts.late + 1
        return nil
    end
    self.in_flight = self.in_flight - 1
    return waiter
end

--- For codecs: an item of a streaming call has come.
function methods:item(number, value)
    local waiter = self.waiters[number]
    if waiter == ABANDONED then
        return
    elseif not waiter or not waiter.take_item or not waiter:take_item(value) then
        self:fail("invalid", ("%s sent an item that nobody asked for"):format(
            self.options.address))
    end
end

--- For codecs: the result of a call has come.
function methods:answer(number, value)
    local waiter = take_waiter(self, number)
    if waiter then
        conclude(waiter, true, value)
    end
end

--- For codecs: a call has failed. `failure` is { code =, detail =, data = }.
function methods:answer_failure(number, failure)
    local waiter = take_waiter(self, number)
    if waiter then
        conclude(waiter, false, failure)
    end
end

local start_timer

-- Outside of tasks. Who is woken abandons the call.
local function look_at_calls(self)
    self.timer = false
    self.look = self.look + 1
    for number = 1, self.in_flight > 0 and self.number_count or 0 do
        local waiter = self.waiters[number]
        if waiter and waiter.since and self.look - self.began[number] > LOOKS then
            end_wait(waiter, nil, "timeout")
        end
    end
    if self.in_flight > 0 then
        start_timer(self)
    end
end

function start_timer(self)
    self.timer = scheduler.at(scheduler.now() + self.options.timeout_s / LOOKS, look_at_calls, self)
end

--- For people: that a call was not answered in time.
function methods:timeout_text()
    return ("%s did not answer in time"):format(self.options.address)
end

-- Answers may have come before the other side stopped reading.
local function fail_writing(self, code)
    read_all(self)
    self:fail("closed", ("%s: cannot write: %s"):format(self.options.address, code))
end

-- Hands over what there is. Returns true when the kernel has it, or nil, code.
local function write(self)
    local unsent, code = self.stream:post(self.out:get())
    if not unsent or unsent == 0 then
        return unsent and true, code
    end
    self.unsent_size, self.writer = unsent, scheduler.current()
    local is_sent
    is_sent, code = self.stream:wait_sent()
    self.unsent_size, self.writer = 0, false
    return is_sent, code
end

-- Whoever has written may be cancelled; this goes on.
local function flush(self)
    membership.move(scheduler.current(), background)
    while #self.out > 0 and not self.is_closed do
        if self.begun_count ~= self.ended_count then
            return self:fail("closed", "a request was broken off while it was composed")
        end
        local is_written, code = write(self)
        if not is_written then
            return fail_writing(self, code)
        end
    end
    self.is_flushing = false
end

local requests_kind = task_record.kind("rpc requests", flush, on_finished)

-- Behind all tasks that are ready now, which may have more to write.
local function flush_later(self)
    scheduler.start(requests_kind, self, self)
    self.is_flushing = true
end

-- Bytes that the server's side has not taken.
local function unsent_size(self)
    return self.unsent_size + #self.out
end

local function refuse(self, detail, count)
    self.options.counts.refused = self.options.counts.refused + 1
    return "full", detail:format(count)
end

--- Says why nothing can be sent now: nil when something can, else code, detail. The time of calls
-- runs from now on, because between the beginnings of a wait no timer can be made.
function methods:obstacle()
    if self.is_closed then
        return self.failure.code, self.failure.detail
    elseif self.in_flight >= self.options.max_calls then
        return refuse(self, "%d calls are in flight", self.in_flight)
    elseif unsent_size(self) > self.options.max_unsent then
        return refuse(self, "the server has not read %d bytes that were sent", unsent_size(self))
    elseif not self.timer and self.options.timeout_s > 0 then
        start_timer(self)
    end
end

--- Adds to a table what goes on here.
function methods:describe(report)
    report.in_flight, report.abandoned = self.in_flight, self.abandoned_count
    report.unsent_size = unsent_size(self)
end

local function take_number(self)
    local count = self.free_count
    if count > 0 then
        self.free_count = count - 1
        return self.free[count]
    end
    local number = self.number_count + 1
    self.free[number] = false -- so that giving it back takes no memory
    self.number_count = number
    return number
end

local function enter(self, waiter, is_timed)
    local number = take_number(self)
    self.waiters[number] = waiter
    self.began[number] = (is_timed or self.options.timeout_s == 0) and NEVER or self.look
    self.in_flight = self.in_flight + 1
    return number
end

-- What lies between these two may be broken off where memory is refused. Then nobody knows what was
-- composed, and flush ends the connection.

local function begin_request(self)
    self.begun_count = self.begun_count + 1
end

local function end_request(self)
    self.ended_count = self.ended_count + 1
    if not self.is_flushing then
        flush_later(self)
    end
end

--- Sends a call. There is no obstacle.
-- @param waiter the task that waits for it next; or a table with the method complete(is_ok, value
-- or failure)
-- @param body what codec:encode gave just now
-- @param is_timed it has a time limit of its own
-- @param wait_s how long the server is told that the caller waits, 0 for no end; nil when it is
-- told nothing
-- @param ... then how many attempts there were before, and the traceparent of the call or nil
-- @return its number
function methods:send_call(waiter, method, body, is_timed, wait_s, ...)
    begin_request(self)
    local number = enter(self, waiter, is_timed)
    self.codec:put(self.out, number, method, body, wait_s, ...)
    end_request(self)
    return number
end

--- Sends a call that nobody answers.
function methods:send_notification(method, body)
    begin_request(self)
    self.codec:put(self.out, nil, method, body)
    end_request(self)
end

--- Sends a call that is answered by items first.
-- @param items a perigee.rpc.client.item_stream
function methods:send_stream(items, method, body)
    begin_request(self)
    self.is_cancelling = true
    items.link, items.number = self, enter(self, items, true)
    self.codec:put_stream(self.out, items.number, method, body, items.credit)
    end_request(self)
end

--- Asks for so many items more.
function methods:give_credit(number, count)
    begin_request(self)
    self.codec:put_credit(self.out, number, count)
    end_request(self)
end

--- Nobody waits for this call any more; its answer is dropped. Does nothing when it has come.
function methods:abandon(number, waiter)
    if self.waiters[number] ~= waiter then
        return
    end
    self.waiters[number] = ABANDONED
    self.in_flight = self.in_flight - 1
    self.abandoned_count = self.abandoned_count + 1
    if self.is_cancelling and self.codec.put_cancel then
        begin_request(self)
        self.codec:put_cancel(self.out, number)
        end_request(self)
    end
    if self.abandoned_count > self.options.max_calls then
        self:fail("closed", ("%s left %d calls unanswered"):format(self.options.address,
            self.abandoned_count))
    end
end

local reading_failures = {
    eof = "the server closed the connection",
    invalid = "the server sent what is no answer",
    too_large = "the server sent a message that is too large or too deep",
}

--- The stream has ended with `code`.
function methods:fail_reading(code)
    local is_fault = code == "invalid" or code == "too_large"
    self:fail(is_fault and code or "closed", ("%s: %s"):format(self.options.address,
        reading_failures[code] or "the connection broke: " .. tostring(code)))
end

--- Ends the connection and every call in flight. Does nothing the second time.
function methods:fail(code, detail)
    if self.is_closed then
        return
    end
    self.is_closed = true
    self.failure = { code = code, detail = detail }
    self.stream:close()
    if self.writer and self.writer.since then
        end_wait(self.writer, nil, "closed")
    end
    if self.timer then
        scheduler.cancel_timer(self.timer)
        self.timer = false
    end
    local waiters = self.waiters
    self.waiters, self.in_flight = {}, 0
    for _, waiter in pairs(waiters) do
        if waiter ~= ABANDONED then
            conclude(waiter, false, self.failure)
        end
    end
    self.options.on_end(self)
end

return link
