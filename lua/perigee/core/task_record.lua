--- What a task is to the scheduler: one table with a place for everything it ever holds. Tasks of a
-- kind, such as those that answer requests, are held by nobody else, so their tables and coroutines
-- are used again.
local task_record = {}

--- The metatable of tasks, which perigee.core.task fills when a script first asks for one.
task_record.metatable = { __metatable = false }

local metatable = task_record.metatable

local SPARE_LIMIT = 256

local kinds = {} -- function of its tasks -> kind

--- Makes one. Its sixteen fields fill the table exactly, so that it is never enlarged. All are
-- constants here: bytecode keeps no places for others (host/isolate/module_cache.c).
function task_record.new()
    return setmetatable({
        fn = false, a = false, b = false, c = false,
        thread = false,    -- none before it runs and after it has ended
        wait_id = 0,
        since = false,     -- while it waits: since when
        waits_on = false,  -- and on what, in Go's words
        timer = false,     -- ends its wait; kept for the next one
        next = false, prev = false,
        task = false,      -- in a queue this tells it from a case of a select
        context = false,
        index = false,     -- among the context's members; false when it has ended
        name = false,
        site = false,      -- where it was started (perigee.core.site), or the exchange it answers
    }, metatable)
end

--- Takes `node`, a task or a case of a select, out of the queue it is in (perigee.core.queue), if
-- any.
function task_record.remove_from_queue(node)
    local before = node.prev
    if before then
        local after = node.next
        before.next, after.prev = after, before
        node.prev, node.next = false, false
    end
end

--- Makes a kind of tasks; one for each function.
-- @param name what they are called
-- @param fn what they run, of two arguments
-- @param on_finish called as scheduler.on_finish says; the last to see a task
function task_record.kind(name, fn, on_finish)
    local kind = { name = name, fn = fn, on_finish = on_finish, spare = false, spare_count = 0 }
    kinds[fn] = kind
    return kind
end

--- The kind of a task; nil for most.
function task_record.kind_of(task)
    return kinds[task.fn]
end

--- A task of a kind, perhaps one that has ended. Numbers of its earlier waits mean nothing then.
function task_record.take(kind)
    local task = kind.spare
    if not task then
        task = task_record.new()
        task.fn, task.name = kind.fn, kind.name
        return task
    end
    kind.spare, kind.spare_count = task.next, kind.spare_count - 1
    task.wait_id = task.wait_id + 1
    return task
end

--- Keeps a task that has ended well, with its coroutine.
function task_record.keep(kind, task)
    if kind.spare_count < SPARE_LIMIT then
        task.a, task.site, task.waits_on = false, false, false
        task.next, kind.spare = kind.spare, task
        kind.spare_count = kind.spare_count + 1
    end
end

return task_record
