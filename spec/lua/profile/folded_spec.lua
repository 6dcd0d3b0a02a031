local folded = require "perigee.profile.folded"

describe("folded stacks", function()
    it("add up what is the same", function()
        local stacks = folded.new(10)
        stacks:add_samples("1 a;b\n2 a;c d\n3 a;b\n")
        assert.same({ { stack = "a;b", count = 4 }, { stack = "a;c d", count = 2 } }, stacks:list())
        assert.equal(6, stacks.total)
    end)

    it("count those that are one too many together", function()
        local stacks = folded.new(2)
        stacks:add("a", 1)
        stacks:add("b", 1)
        stacks:add("c", 1)
        stacks:add("d", 5)
        stacks:add("a", 1)
        assert.same({ { stack = folded.OTHERS, count = 6 }, { stack = "a", count = 2 },
            { stack = "b", count = 1 } }, stacks:list())
        assert.equal(9, stacks.total)
    end)

    it("are a line each", function()
        assert.equal("a;b 4\nc 1\n", folded.format({ { stack = "a;b", count = 4 },
            { stack = "c", count = 1 } }))
        assert.equal("", folded.format({}))
    end)
end)
