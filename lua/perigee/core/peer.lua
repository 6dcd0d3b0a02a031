--- Calls over any channel of messages: between supervisor and workers, and between a worker and its
-- isolates. Both sides call and answer. A call is {id, op, body}; its answer {id, true, result} or
-- {id, false, message}.
local copy = require "perigee.core.copy"
local host = require "host"
local raised = require "perigee.core.raised"
local scheduler = require "perigee.core.scheduler"

local peer = {}
local methods = {}
local metatable = { __index = methods }

--- `options.send(bytes)` sends one message; `options.handlers` has a function for each operation,
-- called in a task of its own as handler(body, peer): what it returns is the result; nil, message
-- (or an error) is the failure.
function peer.new(options)
    return setmetatable({
        send = options.send,
        handlers = options.handlers,
        name = options.name,
        next_id = 1,
        answering = 0,
        waiting = {},   -- id of a call -> the task that made it and its wait
        is_closed = false,
    }, metatable)
end

local function encode(message)
    local bytes, _, detail = copy.encode(message, "the message")
    return bytes or error(detail, 3)
end

local function send(self, message)
    self.send(encode(message))
end

--- Calls `op` on the other side and waits. Returns the result (nil becomes true), or nil, code,
-- detail: "failed" with the other side's message, "timeout", or "closed".
function methods:call(op, body, timeout_s)
    if self.is_closed then
        return nil, "closed", "the other side is gone"
    end
    local id = self.next_id
    local task = scheduler.current()
    self.next_id = id + 1
    -- Encoded first: when that raises nobody waits for an answer.
    local bytes = encode({ id = id, op = op, body = body })
    self.waiting[id] = { task = task, wait_id = task.wait_id }
    self.send(bytes)
    local is_ok, result, detail = scheduler.wait(timeout_s and host.now() + timeout_s)
    self.waiting[id] = nil
    if not is_ok then
        return nil, result,
            detail or ("no answer to '%s' within %s s"):format(op, tostring(timeout_s))
    end
    return result == nil and true or result
end

--- Tells the other side something without an answer.
function methods:notify(op, body)
    if not self.is_closed then
        send(self, { op = op, body = body })
    end
end

--- True while a call waits for its answer, or an answer is being made.
function methods:is_busy()
    return next(self.waiting) ~= nil or self.answering > 0
end

local catch = raised.catcher()

local function text_of(caught)
    local message, traceback = raised.describe(caught)
    return traceback and message .. "\n" .. traceback or message
end

local function answer(self, message)
    local handler = self.handlers[message.op]
    if not handler then
        self:reply(message.id, false, ("there is no operation '%s'"):format(tostring(message.op)))
        return
    end
    local is_ok, result, reason = xpcall(handler, catch, message.body, self)
    if not is_ok then
        self:reply(message.id, false, text_of(result))
    elseif result == nil and reason ~= nil then
        self:reply(message.id, false, reason)
    else
        self:reply(message.id, true, result)
    end
end

-- A task that was ended by the host has not answered, and nobody shall wait for it.
local function finish_answer(self, id, task, is_ok, failure, stack)
    self.answering = self.answering - 1
    if not is_ok then
        scheduler.on_failure(task, failure, stack)
        self:reply(id, false, tostring(failure))
    end
end

function methods:reply(id, is_ok, result)
    if id and not self.is_closed then
        send(self, { id = id, is_ok = is_ok, result = result })
    end
end

--- Takes one message of the other side.
function methods:receive(bytes)
    local message = assert(copy.decode(bytes))
    if message.op then
        local task = scheduler.spawn(answer, self, message)
        task.name = message.op
        scheduler.on_finish(task, function(...)
            finish_answer(self, message.id, ...)
        end)
        self.answering = self.answering + 1
        return
    end
    local wait = self.waiting[message.id]
    if not wait then
        return
    end
    if message.is_ok then
        scheduler.wake(wait.task, wait.wait_id, true, message.result)
    else
        scheduler.wake(wait.task, wait.wait_id, nil, "failed", message.result)
    end
end

--- The other side is gone: every call that waits ends with "closed".
function methods:close(detail)
    self.is_closed = true
    for _, wait in pairs(self.waiting) do
        scheduler.wake(wait.task, wait.wait_id, nil, "closed", detail or "the other side is gone")
    end
end

return peer
