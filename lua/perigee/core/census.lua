--- The tasks of an isolate for reports. Each is known to its context, and each context that has
-- tasks hangs below the background.
local membership = require "perigee.core.membership"
local scheduler = require "perigee.core.scheduler"

local census = {}

local getinfo = debug.getinfo

-- How far up a stack the line of a script is looked for.
local MAX_LEVEL = 30

--- Calls fn(task) for each live task, until it returns true, and returns whether it did.
-- @param top the context below which to look; all when it is left out
function census.each(fn, top)
    local pending, count = { top or membership.background }, 1
    while count > 0 do
        local context = pending[count]
        pending[count], count = nil, count - 1
        for i = 1, context.member_count do
            if fn(context.members[i]) then
                return true
            end
        end
        local child = context.children and context.children.next
        while child and child ~= context.children do
            count = count + 1
            pending[count], child = child, child.next
        end
    end
    return false
end

-- The innermost line of a task that is not Perigee's own; nil when there is none.
local function place_of(task)
    local thread = task.thread
    for level = 0, thread and MAX_LEVEL or -1 do
        local info = getinfo(thread, level, "Sl")
        if not info then
            return nil
        elseif info.currentline > 0 and not info.source:find("^@perigee[/.]") then
            return ("%s:%d"):format(info.source:gsub("^[@=]", ""), info.currentline)
        end
    end
end

-- A request is known by its method and target, a call by its method.
local function name_of(task)
    local site = task.site
    return site and site.title and site:title(task) or task.name or "?"
end

--- A live task as plain data: name; state, "ready", "running" or "waiting"; waits_on, in Go's
-- words, and waited_s, for how long, while it waits; at, the line where; spawned_at, the line that
-- started it; deadline_s, how long until its context ends. What does not apply is nil.
function census.describe(task)
    local now = scheduler.now()
    local ends_at = task.context.ends_at
    return {
        name = name_of(task),
        state = scheduler.state(task),
        waits_on = task.since and task.waits_on or nil,
        waited_s = task.since and math.max(0, now - task.since) or nil,
        at = place_of(task),
        spawned_at = task.site and task.site.at or nil,
        deadline_s = ends_at and ends_at - now or nil,
    }
end

-- Puts `task` into the list in which the longest wait is first; the last falls out of a full one.
local function insert(list, limit, task)
    local since = task.since or math.huge
    local place = #list + 1
    while place > 1 and (list[place - 1].since or math.huge) > since do
        place = place - 1
    end
    if place <= limit then
        table.insert(list, place, task)
        list[limit + 1] = nil
    end
end

--- The `limit` tasks that have waited longest, described, and how many there are. `is_wanted(task)`
-- says which count; all when it is left out.
function census.longest(limit, is_wanted)
    local list, total = {}, 0
    census.each(function(task)
        if not is_wanted or is_wanted(task) then
            total = total + 1
            insert(list, limit, task)
        end
    end)
    for i, task in ipairs(list) do
        list[i] = census.describe(task)
    end
    return list, total
end

return census
