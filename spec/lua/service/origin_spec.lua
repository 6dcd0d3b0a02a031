local origin = require "perigee.service.origin"

local function exchange(peer, tls, version, host)
    return {
        version = function() return version or "1.1" end,
        field = function(_, name) return name == "host" and host or nil end,
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

    it("says of an old client what it did not send", function()
        local text = origin.encode(exchange({ "127.0.0.1", 1 }, {}, "1.0"))
        assert.equal("1.0", origin.version(text))
        assert.is_false(origin.has_host(text))
        assert.same({ "X", "y" }, origin.restore({ "Host", "localhost", "X", "y", origin.FIELD,
            text }, text))
        text = origin.encode(exchange({ "127.0.0.1", 1 }, {}, "1.0", "a.test"))
        assert.equal("1.0", origin.version(text))
        assert.is_true(origin.has_host(text))
        assert.same({ "host", "a.test" }, origin.restore({ "host", "a.test", origin.FIELD, text },
            text))
        text = origin.encode(exchange({ "127.0.0.1", 1 }, {}, "1.1", "a.test"))
        assert.same({ "1.1", true }, { origin.version(text), origin.has_host(text) })
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
