--- Contexts, as Go has them, but ambient: every task has one, what it starts inherits it, and every
-- wait of a task ends when its context does. A context that has tasks, or on whose end somebody
-- waits, hangs on its parent's list; one that nobody uses any more is garbage, cancelled or not.
local channel = require "perigee.core.channel"
local membership = require "perigee.core.membership"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local context = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local background = setmetatable(scheduler.background, metatable)

function metatable:__tostring()
    return ("context (%s)"):format(self:err() or "active")
end

local function attach(self)
    local parent = self.parent
    if not parent or self.is_attached then
        return
    end
    parent.children = parent.children or queue.new()
    queue.push(parent.children, self)
    self.is_attached = true
    attach(parent)
    if parent.reason and not self.reason then
        self.reason, self.why = parent.reason, parent.why
    end
end

local function is_used(self)
    return self.member_count > 0 or self.closing and not self.reason
        or self.children and self.children.next ~= self.children
end

local function detach(self)
    local parent = self.parent
    if parent and self.is_attached and not is_used(self) then
        queue.remove(self)
        self.is_attached = false
        detach(parent)
    end
end

membership.attach, membership.detach = attach, detach

-- The context that ended, this one or the nearest above it; nil when none has.
local function ended(self)
    repeat
        if self.reason then
            return self
        end
        self = self.parent
    until not self
end

local function stop_timer(self)
    if self.timer then
        scheduler.cancel_timer(self.timer)
        self.timer = false
    end
end

local function wake_members(self)
    for i = 1, self.member_count do
        local task = self.members[i]
        if task.since then
            scheduler.wake(task, task.wait_id, nil, self.reason)
        end
    end
end

local finish

-- In the order they were attached. A child that has ended may leave the list.
local function finish_children(self, reason, why)
    local children = self.children
    local child = children and children.next
    while child and child ~= children do
        local after = child.next
        finish(child, reason, why)
        child = after
    end
end

-- Those below end before this returns.
function finish(self, reason, why)
    if self.reason then
        return
    end
    self.reason, self.why = reason, why
    stop_timer(self)
    if self.closing then
        self.closing:close()
    end
    wake_members(self)
    finish_children(self, reason, why)
    detach(self)
end

local function cancel(self, reason, why)
    stop_timer(self)
    if not ended(self) then
        finish(self, reason, why)
    end
end

local function expire(self)
    self.timer = false
    cancel(self, "timeout", self.why_late)
end

local function derive(parent)
    return setmetatable({
        parent = parent,
        is_attached = false, -- to the parent's children, where `next` and `prev` are its links
        next = false, prev = false,
        children = false,
        members = {},        -- the tasks that have this context
        member_count = 0,
        reason = false,      -- "canceled" or "timeout" when it has ended
        why = nil,           -- what the one who cancelled it gave as the cause
        why_late = nil,      -- the cause when its deadline comes
        ends_at = parent.ends_at,
        timer = false,
        closing = false,     -- the channel of done(), made when it is asked for
        key = nil, held = nil,
        above = parent,      -- whose values are found in it
    }, metatable)
end

local function check_parent(parent)
    if type(parent) ~= "table" or getmetatable(parent) ~= false or not parent.members then
        error(("cannot create context from %s parent"):format(
            parent == nil and "nil" or type(parent)), 3)
    end
end

-- A context with the function that cancels it. The cause is optional.
local function with_cancel_function(self)
    return self, function(why)
        cancel(self, "canceled", why)
    end
end

--- The context of everything that was given no other. It never ends.
function context.background()
    return background
end

--- The context of the running task.
function context.current()
    local task = scheduler.current()
    return task and task.context or background
end

--- A context that ends with its parent or when the second result is called. That may be called any
-- number of times, with a cause that context:cause() returns.
function context.with_cancel(parent)
    check_parent(parent)
    return with_cancel_function(derive(parent))
end

--- The same, and it ends at `deadline`, in seconds of perigee.now(), unless the parent does before.
-- @param why the cause then; "timeout" when it is left out
function context.with_deadline(parent, deadline, why)
    check_parent(parent)
    if type(deadline) ~= "number" or deadline ~= deadline then
        error(("a deadline is in seconds of perigee.now(), got %s"):format(tostring(deadline)), 2)
    end
    local self = derive(parent)
    if not self.ends_at or deadline < self.ends_at then
        self.ends_at, self.why_late = deadline, why
        if deadline <= scheduler.now() then
            cancel(self, "timeout", why)
        else
            self.timer = scheduler.at(deadline, expire, self)
        end
    end
    return with_cancel_function(self)
end

--- A context below `parent` that tells of a deadline which somebody else keeps.
function context.with_kept_deadline(parent, deadline)
    local self = derive(parent)
    self.ends_at = deadline
    return self
end

--- The same, `seconds` from now.
function context.with_timeout(parent, seconds, why)
    check_parent(parent)
    if type(seconds) ~= "number" or seconds ~= seconds then
        error(("a timeout is in seconds, got %s"):format(tostring(seconds)), 2)
    end
    local self, cancel_it = context.with_deadline(parent, scheduler.now() + seconds, why)
    return self, cancel_it
end

--- A context that knows `value` under `key`, besides what its parent knows.
function context.with_value(parent, key, value)
    check_parent(parent)
    if key == nil then
        error("nil key", 2)
    end
    local self = derive(parent)
    self.key, self.held = key, value
    return self
end

--- A context that knows what its parent knows and does not end with it: for what has to be done
-- although its caller is gone.
function context.without_cancel(parent)
    check_parent(parent)
    local self = derive(background)
    self.above = parent
    return self
end

--- Ends the waits of one task and of what it starts from then on.
function context.cancel_task(task)
    local own = derive(task.context)
    own.reason = "canceled"
    membership.move(task, own)
    if task.since then
        scheduler.wake(task, task.wait_id, nil, "canceled")
    end
end

--- Nil while it lasts, then "canceled" or "timeout".
function methods:err()
    local one = ended(self)
    return one and one.reason or nil
end

--- What cancel was called with; without that what err() returns.
function methods:cause()
    local one = ended(self)
    return one and (one.why or one.reason) or nil
end

--- When it ends at the latest, in seconds of perigee.now(); nil when it has no deadline.
function methods:deadline()
    return self.ends_at or nil
end

--- The value for `key`: the nearest above it wins.
function methods:value(key)
    repeat
        if self.key == key then
            return self.held
        end
        self = self.above
    until not self
end

--- A channel that is closed when the context ends; nil for the background, which never does.
function methods:done()
    if not self.parent then
        return nil
    elseif not self.closing then
        local closing = channel.new(1)
        attach(self)
        self.closing = closing
        if self.reason then
            closing:close()
        end
    end
    return self.closing
end

local function leave_run(task, before, inner, is_ok, ...)
    local was_cancelled = task.context ~= inner
    membership.move(task, before)
    if was_cancelled then
        context.cancel_task(task)
    end
    if not is_ok then
        error((...), 0)
    end
    return ...
end

--- Calls fn(...) with this as the context of the running task, and returns what it returns.
function methods:run(fn, ...)
    local task = scheduler.current()
    if not task then
        error("context:run must be called inside a task", 2)
    end
    local before = task.context
    membership.move(task, self)
    return leave_run(task, before, self, pcall(fn, ...))
end

-- A context can be awaited by perigee.select; then the value is the reason.
function methods:poll()
    local reason = self:err()
    return reason ~= nil, reason
end

function methods:subscribe(waiter)
    local closing = self:done()
    if closing then
        queue.push(closing.receivers, waiter)
    end
end

function methods.unsubscribe(_, waiter)
    queue.remove(waiter)
end

return context
