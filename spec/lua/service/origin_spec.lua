local origin = require "perigee.service.origin"

local function exchange(peer, tls)
    return {
        peer = function() return unpack(peer) end,
        tls = function() return unpack(tls, 1, 4) end,
    }
end

describe("perigee.service.origin", function()
    it("carries the client through one field", function()
        local subject = "CN=a,O=b\\, c\r\nX: y"
        local text = origin.encode(exchange({ "::1", 8080 },
            { "TLSv1.3", "AES", "a.test", subject }))
        assert.is_nil(text:find("[%c ]"))
        assert.same({ "::1", 8080, "TLSv1.3", "AES", "a.test", subject }, { origin.decode(text) })
    end)

    it("keeps apart what is not there", function()
        local text = origin.encode(exchange({ "127.0.0.1", 1 }, {}))
        local values = { origin.decode(text) }
        assert.same({ "127.0.0.1", 1 }, values)
        text = origin.encode(exchange({ "127.0.0.1", 1 }, { "TLSv1.2", "AES", nil, "CN=a" }))
        assert.is_nil((select(5, origin.decode(text))))
        assert.equal("CN=a", (select(6, origin.decode(text))))
    end)

    it("takes the place of what a client has made up", function()
        local asked = exchange({ "127.0.0.1", 1 }, {})
        function asked.fields()
            return { "perigee-origin", "10.0.0.1", "X", "y", "PERIGEE-ORIGIN", "10.0.0.2" }
        end
        assert.same({ "X", "y", "Perigee-Origin", origin.encode(asked) }, origin.fields(asked))
    end)

    it("takes any text apart without an error", function()
        for _, text in ipairs { "", ",,,,,,,,", "%", "a,b,c" } do
            assert.equal(6, select("#", origin.decode(text)))
        end
    end)
end)
