local handshake = require "perigee.http.websocket_handshake"

local KEY = "dGhlIHNhbXBsZSBub25jZQ=="

-- A request with these fields on top of a good handshake; false leaves one out.
local function request(fields)
    local all = { host = "x:8080", upgrade = "websocket", connection = "keep-alive, Upgrade",
        ["sec-websocket-version"] = "13", ["sec-websocket-key"] = KEY }
    for name, value in pairs(fields or {}) do
        all[name] = value
    end
    return {
        method = "GET",
        header = function(_, name)
            return all[name] or nil
        end,
    }
end

local function accept(key)
    return "<" .. key .. ">"
end

describe("the handshake of a WebSocket", function()
    local function answer(fields, options)
        return handshake.answer(request(fields), options or {}, accept)
    end

    local function status(fields, options)
        local agreed, refused = answer(fields, options)
        return agreed and 101 or refused
    end

    it("is answered with the key", function()
        assert.same({ lines = "Upgrade: websocket\r\nSec-WebSocket-Accept: <" .. KEY .. ">\r\n" },
            answer())
    end)

    it("asks for an upgrade of this version", function()
        assert.equal(426, status({ upgrade = false }))
        assert.equal(426, status({ upgrade = "h2c" }))
        assert.equal(101, status({ upgrade = "h2c, WebSocket" }))
        assert.equal(426, status({ connection = "close" }))
        assert.equal(426, status({ ["sec-websocket-version"] = "8" }))
        assert.equal(426, status({ ["sec-websocket-version"] = false }))
        local _, _, _, fields = answer({ ["sec-websocket-version"] = "8" })
        assert.same({ Upgrade = "websocket", ["Sec-WebSocket-Version"] = "13" }, fields)
    end)

    it("is nothing that cannot be upgraded", function()
        assert.equal(400, status({ ["content-length"] = "0" }))
        assert.equal(400, status({ ["transfer-encoding"] = "chunked" }))
        assert.equal(400, status({ connection = "close, Upgrade" }))
        local old = request()
        old.version = "1.0"
        assert.equal(400, (select(2, handshake.answer(old, {}, accept))))
    end)

    it("has 16 bytes of base64", function()
        for _, key in ipairs({ "", "AAAA", KEY .. KEY, KEY:sub(1, 23), (KEY:gsub("Q==", "R==")),
            (KEY:gsub("d", "*")), KEY .. " " }) do
            assert.equal(400, status({ ["sec-websocket-key"] = key }), key)
        end
    end)

    it("comes from this host or one that is named", function()
        assert.equal(101, status({ origin = "http://X:8080" }))
        for _, origin in ipairs({ "http://x", "http://x:8080.evil", "null", "x:8080", "",
            "http://evil@x:8080" }) do
            assert.equal(403, status({ origin = origin }), origin)
        end
        local options = { origins = { "https://a.example" } }
        assert.equal(101, status({ origin = "https://a.example" }, options))
        assert.equal(403, status({ origin = "http://x:8080" }, options))
        assert.equal(101, status({}, options))
        assert.equal(101, status({ origin = "null" }, { origins = "*" }))
    end)

    it("agrees to the subprotocol the service likes best", function()
        local options = { protocols = { "v2", "v1" } }
        assert.equal("v2", answer({ ["sec-websocket-protocol"] = "v1,v2" }, options).protocol)
        assert.equal("v1", answer({ ["sec-websocket-protocol"] = "v1" }, options).protocol)
        assert.is_nil(answer({ ["sec-websocket-protocol"] = "V1" }, options).protocol)
    end)

    it("agrees to compression only where the route does", function()
        local fields = { ["sec-websocket-extensions"] = "permessage-deflate" }
        assert.is_nil(answer(fields).deflate)
        assert.same({ is_compressed = true }, answer(fields, { compression = true }).deflate)
    end)

    local CHOICES = {
        { "permessage-deflate", "permessage-deflate", { is_compressed = true } },
        { "permessage-deflate; client_max_window_bits", "permessage-deflate",
            { is_compressed = true } },
        { "permessage-deflate;server_no_context_takeover;client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            { is_compressed = true, forgets_output = true, forgets_input = true } },
        { 'permessage-deflate; server_max_window_bits="10"',
            "permessage-deflate; server_max_window_bits=10",
            { is_compressed = true, output_window_bits = 10 } },
        -- The second offer is taken where the first cannot be.
        { "permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate",
            { is_compressed = true } },
        { "x-webkit-deflate-frame" },
        { "permessage-deflate; server_max_window_bits" },
        { "permessage-deflate; server_max_window_bits=16" },
        { "permessage-deflate; server_max_window_bits=09" },
        { "permessage-deflate; client_max_window_bits=7" },
        { "permessage-deflate; server_no_context_takeover=1" },
        { "permessage-deflate; client_no_context_takeover; client_no_context_takeover" },
        { "permessage-deflate; unheard_of" },
        { "permessage-deflate server_no_context_takeover" },
        { "permessage-deflate; server_max_window_bits 10" },
        { "permessage-deflate; server_max_window_bits=" },
        { 'permessage-deflate; server_max_window_bits="10' },
        { "permessage-deflate; server_no_context_takeover=" },
        { "permessage-deflate;" },
        { "permessage-deflate; ; server_no_context_takeover" },
        { ";" },
        -- What can be read of a list that is broken elsewhere.
        { " , ,Permessage-Deflate ; client_max_window_bits = 15", "permessage-deflate",
            { is_compressed = true } },
        { "" },
    }

    for _, choice in ipairs(CHOICES) do
        it("answers the offer: " .. choice[1], function()
            local agreed, text = handshake.choose_deflate(choice[1])
            assert.equal(choice[2], text)
            assert.same(choice[3], agreed)
        end)
    end
end)
