local balancing = require "spec.support.balancing"
local round_robin = require "perigee.balancer.round_robin"

local function members_of(weights)
    local members = {}
    for i, weight in ipairs(weights) do
        members[i] = { weight = weight, name = ("abcdefgh"):sub(i, i) }
    end
    return members
end

local function first()
    return 1
end

local function names_of(policy, members, count)
    local names = {}
    for i = 1, count do
        names[i] = policy:pick(members).name
    end
    return table.concat(names, " ")
end

describe("round robin", function()
    it("is smooth, as nginx's", function()
        local members = members_of { 5, 1, 1 }
        assert.equal("a a b a c a a a a b a c a a",
            names_of(round_robin.new(first), members, 14))
    end)

    it("does not depend on the unit of weights", function()
        assert.equal("a a b a c a a a a b a c a a",
            names_of(round_robin.new(first), members_of { 500, 100, 100 }, 14))
    end)

    it("is the order of the list when weights are equal, and begins anywhere", function()
        assert.equal("a b c d a b", names_of(round_robin.new(first), members_of { 7, 7, 7, 7 }, 6))
        local function third()
            return 3
        end
        assert.equal("c d a b c d", names_of(round_robin.new(third), members_of { 7, 7, 7, 7 }, 6))
    end)

    it("gives everybody exactly its weight in each turn, however long that is", function()
        for _, weights in ipairs { { 3, 7, 1, 9 }, { 10007, 9973, 20011 } } do
            local members = members_of(weights)
            local policy, turn = round_robin.new(balancing.random(3)), 0
            for _, weight in ipairs(weights) do
                turn = turn + weight
            end
            for _ = 1, 2 do
                local counts = {}
                for _ = 1, turn do
                    local member = policy:pick(members)
                    counts[member] = (counts[member] or 0) + 1
                end
                for i, member in ipairs(members) do
                    assert.equal(weights[i], counts[member])
                end
            end
        end
    end)

    it("writes down one turn, and none that is very long", function()
        local policy = round_robin.new(first)
        names_of(policy, members_of { 500, 100, 100 }, 50)
        assert.equal(7, #policy.turn)
        names_of(policy, members_of { 10007, 9973 }, 50)
        assert.equal(0, #policy.turn)
    end)

    it("spreads the picks of a heavy one over the turn", function()
        local members = members_of { 4, 2, 1, 1 }
        local text = names_of(round_robin.new(first), members, 16)
        assert.is_nil(text:find("a a a", 1, true))
    end)
end)
