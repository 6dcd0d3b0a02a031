--- Folded stacks: how often each stack was seen. A stack is the names of its functions from the
-- outermost to the innermost, joined by ";". Pure.
local folded = {}
local methods = {}
local metatable = { __index = methods }

--- What stands for all stacks that were one too many.
folded.OTHERS = "(other stacks)"

--- Makes an empty collection that tells at most `limit` stacks apart.
function folded.new(limit)
    return setmetatable({ limit = limit, count = 0, total = 0, by_stack = {} }, metatable)
end

--- Counts `stack` as seen `times` more.
function methods:add(stack, times)
    local seen = self.by_stack[stack]
    if not seen and self.count >= self.limit then
        stack = folded.OTHERS
        seen = self.by_stack[stack]
    end
    if not seen then
        self.count = self.count + 1
    end
    self.by_stack[stack] = (seen or 0) + times
    self.total = self.total + times
end

--- Counts what host.profile_take gives: lines of a number, a space and a stack.
function methods:add_samples(text)
    for times, stack in text:gmatch("(%d+) ([^\n]+)\n") do
        self:add(stack, tonumber(times))
    end
end

--- The stacks as { stack =, count = }, those seen most often first.
function methods:list()
    local list = {}
    for stack, count in pairs(self.by_stack) do
        list[#list + 1] = { stack = stack, count = count }
    end
    table.sort(list, function(a, b)
        return a.count > b.count or a.count == b.count and a.stack < b.stack
    end)
    return list
end

--- A list as text, a line for each stack: what tools for flame graphs read.
function folded.format(list)
    local lines = {}
    for i, one in ipairs(list) do
        lines[i] = ("%s %d\n"):format(one.stack, one.count)
    end
    return table.concat(lines)
end

return folded
