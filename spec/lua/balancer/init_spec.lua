--- What all policies of perigee.balancer have in common.
local balancer = require "perigee.balancer"
local balancing = require "spec.support.balancing"

local POLICIES = { "round_robin", "random", "least_requests", "peak_ewma", "consistent_hash",
    "maglev" }
local BY_KEY = { consistent_hash = true, maglev = true }

local function make(policy, instances, options)
    options = options or {}
    options.policy, options.random = policy, options.random or balancing.random(7)
    local made = balancer.new(options)
    made:update(instances, 0)
    return made
end

local function pick_each(made, count, now, excluded)
    return balancing.count(count, function(i)
        return assert(made:pick("key " .. i, now or 0, excluded))
    end)
end

for _, policy in ipairs(POLICIES) do
    describe("the policy " .. policy, function()
        it("says so when there is no instance", function()
            local member, code, detail = make(policy, {}):pick("key", 0)
            assert.is_nil(member)
            assert.equal("not_found", code)
            assert.matches("no instance", detail)
        end)

        it("takes the only instance, even if it was tried", function()
            local made = make(policy, balancing.instances(1))
            local member = made:pick("key", 0)
            assert.equal("i001", member.instance.id)
            assert.equal(member, made:pick("key", 0, { [member] = true }))
        end)

        it("takes none that was tried while there is another", function()
            local made = make(policy, balancing.instances(5))
            local members, excluded = made:members(), {}
            for i = 1, 4 do
                excluded[members[i]] = true
                for key, count in pairs(pick_each(made, 50, 0, excluded)) do
                    assert.is_true(key > "i00" .. i, key .. " " .. count)
                end
            end
            excluded[members[5]] = true
            assert.is_table(made:pick("key", 0, excluded))
        end)

        it("takes none that is ejected, and takes it again later", function()
            local made = make(policy, balancing.instances(5))
            made:eject(made:members()[2], 30)
            assert.is_nil(pick_each(made, 200, 1).i002)
            assert.is_nil(pick_each(made, 200, 29.9).i002)
            assert.is_number(pick_each(made, 500, 41).i002)
        end)

        it("takes nobody without weight", function()
            local made = make(policy, balancing.instances { 100, 0, 100 })
            assert.is_nil(pick_each(made, 200).i002)
        end)

        it("spreads by weight", function()
            local made = make(policy, balancing.instances { 300, 100, 100, 100 })
            local counts = pick_each(made, 6000)
            local share = counts.i001 / 6000
            -- Least requests compares two of four: the heavy one wins whenever it is drawn.
            assert.is_true(share > 0.45 and share < 0.55, tostring(share))
        end)

        it("picks the same for the same list, chance and calls", function()
            local function run()
                local made, ids = make(policy, balancing.instances { 3, 1, 4, 1, 5 }), {}
                for i = 1, 200 do
                    local member = made:pick("key " .. i % 17, i / 100)
                    made:begin(member)
                    if i % 3 > 0 then
                        made:finish(member, i / 100, i % 7 / 100, i % 11 > 0)
                    end
                    ids[i] = member.instance.id
                end
                return ids
            end
            assert.same(run(), run())
        end)

        if not BY_KEY[policy] then
            -- Pure chance is off by 0.8 % in two of three runs.
            local within = policy == "random" and 300 or 100

            it("spreads evenly, within 1 % over 30,000", function()
                local made = make(policy, balancing.instances(3))
                for _, count in pairs(balancing.count(30000, function(i)
                    local member = made:pick(nil, i)
                    made:begin(member)
                    made:finish(member, i, 0.01, true)
                    return member
                end)) do
                    assert.is_true(math.abs(count - 10000) < within, tostring(count))
                end
            end)
        else
            it("wants a key", function()
                local is_ok, message = pcall(function()
                    make(policy, balancing.instances(3)):pick(nil, 0)
                end)
                assert.is_false(is_ok)
                assert.matches("init_spec%.lua:%d+: balancer:pick: .*key, a string, got nil",
                    message)
            end)

            it("gives a key the same instance, whatever the order of the list", function()
                local instances = balancing.instances(10)
                local reversed = {}
                for i = 1, 10 do
                    reversed[i] = instances[11 - i]
                end
                local one, other = make(policy, instances), make(policy, reversed)
                for i = 1, 1000 do
                    local key = "key " .. i
                    assert.equal(one:pick(key, 0).instance.id, other:pick(key, 0).instance.id)
                end
            end)

            it("moves few keys when an instance goes", function()
                local instances = balancing.instances(10)
                local made = make(policy, instances)
                local before, moved = {}, 0
                for i = 1, 5000 do
                    before[i] = made:pick("key " .. i, 0).instance.id
                end
                table.remove(instances, 4)
                made:update(instances, 0)
                for i = 1, 5000 do
                    local after = made:pick("key " .. i, 0).instance.id
                    if before[i] ~= "i004" and before[i] ~= after then
                        moved = moved + 1
                    end
                end
                -- A ring moves none of the others, Maglev some.
                assert.is_true(moved <= (policy == "maglev" and 500 or 0), tostring(moved))
            end)
        end
    end)
end

describe("a balancer", function()
    it("names the policies when it does not know one", function()
        local is_ok, message = pcall(function()
            balancer.new { policy = "fastest", random = math.random }
        end)
        assert.is_false(is_ok)
        assert.matches("init_spec%.lua:%d+: .*no policy 'fastest', only consistent_hash, "
            .. "least_requests, maglev, peak_ewma, random, round_robin", message)
    end)

    it("wants a function for chance", function()
        assert.error_matches(function() balancer.new {} end, "random must be a function .*got nil")
    end)

    it("refuses a list that has an id twice", function()
        local made = make("random", {})
        local instances = balancing.instances(2)
        instances[2].id = "i001"
        assert.error_matches(function() made:update(instances, 0) end, "two instances .*'i001'")
    end)

    it("refuses the end of a call that has not begun", function()
        local made = make("random", balancing.instances(1))
        assert.error(function() made:finish(made:members()[1], 0, 0, true) end)
    end)
end)
