local timer_heap = require "perigee.core.timer_heap"

describe("perigee.core.timer_heap", function()
    local heap

    before_each(function()
        heap = timer_heap.new()
    end)

    local function add(deadline, name)
        local entry = { deadline = deadline, name = name }
        heap:add(entry)
        return entry
    end

    local function take_all()
        local taken = {}
        local entry = heap:first()
        while entry do
            taken[#taken + 1] = entry.name or entry.deadline
            heap:remove(entry)
            entry = heap:first()
        end
        return taken
    end

    it("has no first when it is empty", function()
        assert.is_nil(heap:first())
    end)

    it("gives entries by deadline", function()
        for _, deadline in ipairs({ 5, 3, 9, 1, 7, 2, 8, 4, 6 }) do
            add(deadline)
        end
        assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, take_all())
    end)

    it("gives entries of one deadline in the order they came", function()
        for _, name in ipairs({ "a", "b", "c", "d", "e" }) do
            add(1, name)
        end
        assert.same({ "a", "b", "c", "d", "e" }, take_all())
    end)

    it("lets any entry be taken out", function()
        local entries = {}
        for i = 1, 20 do
            entries[i] = add(i * 7 % 20)
        end
        for i = 1, 20, 2 do
            heap:remove(entries[i])
        end
        local expected = {}
        for i = 2, 20, 2 do
            expected[#expected + 1] = entries[i].deadline
        end
        table.sort(expected)
        assert.same(expected, take_all())
    end)

    it("does nothing about an entry that is not in it", function()
        local entry = add(1)
        heap:remove(entry)
        heap:remove(entry)
        heap:remove({ deadline = 2 })
        assert.is_nil(heap:first())
    end)

    it("takes an entry in again after it was taken out", function()
        local entry = add(2)
        add(1)
        heap:remove(entry)
        entry.deadline = 0
        heap:add(entry)
        assert.equal(entry, heap:first())
    end)

    it("is not changed by room made for more", function()
        heap:reserve()
        assert.is_nil(heap:first())
        add(2)
        heap:reserve()
        add(1)
        heap:reserve()
        assert.same({ 1, 2 }, take_all())
    end)

    it("agrees with a sorted list on whatever is done to it", function()
        local random, list = 1, {}
        for step = 1, 3000 do
            random = random * 16807 % 2147483647
            if random % 3 > 0 or #list == 0 then
                list[#list + 1] = add(random % 100, step)
            else
                heap:remove(table.remove(list, random % #list + 1))
            end
            local first
            for _, entry in ipairs(list) do
                if not first or entry.deadline < first.deadline then
                    first = entry
                end
            end
            assert.equal(first and first.deadline, heap:first() and heap:first().deadline)
        end
    end)
end)
