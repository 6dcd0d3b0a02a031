--- Registrations are kept for ever: hours of trouble on a virtual clock.
local keeper = require "perigee.registry.keeper"
local perigee = require "perigee"
local testing = require "perigee.testing"

local TTL_S = 15

describe("perigee.registry.keeper", function()
    local clock, backend, kept

    before_each(function()
        clock = testing.virtual_clock()
        backend = { present = {}, announcements = 0, beats = 0, is_away = false, steps = {} }
        function backend:announce(record)
            self.announcements = self.announcements + 1
            if self.is_away then
                return nil, "refused", "nobody is there"
            end
            self.present[record.id] = record
            return true
        end
        function backend:beat(records)
            self.beats = self.beats + 1
            if self.is_away then
                return nil, "refused", "nobody is there"
            end
            local lost = {}
            for _, record in ipairs(records) do
                if not self.present[record.id] then
                    lost[#lost + 1] = record.id
                end
            end
            return lost
        end
        backend.verify = backend.beat
        function backend:withdraw(record)
            self.present[record.id] = nil
            return true
        end
        kept = keeper.new({ backend = backend, ttl_s = TTL_S, name = "test" })
    end)

    after_each(function()
        kept:close()
        perigee.sleep(0)
    end)

    local function add(id)
        return kept:add({ id = id, service = "users" })
    end

    it("knows that the registry is away when beats are missing, and tells of its return", function()
        local returns = 0
        function backend.note_return()
            returns = returns + 1
        end
        assert.is_false(kept:is_away())
        add("a"):recv()
        for _ = 1, 100 do
            clock:advance(1)
            assert.is_false(kept:is_away())
        end
        backend.is_away = true
        clock:advance(TTL_S)
        assert.is_true(kept:is_away())
        clock:advance(600)
        assert.equal(0, returns)
        backend.is_away = false
        clock:advance(TTL_S / 2)
        assert.is_false(kept:is_away())
        assert.equal(1, returns)
    end)

    it("announces at once, and beats at a third of the time to live", function()
        local settled = add("a")
        settled:recv()
        assert.equal(1, backend.announcements)
        clock:advance(3600)
        assert.equal(1, backend.announcements)
        -- 720 beats, a tenth more or less, and 120 looks.
        assert.is_true(backend.beats > 720 * 0.9 and backend.beats < 720 * 1.1 + 121)
    end)

    it("tries again for ever, and at least twice in a time to live", function()
        backend.is_away = true
        add("a")
        clock:advance(24 * 3600)
        -- A random part of at most half of it each, a quarter on average.
        assert.is_true(backend.announcements > 24 * 3600 / (TTL_S / 2))
        assert.is_true(backend.announcements < 24 * 3600 / (TTL_S / 6))
        assert.is_false(kept:is_registered("a"))
        backend.is_away = false
        clock:advance(TTL_S / 2)
        assert.is_true(kept:is_registered("a"))
    end)

    it("announces again what was lost", function()
        add("a"):recv()
        backend.present = {}
        clock:advance(TTL_S)
        assert.truthy(backend.present.a)
        assert.equal(2, backend.announcements)
    end)

    it("announces again when beats have failed for twice the time to live", function()
        add("a"):recv()
        backend.is_away = true
        clock:advance(TTL_S)
        assert.is_true(kept:is_registered("a"))
        clock:advance(3 * TTL_S)
        assert.is_false(kept:is_registered("a"))
        backend.is_away = false
        clock:advance(TTL_S)
        assert.is_true(kept:is_registered("a"))
    end)

    it("forgets what is removed, and never brings it back", function()
        add("a"):recv()
        add("b"):recv()
        assert.is_true(kept:remove("a"))
        clock:advance(3600)
        assert.is_nil(backend.present.a)
        assert.truthy(backend.present.b)
    end)

    it("withdraws again what was removed while it was being announced", function()
        local announce = backend.announce
        function backend:announce(record)
            perigee.sleep(1)
            return announce(self, record)
        end
        add("a")
        clock:advance(0.5)
        kept:remove("a")
        clock:advance(10)
        assert.is_nil(backend.present.a)
    end)

    it("announces what replaces another of its id", function()
        add("a"):recv()
        local second = { id = "a", service = "users", version = "2" }
        kept:add(second):recv()
        assert.equal(second, backend.present.a)
    end)

    it("ends with its beats", function()
        add("a"):recv()
        kept:close()
        local beats = backend.beats
        clock:advance(3600)
        assert.equal(beats, backend.beats)
    end)

    it("says how it stands", function()
        backend.is_away = true
        add("a")
        clock:advance(1)
        assert.same({ wanted = 1, registered = 0 }, kept:status())
        backend.is_away = false
        clock:advance(15)
        assert.equal(1, kept:status().registered)
    end)
end)
