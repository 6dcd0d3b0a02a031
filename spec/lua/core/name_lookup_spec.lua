local context = require "perigee.core.context"
local name_lookup = require "perigee.core.name_lookup"
local perigee = require "perigee"
local stream = require "perigee.core.stream"

describe("perigee.core.name_lookup", function()
    it("finds the addresses of this machine", function()
        local list = assert(name_lookup("localhost", perigee.now() + 20))
        local is_found = false
        for _, address in ipairs(list) do
            is_found = is_found or address == "127.0.0.1" or address == "::1"
        end
        assert.is_true(is_found)
    end)

    it("takes a numeric address for a name of itself", function()
        assert.same({ "127.0.0.1" }, name_lookup("127.0.0.1"))
    end)

    it("refuses what cannot be a name", function()
        for _, name in ipairs({ "", "a b", "a/b", "a\0b", ("a"):rep(254) }) do
            assert.equal("invalid", select(2, name_lookup(name)))
        end
    end)

    it("ends with the context of the task, and with the deadline", function()
        assert.equal("timeout", select(2, name_lookup("name.invalid", perigee.now() - 1)))
        local inner, cancel = context.with_cancel(context.current())
        cancel()
        assert.equal("canceled", select(2, inner:run(name_lookup, "name.invalid")))
    end)

    it("says that a name is not known", function()
        -- RFC 6761: nobody ever has this one.
        local list, code = name_lookup("name.invalid", perigee.now() + 20)
        assert.is_nil(list)
        assert.is_true(code == "not_found" or code == "timeout")
        assert.is_nil((stream.connect("name.invalid:80", perigee.now() + 20)))
    end)

    it("goes on while many are asked at once", function()
        local group = perigee.group()
        for _ = 1, 50 do
            group:go(function()
                return name_lookup("localhost", perigee.now() + 20)
            end)
        end
        assert.is_true(group:wait())
    end)
end)
