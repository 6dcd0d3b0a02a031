--- Two attempts of one call, the second begun when the first is slow: the first that is answered
-- counts, and the other is cancelled. Each runs in a task of its own.
local channel = require "perigee.core.channel"
local context = require "perigee.core.context"
local membership = require "perigee.core.membership"
local scheduler = require "perigee.core.scheduler"
local select_module = require "perigee.core.select"

local MOST = 2

local race = {}

local methods = {}
local metatable = { __index = methods }

-- Also for a task that the host has ended.
local function note_end(self, one, is_ok, failure)
    if not is_ok then
        one.problem, one.verdict = { failure }, "unknown"
    end
    self.running_count = self.running_count - 1
    channel.try_send(self.ended, one)
end

local function start(self, one)
    local within, cancel = context.with_cancel(context.current())
    one.race = self
    self.cancels[one] = cancel
    self.running_count = self.running_count + 1
    local task = scheduler.spawn(self.run, one)
    task.name = "attempt of a call"
    membership.move(task, within)
    scheduler.on_finish(task, function(_, is_ok, failure)
        note_end(self, one, is_ok, failure)
    end)
end

local function cancel_others(self, winner)
    for one, cancel in pairs(self.cancels) do
        if one ~= winner then
            cancel()
        end
    end
end

--- Whether `one` is the attempt whose answer is passed on; the first that asks is.
function methods:claim(one)
    if not self.winner then
        self.winner = one
        cancel_others(self, one)
    end
    return self.winner == one
end

--- Whether another one still runs.
function methods:has_others()
    return self.running_count > 1
end

local function settles(self, one)
    if self.winner then
        return self.winner == one
    end
    return one.verdict == "ok" or self.running_count == 0
end

-- The attempt that settles it; nil, "slow" after `timeout_s`; nil and why the task's context ended.
local function await(self, timeout_s)
    while true do
        local chosen, one = select_module.select {
            { self.ended, "recv" },
            timeout = timeout_s,
        }
        if chosen ~= 1 then
            return nil, chosen and "slow" or one
        elseif settles(self, one) then
            return one
        end
    end
end

local function finish(self)
    local one, reason = await(self)
    cancel_others(self, one)
    return one, reason
end

--- Runs them.
-- @param first the attempt that begins
-- @param delay_s after which there is a second one
-- @param begin_second function() → an attempt, or nil when there may be none
-- @param run function(attempt), which has it done
-- @return the attempt that counts; or nil and why the context of the task has ended
function race.run(first, delay_s, begin_second, run)
    local self = setmetatable({ run = run, ended = channel.new(MOST), cancels = {},
        running_count = 0, winner = false }, metatable)
    start(self, first)
    local one, reason = await(self, delay_s)
    if reason ~= "slow" then
        cancel_others(self, one)
        return one, reason
    end
    local second = not self.winner and begin_second()
    if second then
        start(self, second)
    end
    return finish(self)
end

return race
