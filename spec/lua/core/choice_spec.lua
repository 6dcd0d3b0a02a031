local choice = require "perigee.core.choice"
local perigee = require "perigee"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"

describe("perigee.core.choice", function()
    after_each(choice.stop)

    -- The order in which five tasks run that become ready at once, and one that yields meanwhile.
    local function order_under(seed)
        choice.seed(seed)
        local order = {}
        for i = 1, 5 do
            perigee.go(function() order[#order + 1] = i end)
        end
        perigee.sleep(0)
        return table.concat(order)
    end

    it("has ready tasks run in every order", function()
        local seen, count = {}, 0
        for seed = 1, 2000 do
            local order = order_under(seed)
            count = count + (seen[order] and 0 or 1)
            seen[order] = true
        end
        assert.equal(120, count)
    end)

    it("is the same for the same seed", function()
        assert.equal(order_under(7), order_under(7))
        -- What another process chose: it depends on nothing but the number.
        assert.equal("21435", order_under(7))
    end)

    it("lets whoever yields wait for all that were ready", function()
        for seed = 1, 200 do
            assert.equal(5, #order_under(seed))
        end
    end)

    it("does not let those who do not yield pass one another that waits", function()
        choice.seed(1)
        local is_over, turns = false, 0
        local there, back = perigee.chan(), perigee.chan()
        perigee.go(function()
            while not is_over do
                there:send(1)
                back:recv()
            end
            there:close()
        end)
        perigee.go(function()
            for _ in there do
                turns = turns + 1
                back:send(1)
            end
        end)
        for _ = 1, 50 do
            perigee.sleep(0)
        end
        is_over = true
        perigee.sleep(0.001)
        assert.is_true(turns > 0)
    end)

    it("orders timers of one deadline", function()
        local seen = {}
        for seed = 1, 40 do
            choice.seed(seed)
            local order, deadline = {}, scheduler.now()
            for i = 1, 2 do
                scheduler.at(deadline, function() order[#order + 1] = i end)
            end
            perigee.sleep(0.0001)
            seen[table.concat(order)] = true
        end
        assert.same({ ["12"] = true, ["21"] = true }, seen)
    end)

    it("is the order of arrival without a seed", function()
        choice.seed(1)
        choice.stop()
        local order = {}
        for i = 1, 5 do
            perigee.go(function() order[#order + 1] = i end)
        end
        perigee.sleep(0)
        assert.equal("12345", table.concat(order))
    end)

    it("begins differently for neighbouring numbers", function()
        local seen = {}
        for seed = 1, 100 do
            random.seed(seed)
            seen[random.below(2)] = (seen[random.below(2)] or 0) + 1
        end
        assert.is_true(seen[1] > 25 and seen[2] > 25)
    end)
end)
