local ejection = require "perigee.resilience.ejection"

local function members_of(count)
    local members = {}
    for i = 1, count do
        members[i] = { name = i }
    end
    return members
end

local function fail(made, members, member, times, now)
    local until_s, reason
    for _ = 1, times do
        until_s, reason = made:observe(members, member, false, now)
    end
    return until_s, reason
end

-- `requests` calls of each member, of which failures[i] fail, never five in a row.
local function period(made, members, requests, failures)
    for i, member in ipairs(members) do
        local failed = failures[i] or 0
        for number = 1, requests do
            local is_ok = number > failed * 2 or number % 2 == 0
            made:observe(members, member, is_ok, 0)
        end
    end
end

describe("failures in a row", function()
    it("eject at the fifth", function()
        local made, members = ejection.new(), members_of(4)
        assert.is_nil(fail(made, members, members[1], 4, 0))
        local until_s, reason = fail(made, members, members[1], 1, 7)
        assert.equal(37, until_s)
        assert.equal("5 failures in a row", reason)
        assert.equal(1, made.count)
    end)

    it("are counted anew after a success, and not by calls that say nothing", function()
        local made, members = ejection.new(), members_of(4)
        fail(made, members, members[1], 4, 0)
        made:observe(members, members[1], true, 0)
        assert.is_nil(fail(made, members, members[1], 4, 0))
        made:observe(members, members[1], nil, 0)
        assert.equal(30, fail(made, members, members[1], 1, 0))
    end)

    it("eject for longer each time, five minutes at most", function()
        local made, members, now = ejection.new(), members_of(4), 0
        for times = 1, 12 do
            local until_s = fail(made, members, members[1], 5, now)
            assert.equal(math.min(30 * times, 300), until_s - now)
            -- What comes in late of who is out already changes nothing.
            assert.is_nil(fail(made, members, members[1], 10, now))
            now = until_s
        end
    end)

    it("eject half of the members at most, and never the last", function()
        for count, most in pairs { [1] = 0, [2] = 1, [3] = 1, [4] = 2, [7] = 3 } do
            local made, members = ejection.new(), members_of(count)
            for _, member in ipairs(members) do
                fail(made, members, member, 5, 0)
            end
            assert.equal(most, made.count)
        end
    end)
end)

describe("a sweep", function()
    local function sweep(failures, requests, count, options)
        local made, members = ejection.new(options), members_of(count or 6)
        assert.is_nil(made:sweep(members, 0))
        period(made, members, requests or 100, failures)
        assert.is_nil(made:sweep(members, 9.9))
        return made:sweep(members, 10), members, made
    end

    it("ejects who has far less success than the others", function()
        local list, members = sweep { 1, 0, 2, 40, 1, 0 }
        assert.equal(1, #list)
        assert.equal(members[4], list[1].member)
        assert.equal(40, list[1].until_s)
        assert.matches("^60%.0 %% success, less than 6%d%.%d %%$", list[1].reason)
    end)

    it("ejects nobody when all are alike", function()
        for failures = 0, 50 do
            local all = {}
            for i = 1, 6 do
                all[i] = failures
            end
            assert.same({}, (sweep(all)))
        end
    end)

    it("judges nobody by fewer than 100 requests, and nobody among fewer than five", function()
        assert.same({}, (sweep({ 0, 0, 0, 40 }, 99)))
        assert.same({}, (sweep({ 0, 0, 0, 40 }, 100, 4, { deviations = 1 })))
        assert.equal(1, #sweep({ 0, 0, 0, 40 }, 100, 5))
    end)

    it("begins to count anew", function()
        local _, members, made = sweep { 0, 0, 0, 40 }
        period(made, members, 50, {})
        assert.is_nil(made:sweep(members, 19.9))
        assert.same({}, made:sweep(members, 20))
        period(made, members, 50, { 0, 20 })
        assert.same({}, made:sweep(members, 30))
    end)

    it("takes one ejection off for each period without failures", function()
        local made, members = ejection.new(), members_of(4)
        made:sweep(members, 0)
        fail(made, members, members[1], 5, 1)
        assert.equal(91, fail(made, members, members[1], 5, 31))
        -- Out, back in the middle, and in for the whole period.
        for now = 10, 110, 10 do
            made:sweep(members, now)
        end
        assert.equal(120 + 60, fail(made, members, members[1], 5, 120))
    end)
end)

describe("settings", function()
    it("replace the defaults", function()
        local made, members = ejection.new { failures = 2, base_s = 3, share = 1 }, members_of(1)
        assert.equal(3, fail(made, members, members[1], 2, 0))
    end)

    it("are refused when they are unknown or no numbers", function()
        for _, options in ipairs { { base = 3 }, { base_s = "3" } } do
            assert.error_matches(function() ejection.new(options) end,
                "ejection.new: base_?s? = 3 is no setting with a number")
        end
    end)
end)
