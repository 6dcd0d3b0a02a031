local shedding = require "perigee.service.shedding"

describe("perigee.service.shedding", function()
    -- Whether each of the delays, in seconds, was late, when they come at these times.
    local function run(events)
        local shed, late = shedding.new(0.1), {}
        for i, event in ipairs(events) do
            late[i] = shed:is_late(event[2], event[1])
        end
        return late
    end

    it("lets a burst wait", function()
        assert.same({ false, false, false, false }, run({ { 1, 0.01 }, { 1.05, 3 }, { 1.09, 3 },
            { 1.11, 3 } }))
    end)

    it("refuses who is late once nobody was in time for an interval", function()
        assert.same({ false, false, true, false, true },
            run({ { 1, 0.2 }, { 1.05, 0.3 }, { 1.1, 0.2 }, { 1.11, 0.1 }, { 1.12, 0.11 } }))
    end)

    it("is over as soon as somebody was in time", function()
        assert.same({ false, true, false, false },
            run({ { 1, 0.2 }, { 1.1, 0.2 }, { 1.15, 0.05 }, { 1.21, 0.5 } }))
    end)

    it("is over after an interval without anybody", function()
        local shed = shedding.new(0.1)
        shed:is_late(0.2, 1)
        assert.is_true(shed:is_late(0.2, 1.1))
        assert.is_false(shed:is_late(0.2, 5))
    end)
end)
