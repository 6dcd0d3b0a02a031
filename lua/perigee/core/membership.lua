--- Which context each task has: a context knows its tasks, so all tasks of an isolate can be found
-- from the background, and the end of a context wakes those that wait in it.
local membership = {}

--- The context of tasks that were given no other. It never ends.
membership.background = { reason = false, ends_at = false, members = {}, member_count = 0 }

--- What perigee.core.context does when a context gets its first task and when it has lost its last.
membership.attach, membership.detach = false, false

--- Makes a new task a member of `context`. Changes nothing when memory is refused.
function membership.enter(context, task)
    local index = context.member_count + 1
    context.members[index] = task
    if index == 1 and context.parent then
        membership.attach(context)
    end
    context.member_count = index
    task.context, task.index = context, index
end

--- Ends that. The context's last member takes the free place.
function membership.leave(task)
    local context, index = task.context, task.index
    local members, count = context.members, context.member_count
    local last = members[count]
    members[index], last.index = last, index
    members[count] = nil
    context.member_count = count - 1
    task.index = false
    if count == 1 and context.parent then
        membership.detach(context)
    end
end

--- Moves a task to another context. Changes nothing when memory is refused.
function membership.move(task, context)
    if task.context ~= context then
        context.members[context.member_count + 1] = task
        if context.parent then
            membership.attach(context)
        end
        membership.leave(task)
        membership.enter(context, task)
    end
end

return membership
