--- Waiters in order of arrival: a ring of linked nodes that begins and ends with the queue itself,
-- so that any node is taken out in one step and none is ever allocated. A node is a task that waits
-- for one thing (perigee.core.scheduler links it), or one case of a select, whose `task` is the one
-- that selects.
local scheduler = require "perigee.core.scheduler"
local task_record = require "perigee.core.task_record"

local queue = {}

local prepare_wait, begin_wait = scheduler.prepare_wait, scheduler.begin_wait
local RAISED = scheduler.RAISED

function queue.new()
    local self = { next = false, prev = false }
    self.next, self.prev = self, self
    return self
end

--- Puts `node` at the end.
function queue.push(self, node)
    local last = self.prev
    node.prev, node.next = last, self
    last.next = node
    self.prev = node
end

--- Takes `node` out of the queue it is in; nothing when it is in none.
queue.remove = task_record.remove_from_queue

--- Has the running task wait in the queue, with `value` in its field a, until somebody takes it
-- out and ends its wait with scheduler.end_wait. Returns as scheduler.wait does. It does not ask
-- whether the task can yield, which would cost as much as all else; where it cannot, Lua's own
-- error says so.
function queue.wait(self, waits_on, value, deadline)
    local task, reason = prepare_wait(deadline)
    if not task then
        return nil, reason
    end
    task.a = value
    local last = self.prev
    task.prev, task.next = last, self
    last.next = task
    self.prev = task
    local is_ok, why, code = begin_wait(task, waits_on, deadline)
    if code == RAISED then
        error(why, 0)
    end
    return is_ok, why, code
end

--- Takes out the first that still waits; nil when none does. Cases of a select that was woken by
-- another case are dropped on the way, and tasks that could not wait where they were.
local function take(self)
    local node = self.next
    if node == self then
        return nil
    end
    local after = node.next
    self.next, after.prev = after, self
    node.prev, node.next = false, false
    if (node.task or node).since then
        return node
    end
    return take(self)
end

queue.take = take

--- True when nobody in it waits.
function queue.is_empty(self)
    local node = self.next
    while node ~= self and not (node.task or node).since do
        node = node.next
    end
    return node == self
end

return queue
