local frame = require "perigee.core.frame"

describe("perigee.core.frame", function()
    local decoder

    before_each(function()
        decoder = frame.decoder()
    end)

    it("puts the length before the bytes, lowest byte first", function()
        assert.equal("\0\0\0\0", frame.encode(""))
        assert.equal("\3\0\0\0abc", frame.encode("abc"))
        assert.equal("\1\2\0\0", frame.encode(("x"):rep(513)):sub(1, 4))
    end)

    it("gives back what was put in, frame by frame", function()
        decoder:push(frame.encode("one") .. frame.encode("") .. frame.encode("three"))
        assert.equal("one", decoder:next())
        assert.equal("", decoder:next())
        assert.equal("three", decoder:next())
        assert.is_nil(decoder:next())
    end)

    it("takes bytes in any pieces", function()
        local bytes = frame.encode("one") .. frame.encode(("x"):rep(1000)) .. frame.encode("three")
        for size = 1, 20 do
            local frames = {}
            decoder = frame.decoder()
            for position = 1, #bytes, size do
                decoder:push(bytes:sub(position, position + size - 1))
                local message = decoder:next()
                while message do
                    frames[#frames + 1] = message
                    message = decoder:next()
                end
            end
            assert.same({ "one", ("x"):rep(1000), "three" }, frames)
        end
    end)

    it("does not believe a length beyond 64 MiB", function()
        decoder:push("\1\0\0\4")
        local message, code = decoder:next()
        assert.is_nil(message)
        assert.equal("too_large", code)
        assert.has_error(function()
            frame.encode(("x"):rep(64 * 1024 * 1024 + 1))
        end, "a frame of 67108865 bytes is larger than 67108864")
    end)
end)
