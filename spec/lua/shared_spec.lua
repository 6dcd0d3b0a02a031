local eventually = require "spec.support.eventually"
local shared = require "perigee.shared"

local SHAPE = { entries = 20, value_size = 16, key_size = 8 }

-- Objects are never removed, so each case has names of its own.
local name_count = 0

local function fresh_name()
    name_count = name_count + 1
    return "shared_spec " .. name_count
end

local function make(shape)
    return assert(shared.dict(fresh_name(), shape or SHAPE))
end

-- The message of an error, which names this file: whoever calls wrongly is told the own line.
local function refuse(pattern, fn, ...)
    local arguments, count = { ... }, select("#", ...)
    local is_ok, message = pcall(function()
        local first, second = fn(unpack(arguments, 1, count))
        return first, second
    end)
    assert.is_false(is_ok)
    assert.matches("^spec/lua/shared_spec%.lua:%d+: ", message)
    assert.matches(pattern, message)
end

describe("perigee.shared.counter", function()
    local counter

    before_each(function()
        counter = assert(shared.counter(fresh_name()))
    end)

    it("begins at 0, adds, and is set", function()
        assert.equal(0, counter:get())
        assert.equal(3, counter:add(3))
        assert.equal(-1, counter:add(-4))
        counter:set(7)
        assert.equal(7, counter:get())
    end)

    it("is the same for whoever asks for its name", function()
        counter:add(5)
        assert.equal(5, shared.counter(counter.name):get())
    end)

    it("swaps only what is expected", function()
        assert.is_false(counter:cas(1, 2))
        assert.is_true(counter:cas(0, 2))
        assert.equal(2, counter:get())
    end)

    it("goes no further than numbers are exact", function()
        counter:set(2 ^ 53 - 1)
        assert.equal(2 ^ 53, counter:add(1))
        assert.same({ nil, "too_large" }, { counter:add(1) })
        assert.equal(2 ^ 53, counter:get())
        counter:set(-2 ^ 53)
        assert.same({ nil, "too_large" }, { counter:add(-1) })
    end)

    it("takes whole numbers alone", function()
        for _, value in ipairs({ 0.5, 0 / 0, math.huge, 2 ^ 54, "1", true, 1LL }) do
            refuse("counter:add takes whole numbers", counter.add, counter, value)
            refuse("counter:set takes whole numbers", counter.set, counter, value)
            refuse("counter:cas takes whole numbers", counter.cas, counter, value, 1)
            refuse("counter:cas takes whole numbers", counter.cas, counter, 1, value)
        end
        refuse("got nil", counter.add, counter)
    end)

    it("has a name of printable characters", function()
        refuse("takes a name, got nil", shared.counter)
        refuse("takes a name, got number", shared.counter, 5)
        refuse("1 to 63 printable", shared.counter, "")
        refuse("1 to 63 printable", shared.counter, "a\0b")
        refuse("1 to 63 printable", shared.counter, ("a"):rep(64))
        assert.truthy(shared.counter(("a"):rep(63)))
    end)
end)

describe("perigee.shared.dict", function()
    it("holds strings, numbers, booleans and int64", function()
        local dict = make()
        for _, value in ipairs({ "", "a\0b", ("x"):rep(16), 0, -0.5, math.huge, 2 ^ 60, true, false,
            0LL, -1LL, 9223372036854775807LL, -9223372036854775807LL - 1LL, 4294967296LL }) do
            assert.is_true(dict:set("key", value))
            local got = dict:get("key")
            assert.equal(type(value), type(got))
            assert.is_true(value == got)
        end
    end)

    it("has no value under a key that was not set or was deleted", function()
        local dict = make()
        assert.same({ nil, "not_found" }, { dict:get("key") })
        dict:set("key", 1)
        assert.is_true(dict:delete("key"))
        assert.is_false(dict:delete("key"))
        assert.same({ nil, "not_found" }, { dict:get("key") })
    end)

    it("lets what has expired go", function()
        local dict = make()
        dict:set("key", "brief", 0.02)
        dict:set("other", "lasting", 1000)
        dict:set("forever", true)
        eventually(function()
            return dict:get("key") == nil
        end, "the key has expired")
        assert.equal("lasting", dict:get("other"))
        assert.equal(2, dict:len())
        assert.is_true(dict:set_if_absent("key", 1, 1e-12))
        eventually(function()
            return dict:len() == 2
        end, "the shortest time is over")
    end)

    it("adds to what is there, or to what it is to begin with", function()
        local dict = make()
        assert.equal(5, dict:add("a", 5))
        assert.equal(4, dict:add("a", -1, 100))
        assert.equal(101, dict:add("b", 1, 100))
        assert.is_true(dict:add("c", 2LL) == 2LL)
        assert.is_true(dict:add("c", 2LL, 9LL) == 4LL)
        assert.equal(math.huge, dict:add("d", math.huge))
        assert.same({ nil, "invalid" }, { dict:add("c", 1) })
        dict:set("e", "text")
        assert.same({ nil, "invalid" }, { dict:add("e", 1) })
        assert.equal("text", dict:get("e"))
        dict:add("f", 1, 0, 0.01)
        eventually(function()
            return dict:add("f", 0, 50) == 50
        end, "the sum has expired")
    end)

    it("swaps only what is expected, of the same type", function()
        local dict = make()
        assert.is_false(dict:cas("key", 1, 2))
        dict:set("key", 1)
        assert.is_false(dict:cas("key", "1", 2))
        assert.is_false(dict:cas("key", 1LL, 2))
        assert.is_false(dict:cas("key", true, 2))
        assert.is_true(dict:cas("key", 1, "two"))
        assert.is_true(dict:cas("key", "two", 3LL))
        assert.is_true(dict:cas("key", 3LL, false))
        assert.is_false(dict:get("key"))
    end)

    it("refuses what has no room, and says so", function()
        local dict = make({ entries = 3, value_size = 8 })
        for _, key in ipairs({ "a", "b", "c" }) do
            assert.is_true(dict:set(key, 1))
        end
        assert.same({ nil, "full" }, { dict:set("d", 1) })
        assert.same({ nil, "full" }, { dict:set_if_absent("d", 1) })
        assert.same({ nil, "full" }, { dict:add("d", 1) })
        assert.is_true(dict:set("a", 2))
        assert.equal(2, dict:add("b", 1))
        dict:delete("c")
        assert.is_true(dict:set("d", 1))
    end)

    it("refuses keys and strings beyond its sizes", function()
        local dict = make()
        local long_key, long_value = ("k"):rep(9), ("v"):rep(17)
        assert.same({ nil, "too_large" }, { dict:set(long_key, 1) })
        assert.same({ nil, "too_large" }, { dict:add(long_key, 1) })
        assert.same({ nil, "too_large" }, { dict:cas(long_key, 1, 2) })
        assert.same({ nil, "too_large" }, { dict:set("key", long_value) })
        assert.same({ nil, "too_large" }, { dict:set_if_absent("key", long_value) })
        assert.same({ nil, "not_found" }, { dict:get(long_key) })
        assert.is_false(dict:delete(long_key))
    end)

    it("lists keys up to a limit and says whether there are more", function()
        local dict = make({ entries = 500, value_size = 8 })
        local expected = {}
        for i = 1, 200 do
            expected[i] = ("%03d"):format(i)
            assert.is_true(dict:set(expected[i], i))
        end
        local keys, has_more = dict:keys()
        table.sort(keys)
        assert.same(expected, keys)
        assert.is_false(has_more)
        keys, has_more = dict:keys(199)
        assert.equal(199, #keys)
        assert.is_true(has_more)
        keys, has_more = dict:keys(0)
        assert.same({}, keys)
        assert.is_true(has_more)
        refuse("the limit is a whole number, got %-1", dict.keys, dict, -1)
    end)

    it("says what is wrong in the caller's line", function()
        local dict = make()
        refuse("dict:get: a key is a string, got number", dict.get, dict, 1)
        refuse("dict:delete: a key is a string, got nil", dict.delete, dict)
        for _, name in ipairs({ "set", "set_if_absent" }) do
            for _, value in pairs({ {}, print, 1ULL, newproxy() }) do
                refuse("dict:" .. name .. ": a value is a string", dict[name], dict, "key", value)
            end
            refuse("got nil", dict[name], dict, "key")
            for _, ttl in ipairs({ 0, -1, 0 / 0, math.huge, "5", true }) do
                refuse("a time to live is seconds", dict[name], dict, "key", 1, ttl)
            end
        end
        refuse("dict:cas: a value is", dict.cas, dict, "key", nil, 1)
        refuse("dict:cas: a value is", dict.cas, dict, "key", 1, nil)
        refuse("a number or an int64 is added, got string", dict.add, dict, "key", "1")
        refuse("must be of the type of what is added", dict.add, dict, "key", 1, 1LL)
        refuse("must be of the type of what is added", dict.add, dict, "key", 1LL, 1ULL)
        refuse("a time to live is seconds", dict.add, dict, "key", 1, 1, 0)
    end)

    it("has a shape that is told when it is wrong", function()
        refuse("takes { entries =, value_size = }, got nil", shared.dict, "x")
        refuse("no option 'size'", shared.dict, "x", { size = 1 })
        refuse("entries must be a whole number from 1 to 1048576, got nil", shared.dict, "x", {})
        refuse("entries must be .* got 0", shared.dict, "x", { entries = 0, value_size = 8 })
        refuse("entries must be .* got 1.5", shared.dict, "x", { entries = 1.5, value_size = 8 })
        refuse("value_size must be .* from 8 to 1048576, got 7", shared.dict, "x",
            { entries = 1, value_size = 7 })
        refuse("key_size must be .* from 1 to 1024, got 1025", shared.dict, "x",
            { entries = 1, value_size = 8, key_size = 1025 })
        refuse("evict must be true or false, got string", shared.dict, "x",
            { entries = 1, value_size = 8, evict = "yes" })
    end)

    it("keeps its shape", function()
        local dict = make({ entries = 3, value_size = 8 })
        dict:set("key", "kept")
        assert.equal("kept",
            shared.dict(dict.name, { entries = 3, value_size = 8, key_size = 64 }):get("key"))
        refuse("is a dictionary of entries = 3, key_size = 64, value_size = 8, evict = false until "
            .. "the host is restarted", shared.dict, dict.name, { entries = 4, value_size = 8 })
        refuse("is a dictionary of", shared.counter, dict.name)
        local counter = shared.counter(fresh_name())
        refuse("is a counter until", shared.dict, counter.name, SHAPE)
    end)

    it("is refused when the memory has no room for it", function()
        local dict, code, detail = shared.dict(fresh_name(),
            { entries = 1024 * 1024, value_size = 1024 * 1024 })
        assert.is_nil(dict)
        assert.equal("full", code)
        assert.matches("^shared.dict 'shared_spec %d+': the shared memory has no room", detail)
        assert.truthy(make())
    end)
end)

-- The same dictionary in plain Lua: values by key and when each was used last.
local model = {}
model.__index = model

local function new_model(capacity, is_evicting)
    return setmetatable({ values = {}, used = {}, count = 0, clock = 0, capacity = capacity,
        is_evicting = is_evicting }, model)
end

function model:forget(key)
    local has_key = self.values[key] ~= nil
    if has_key then
        self.values[key], self.used[key] = nil, nil
        self.count = self.count - 1
    end
    return has_key
end

function model:touch(key)
    self.clock = self.clock + 1
    self.used[key] = self.clock
end

function model:make_room()
    if self.count < self.capacity then
        return true
    elseif not self.is_evicting then
        return false
    end
    local oldest
    for key, used in pairs(self.used) do
        if not oldest or used < self.used[oldest] then
            oldest = key
        end
    end
    return self:forget(oldest)
end

-- What lives for no time is stored, and is gone when it is next looked for.
function model:store(key, value, ttl_s)
    if self.values[key] == nil then
        if not self:make_room() then
            return nil, "full"
        end
        self.count = self.count + 1
    end
    self.values[key] = value
    self:touch(key)
    if ttl_s == 1e-9 then
        self:forget(key)
    end
    return true
end

function model:get(key)
    if self.values[key] == nil then
        return nil, "not_found"
    end
    self:touch(key)
    return self.values[key]
end

model.set = model.store

function model:set_if_absent(key, value, ttl_s)
    if self.values[key] ~= nil then
        return false
    end
    return self:store(key, value, ttl_s)
end

local function is_same(a, b)
    return type(a) == type(b) and a == b
end

function model:cas(key, expected, value)
    if self.values[key] == nil or not is_same(self.values[key], expected) then
        return false
    end
    return self:store(key, value)
end

function model:add(key, amount, initial, ttl_s)
    local value = self.values[key]
    if value == nil then
        value = initial
    else
        ttl_s = nil
    end
    if type(value) ~= type(amount) then
        return nil, "invalid"
    end
    local is_stored, code = self:store(key, value + amount, ttl_s)
    if not is_stored then
        return nil, code
    end
    return value + amount
end

model.delete = model.forget

function model:len()
    return self.count
end

function model:keys()
    local keys = {}
    for key in pairs(self.values) do
        keys[#keys + 1] = key
    end
    return keys, false
end

local VALUES = { "", "one", "two", 1, 2, 3.5, true, false, 1LL, 2LL }
local TTLS = { 1000, 1e-9 }

local OPERATIONS = {
    function(random) return "get", { random.key() } end,
    function(random) return "set", { random.key(), random.value(), random.ttl() } end,
    function(random) return "set_if_absent", { random.key(), random.value(), random.ttl() } end,
    function(random) return "cas", { random.key(), random.value(), random.value() } end,
    function(random)
        if math.random(2) == 1 then
            return "add", { random.key(), math.random(9), math.random(9), random.ttl() }
        end
        return "add", { random.key(), math.random(9) * 1LL, math.random(9) * 1LL, random.ttl() }
    end,
    function(random) return "delete", { random.key() } end,
    function() return "len", {} end,
    function() return "keys", {} end,
}

local function random_source(key_count)
    return {
        key = function() return "k" .. math.random(key_count) end,
        value = function() return VALUES[math.random(#VALUES)] end,
        ttl = function() return TTLS[math.random(4)] end,
    }
end

local function show(first, second)
    if type(first) == "table" then
        table.sort(first)
        first = table.concat(first, " ")
    end
    return ("%s %s, %s"):format(type(first), tostring(first), tostring(second))
end

local function compare(dict, other, key_count, round_count)
    local random, trail, seed = random_source(key_count), {}, os.time()
    math.randomseed(seed)
    for round = 1, round_count do
        local name, arguments = OPERATIONS[math.random(#OPERATIONS)](random)
        local expected = show(other[name](other, unpack(arguments, 1, 4)))
        local got = show(dict[name](dict, unpack(arguments, 1, 4)))
        local words = { name }
        for i = 1, 4 do
            words[#words + 1] = tostring(arguments[i])
        end
        trail[round] = ("%s -> %s"):format(table.concat(words, " "), got)
        if expected ~= got then
            error(("seed %d, round %d: expected %s after\n%s"):format(seed, round, expected,
                table.concat(trail, "\n", math.max(1, round - 30))))
        end
    end
end

describe("a shared dictionary does what a table of Lua does", function()
    local ROUNDS = 20000

    it("with room for all", function()
        compare(make({ entries = 500, value_size = 8 }), new_model(500), 200, ROUNDS)
    end)

    it("and refuses past its capacity", function()
        compare(make({ entries = 10, value_size = 8 }), new_model(10), 16, ROUNDS)
    end)

    it("and lets go of what was used longest ago", function()
        compare(make({ entries = 10, value_size = 8, evict = true }), new_model(10, true), 16,
            ROUNDS)
    end)
end)
