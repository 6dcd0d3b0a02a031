--- Timers ordered by deadline: a binary heap that knows where each entry stands, so that one can be
-- taken out. Entries with the same deadline come in the order they were added. Pure: it never asks
-- what time it is.
local timer_heap = {}
local methods = {}
local metatable = { __index = methods }

function timer_heap.new()
    return setmetatable({ count = 0, added = 0 }, metatable)
end

local function is_before(a, b)
    if a.deadline ~= b.deadline then
        return a.deadline < b.deadline
    end
    return a.order < b.order
end

local function place(heap, index, entry)
    heap[index] = entry
    entry.index = index
end

local function sift_up(heap, index, entry)
    while index > 1 do
        local parent = (index - index % 2) / 2
        if not is_before(entry, heap[parent]) then
            break
        end
        place(heap, index, heap[parent])
        index = parent
    end
    place(heap, index, entry)
end

local function sift_down(heap, index, entry)
    local count = heap.count
    while true do
        local child = 2 * index
        if child > count then
            break
        end
        if child < count and is_before(heap[child + 1], heap[child]) then
            child = child + 1
        end
        if not is_before(heap[child], entry) then
            break
        end
        place(heap, index, heap[child])
        index = child
    end
    place(heap, index, entry)
end

--- Makes room for one more entry, so that adding it takes no memory.
function methods:reserve()
    self[self.count + 1] = false
end

--- Adds `entry`, a table whose `deadline` is a number. Uses its fields `index` and `order`. A
-- function order_of_next of the heap gives numbers for another order among equal deadlines.
-- When there is no memory for it, nothing has changed.
function methods:add(entry)
    self.added = self.added + 1
    entry.order = self.order_of_next and self.order_of_next() or self.added
    sift_up(self, self.count + 1, entry)
    self.count = self.count + 1
end

--- Takes `entry` out. Returns true, or false when it was not there.
function methods:remove(entry)
    local index = entry.index
    if not index then
        return false
    end
    local last = self[self.count]
    self[self.count] = nil
    self.count = self.count - 1
    entry.index = false
    if last ~= entry then
        sift_up(self, index, last)
        sift_down(self, last.index, last)
    end
    return true
end

--- The entry that comes first, or nil.
function methods:first()
    return self[1] or nil
end

return timer_heap
