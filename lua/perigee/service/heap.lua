--- What the heap of a service holds: objects by type, and by the path that holds them. Walks from
-- what the service itself has to what Perigee has for it, so an object counts where the shortest
-- path from the first of these leads.
local census = require "perigee.core.census"
local globals = require "perigee.core.globals"
local heap_walk = require "perigee.service.heap_walk"
local modules = require "perigee.core.modules"
local scheduler = require "perigee.core.scheduler"

local heap = {}

-- Of holders told, and the part of all that is too small to tell.
local HOLDER_LIMIT, LEAST_SHARE = 50, 0.005

-- A path is told only if it holds more than this part of it by itself or by several below it.
local OWN_SHARE = 0.1

-- Perigee's own modules and their functions, which a script holds too, count as Perigee's.
local function set_aside_own(walk)
    walk:set_aside(modules)
    for _, module in next, modules do
        walk:set_aside(type(module) == "table" and module or {})
    end
end

local function walk_tasks(walk)
    local asking, threads = scheduler.current(), {}
    census.each(function(task)
        if task ~= asking and task.thread then
            threads[#threads + 1] = { task.name or "?", task.thread }
        end
    end)
    walk:hide(threads)
    for _, one in ipairs(threads) do
        walk:walk_from("task " .. tostring(one[1]), one[2])
    end
end

-- Sums up every node with what is below it, and gives all of them.
local function list_nodes(root)
    local list = { root }
    local place = 1
    while list[place] do
        for _, child in ipairs(list[place].list or {}) do
            list[#list + 1] = child
        end
        place = place + 1
    end
    for i = #list, 2, -1 do
        local node, parent = list[i], list[i].parent
        node.total, node.total_count = node.size + (node.below or 0),
            node.count + (node.below_count or 0)
        parent.below = (parent.below or 0) + node.total
        parent.below_count = (parent.below_count or 0) + node.total_count
        parent.largest = math.max(parent.largest or 0, node.total)
    end
    table.remove(list, 1)
    return list
end

local function path_of(node)
    local names = {}
    while node.parent do
        table.insert(names, 1, node.name)
        node = node.parent
    end
    return table.concat(names)
end

local function list_holders(walk)
    local nodes = list_nodes(walk.root)
    local all, holders = walk.root.below or 0, {}
    for _, node in ipairs(nodes) do
        local is_large = node.total >= all * LEAST_SHARE
        if is_large and node.total - (node.largest or 0) > node.total * OWN_SHARE then
            holders[#holders + 1] = { path = path_of(node), count = node.total_count,
                size = node.total }
        end
    end
    table.sort(holders, function(a, b)
        return a.size > b.size or a.size == b.size and a.path < b.path
    end)
    for i = #holders, HOLDER_LIMIT + 1, -1 do
        holders[i] = nil
    end
    return holders, all
end

local function list_types(walk)
    local types = {}
    for _, of_kind in pairs(walk.types) do
        types[#types + 1] = of_kind
    end
    table.sort(types, function(a, b)
        return a.size > b.size
    end)
    return types
end

--- Counts for at most `seconds`. Sizes are estimates; what no reference leads to is not counted,
-- such as code and what the collector has not freed yet.
-- @return { types = { { type=, count=, size= }, ... }, holders = { { path=, count=, size= }, ... },
-- count=, size= of all that was seen, is_complete = false when a limit ended it }. A holder's
-- numbers are those of all it holds. A path that holds nearly everything through one below it is
-- left out in favour of that.
function heap.count(state, seconds)
    local walk = heap_walk.new(seconds)
    set_aside_own(walk)
    walk:walk_from("service", state.service)
    walk:walk_from("modules", state.loaded)
    walk:walk_from("globals", globals)
    walk_tasks(walk)
    walk:walk_set_aside("perigee")
    walk:walk_from("perigee", debug.getregistry())
    local holders, size = list_holders(walk)
    return { types = list_types(walk), holders = holders, count = walk.object_count, size = size,
        is_complete = walk.is_complete }
end

return heap
