--- What is known of instances: lists that change as a whole, empty answers that are not believed,
-- watchers that see the last.
local instance = require "perigee.registry.instance"
local known = require "perigee.registry.known"
local testing = require "perigee.testing"

local function record(id, port)
    return assert(instance.new({ service = "users", id = id, address = "h:" .. (port or 1) }))
end

local function ids(list)
    return table.concat(instance.ids(list or {}), " ")
end

describe("perigee.registry.known", function()
    local clock, made, changes

    before_each(function()
        clock = testing.virtual_clock()
        changes = 0
        made = known.new({ on_change = function()
            changes = changes + 1
        end })
    end)

    after_each(function()
        made:close()
    end)

    local function present()
        return ids((made:instances("users")))
    end

    it("takes answers as a whole, sorted", function()
        made:replace("users", { record "b", record "a" })
        assert.equal("a b", present())
        made:replace("users", { record "c" })
        assert.equal("c", present())
        assert.equal(2, changes)
    end)

    it("keeps the list when an answer says the same", function()
        made:replace("users", { record "a", record "b" })
        local before = made:instances("users")
        made:replace("users", { record "b", record "a" })
        assert.equal(before, (made:instances("users")))
        assert.equal(1, changes)
        made:replace("users", { record "b", record("a", 2) })
        assert.not_equal(before, (made:instances("users")))
    end)

    it("takes news of single instances", function()
        for _, id in ipairs({ "m", "c", "x", "a", "p" }) do
            made:put(record(id))
        end
        assert.equal("a c m p x", present())
        made:put(record("c", 9))
        assert.equal("h:9", made:instances("users")[2].address)
        made:put(record("c", 9))
        assert.equal(6, changes)
        made:remove("users", "m")
        made:remove("users", "none")
        made:remove("nobody", "m")
        assert.equal("a c p x", present())
        assert.equal(7, changes)
    end)

    it("never changes a list that it gave away", function()
        made:put(record "a")
        local given = made:instances("users")
        made:put(record "b")
        made:remove("users", "a")
        assert.equal("a", ids(given))
    end)

    it("believes news that the last one is gone", function()
        made:put(record "a")
        made:remove("users", "a")
        assert.equal("", present())
        assert.same({}, made:list())
    end)

    it("keeps who is said to be gone for a while when that is doubtful", function()
        local doubting = known.new({ doubt_s = 30 })
        local function ids_there()
            return ids((doubting:instances("users")))
        end
        for _, id in ipairs({ "a", "b", "c" }) do
            doubting:put(record(id))
        end
        doubting:remove("users", "a", true)
        doubting:remove("users", "b", true)
        doubting:remove("users", "none", true)
        clock:advance(20)
        doubting:remove("users", "b", true)
        doubting:put(record("a"))
        doubting:remove("users", "c")
        assert.equal("a b", ids_there())
        clock:advance(9)
        assert.equal("a b", ids_there())
        clock:advance(1)
        assert.equal("a", ids_there())
        clock:advance(60)
        assert.equal("a", ids_there())
        doubting:remove("users", "a", true)
        doubting:close()
        clock:advance(60)
        assert.equal("a", ids_there())
    end)

    it("believes an empty answer only when it has stood for a minute", function()
        made:replace("users", { record "a" })
        made:replace_all({})
        clock:advance(59)
        local list, info = made:instances("users")
        assert.equal("a", ids(list))
        assert.equal(59, info.suspect_s)
        clock:advance(1)
        assert.equal("", present())
        assert.equal(2, changes)
    end)

    it("gives up its suspicion when instances are back", function()
        made:replace("users", { record "a" })
        made:replace("users", {})
        clock:advance(30)
        made:replace("users", { record "a" })
        clock:advance(3600)
        local list, info = made:instances("users")
        assert.equal("a", ids(list))
        assert.is_nil(info.suspect_s)
    end)

    it("suspects from the first empty answer on, not the last", function()
        made:replace("users", { record "a" })
        for _ = 1, 6 do
            made:replace("users", {})
            clock:advance(10)
        end
        assert.equal("", present())
    end)

    it("knows nothing before it was told", function()
        assert.is_false(made:is_known("users"))
        assert.equal("timeout", select(2, made:wait("users", 1)))
        made:mark_complete("users")
        assert.is_true(made:is_known("users"))
        assert.is_false(made:is_known("orders"))
        made:mark_complete()
        assert.is_true(made:is_known("orders"))
    end)

    it("tells who waits, also that there is none", function()
        local watcher = made:watch("users")
        made:mark_complete()
        assert.same({}, watcher:next())
        made:put(record "a")
        made:put(record "b")
        assert.equal("a b", ids(watcher:next()))
        watcher:close()
        watcher:close()
        assert.equal("closed", select(2, watcher:next()))
    end)
end)
