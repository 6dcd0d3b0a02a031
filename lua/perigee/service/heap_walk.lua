--- Walks through what values hold, the nearest first, and counts it by type and by path. A path is
-- a node of a tree: { name=, parent=, list = nodes below or false, count=, size= of objects just
-- there }. Between two steps of the walk other tasks run; a single table is one step.
local scheduler = require "perigee.core.scheduler"

local heap_walk = {}
local methods = {}
local metatable = { __index = methods }

-- Of objects that are looked at, of paths that are told apart, and of names in one path.
local OBJECT_LIMIT, NODE_LIMIT, DEPTH_LIMIT = 1000000, 20000, 24

-- A table with more fields is a collection: their names are data.
local FIELD_LIMIT = 32

-- How much is looked at before the service has its turn.
local STEP_COUNT, PAUSE_S = 2000, 0.001

-- What LuaJIT takes for objects of 64-bit references, in bytes.
local SIZES = { table = 64, slot = 8, node = 24, string = 25, ["function"] = 40, upvalue = 48,
    thread = 512, userdata = 48, cdata = 24 }

local getinfo, getlocal = debug.getinfo, debug.getlocal
local getupvalue, getmetatable = debug.getupvalue, debug.getmetatable
local getfenv = debug.getfenv

-- One place in the tree of paths.
local function new_node(walk, name, parent)
    walk.node_count = walk.node_count + 1
    local node = { name = name, parent = parent, depth = parent and parent.depth + 1 or 0,
        count = 0, size = 0, children = false, list = false }
    return node
end

local function child_of(walk, node, name)
    local children = node.children
    local child = children and children[name]
    if child then
        return child
    elseif walk.node_count >= NODE_LIMIT or node.depth >= DEPTH_LIMIT then
        return node
    elseif not children then
        children = {}
        node.children, node.list = children, {}
    end
    child = new_node(walk, name, node)
    children[name] = child
    node.list[#node.list + 1] = child
    return child
end

local function count(walk, kind, node, size)
    local of_kind = walk.types[kind]
    if not of_kind then
        of_kind = { type = kind, count = 0, size = 0 }
        walk.types[kind] = of_kind
    end
    of_kind.count, of_kind.size = of_kind.count + 1, of_kind.size + size
    node.count, node.size = node.count + 1, node.size + size
    walk.object_count = walk.object_count + 1
end

-- What is no object of its own; and what LuaJIT keeps for itself, which a stack may show.
local IS_PLAIN = { ["nil"] = true, boolean = true, number = true, trace = true, proto = true }

-- Notes that `value` is held at `node`, unless it was seen nearer.
local function visit(walk, value, node)
    local kind = type(value)
    if IS_PLAIN[kind] or walk.seen[value] then
        return
    end
    walk.seen[value] = true
    if kind == "string" then
        count(walk, kind, node, SIZES.string + #value)
        return
    end
    local last = walk.last + 1
    walk.values[last], walk.nodes[last], walk.last = value, node, last
end

local function visit_child(walk, value, node, name)
    if not IS_PLAIN[type(value)] and not walk.seen[value] then
        visit(walk, value, child_of(walk, node, name))
    end
end

-- Parts of tables grow by doubling.
local function power_of_two(n)
    local power = 1
    while power < n do
        power = power * 2
    end
    return n > 0 and power or 0
end

-- Whether the fields of a table are few enough to have their names told.
local function is_record(value)
    local seen = 0
    for _ in next, value do
        seen = seen + 1
        if seen > FIELD_LIMIT then
            return false
        end
    end
    return true
end

local function name_of_field(key, has_names)
    if has_names and type(key) == "string" then
        return key:find("^[%a_][%w_]*$") and "." .. key or ("[%q]"):format(key:sub(1, 40))
    end
    return "[*]"
end

-- Weak references hold nothing.
local function weakness(value)
    local own = getmetatable(value)
    local mode = type(own) == "table" and rawget(own, "__mode")
    mode = type(mode) == "string" and mode or ""
    return mode:find("k", 1, true), mode:find("v", 1, true)
end

local visitors = {}

visitors["table"] = function(walk, value, node)
    local has_names, fields = is_record(value), 0
    local has_weak_keys, has_weak_values = weakness(value)
    for key, field in next, value do
        fields = fields + 1
        if not has_weak_keys then
            visit(walk, key, node)
        end
        if not has_weak_values then
            visit_child(walk, field, node, name_of_field(key, has_names))
        end
    end
    visit_child(walk, getmetatable(value), node, " metatable")
    local length = #value
    return SIZES.table + SIZES.slot * power_of_two(length)
        + SIZES.node * power_of_two(math.max(0, fields - length))
end

visitors["function"] = function(walk, value, node)
    local upvalues = 0
    while true do
        local name, held = getupvalue(value, upvalues + 1)
        if not name then
            break
        end
        upvalues = upvalues + 1
        visit_child(walk, held, node, name ~= "" and " ^" .. name or " ^")
    end
    visit_child(walk, getfenv(value), node, " environment")
    return SIZES["function"] + (SIZES.slot + SIZES.upvalue) * upvalues
end

local function visit_frame(walk, thread, level, node)
    local place = 1
    local name, held = getlocal(thread, level, place)
    while name do
        visit_child(walk, held, node, name:find("^%(") and " temporary" or " local " .. name)
        place = place + 1
        name, held = getlocal(thread, level, place)
    end
end

visitors["thread"] = function(walk, value, node)
    for level = 0, DEPTH_LIMIT * 4 do
        local info = getinfo(value, level, "f")
        if not info then
            break
        end
        visit_frame(walk, value, level, node)
        visit(walk, info.func, node)
    end
    return SIZES.thread
end

function visitors.userdata(walk, value, node)
    visit_child(walk, getmetatable(value), node, " metatable")
    return SIZES.userdata
end

function visitors.cdata()
    return SIZES.cdata
end

-- Looks at what has been found so far and what that holds. Returns false at a limit.
local function drain(walk)
    local step = 0
    while walk.first <= walk.last do
        local place = walk.first
        local value, node = walk.values[place], walk.nodes[place]
        walk.values[place], walk.nodes[place], walk.first = nil, nil, place + 1
        local kind = type(value)
        local size = visitors[kind](walk, value, node)
        count(walk, kind, node, size)
        step = step + 1
        if step >= STEP_COUNT then
            step = 0
            scheduler.sleep(scheduler.now() + PAUSE_S)
            if walk.object_count > OBJECT_LIMIT or scheduler.now() > walk.deadline then
                return false
            end
        end
    end
    return true
end

--- A walk that ends after `seconds`, or at a limit; its `is_complete` is false then. The task that
-- walks is no part of what it finds.
function heap_walk.new(seconds)
    local walk = setmetatable({ seen = {}, values = {}, nodes = {}, first = 1, last = 0,
        types = {}, node_count = 0, object_count = 0, is_complete = true,
        deadline = scheduler.now() + seconds }, metatable)
    walk.root = new_node(walk, "", nil)
    local task = scheduler.current()
    for _, own in ipairs({ walk, walk.seen, walk.values, walk.nodes, walk.types, walk.root, task,
        task.thread }) do
        walk:hide(own)
    end
    return walk
end

--- Leaves an object, and what only it holds, out of the walk.
function methods:hide(value)
    self.seen[value] = true
end

--- Walks from `value`, which is below the root by this name.
function methods:walk_from(name, value)
    if self.is_complete then
        visit_child(self, value, self.root, name)
        self.is_complete = drain(self)
    end
end

--- Has the tables and functions of `values` passed over until methods:walk_set_aside.
function methods:set_aside(values)
    self.aside = self.aside or {}
    for _, value in next, values do
        if (type(value) == "table" or type(value) == "function") and not self.seen[value] then
            self.seen[value] = true
            self.aside[#self.aside + 1] = value
        end
    end
end

--- Walks from those, which are below the root by this name.
function methods:walk_set_aside(name)
    local node = child_of(self, self.root, name)
    for _, value in ipairs(self.aside or {}) do
        local last = self.last + 1
        self.values[last], self.nodes[last], self.last = value, node, last
    end
    self.is_complete = self.is_complete and drain(self)
end

return heap_walk
