local copy = require "perigee.core.copy"

describe("perigee.core.copy", function()
    local function through(value)
        return copy.decode(assert(copy.encode(value)))
    end

    it("copies plain values", function()
        for _, value in ipairs({ "", "a\0b", 0, -1.5, 2 ^ 53, 1e308, true, false }) do
            assert.equal(value, through(value))
        end
        assert.is_nil(through(nil))
        assert.equal(1 / 0, through(1 / 0))
        local nan = through(0 / 0)
        assert.is_true(nan ~= nan)
    end)

    it("copies tables of any keys, and the copy is another", function()
        local value = { 1, 2, { deep = { true } }, name = "x", [2.5] = "half", [false] = "no" }
        local result = through(value)
        assert.same(value, result)
        assert.are_not.equal(value, result)
    end)

    it("copies a table that is in two places twice", function()
        local shared = { 1 }
        local result = through({ shared, shared })
        assert.same({ { 1 }, { 1 } }, result)
    end)

    it("copies 64-bit integers", function()
        local value = loadstring("return 9007199254740993LL")()
        assert.is_true(value == through(value))
    end)

    describe("names the place of what cannot be copied:", function()
        for name, case in pairs({
            ["a function"] = { { a = { b = print } }, "state%.a%.b is a function" },
            ["a coroutine"] = { { coroutine.create(print) }, "state%[1%] is a thread" },
            ["userdata"] = { { ["a b"] = io.stdout }, 'state%["a b"%] is a userdata' },
            ["a function as a key"] = { { [print] = 1 }, "state %(a key%) is a function" },
            ["the value itself"] = { print, "^state is a function" },
        }) do
            it(name, function()
                local bytes, code, detail = copy.encode(case[1], "state")
                assert.is_nil(bytes)
                assert.equal("invalid", code)
                assert.matches(case[2], detail)
                assert.matches("which cannot be copied", detail)
            end)
        end

        it("a table inside itself", function()
            local value = { list = {} }
            value.list[1] = value
            local _, code, detail = copy.encode(value)
            assert.equal("invalid", code)
            assert.matches("the value%.list%[1%] is a table inside itself", detail)
        end)

        it("a table that is nested too deep", function()
            local value = {}
            for _ = 1, 200 do
                value = { value }
            end
            local _, code, detail = copy.encode(value)
            assert.equal("invalid", code)
            assert.matches("nested deeper than 100", detail)
        end)
    end)

    it("leaves metatables behind", function()
        assert.is_nil(getmetatable(through(setmetatable({ 1 }, { __index = print }))))
    end)

    it("refuses bytes that are no copy", function()
        local cut_off = copy.encode({ 1, 2 }):sub(1, -2)
        for _, bytes in ipairs({ "", "\255\255", "nonsense", cut_off }) do
            local value, code = copy.decode(bytes)
            assert.is_nil(value)
            assert.equal("invalid", code)
        end
    end)
end)
