--- The client side of TLS against our own server and openssl's.
local authority = require "spec.support.authority"
local context = require "perigee.core.context"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local seam = require "host"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"
local tls_client = require "perigee.core.tls_client"

local LIMIT_S = 20

local SERVICE = [[
return { mount = "/", http = function(request)
    return ("%s %s"):format(tostring(request.tls.sni),
        request.tls.client and request.tls.client.subject or "nobody")
end }
]]

local REQUEST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

describe("TLS in clients", function()
    local root, certificates

    setup(function()
        root = temporary.new()
        certificates = authority.new(root)
        certificates:make("first", "DNS:a.test,DNS:*.b.test,IP:127.0.0.1")
        certificates:make("second", "DNS:a.test")
        certificates:make("expired", "DNS:a.test", -1)
    end)

    teardown(function()
        root:destroy()
    end)

    after_each(host.stop_all)

    local function pem(name)
        return assert(seam.read_file(certificates:path(name), 100000))
    end

    local function start(flags, more)
        for _, flag in ipairs(more or {}) do
            flags[#flags + 1] = flag
        end
        return host.start({ services = { ["a.lua"] = SERVICE }, flags = flags })
    end

    local function connect(address, options, name)
        return stream.connect(address, perigee.now() + LIMIT_S, { server_name = name,
            protocol = "http/1.1", tls = assert(tls_client.open(options)) })
    end

    -- The body of an answer over TLS; or nil, code, detail, phase.
    local function ask(running, options, name)
        local opened, code, detail, phase = connect(running.http, options, name)
        if not opened then
            return nil, code, detail, phase
        end
        opened:write(REQUEST)
        return running.read_all(opened):match("\r\n\r\n(.*)$")
    end

    describe("of a server with a certificate", function()
        local running, trusting

        before_each(function()
            running = start(certificates:flags("first"))
            trusting = { ca = pem("first.pem") }
        end)

        it("asks for the name, and not for a number", function()
            assert.equal("a.test nobody", ask(running, trusting, "a.test"))
            assert.equal("www.b.test nobody", ask(running, trusting, "www.b.test"))
            assert.equal("nil nobody", ask(running, trusting))
        end)

        it("takes the name that its options say, also with the dot of the root", function()
            trusting.server_name = "a.test."
            assert.equal("a.test nobody", ask(running, trusting, "c.test"))
        end)

        it("is not spoken with another name, or below a wildcard's", function()
            for _, name in ipairs { "c.test", "b.test", "x.y.b.test", "127.0.0.2" } do
                local _, code, detail, phase = ask(running, trusting, name)
                assert.same({ "untrusted", "tls" }, { code, phase })
                assert.is_truthy(detail:find("mismatch", 1, true))
            end
        end)

        it("is not spoken with whom nobody has signed", function()
            assert.same({ nil, "untrusted", "self-signed certificate", "tls" },
                { ask(running, { ca = pem("second.pem") }, "a.test") })
            assert.same({ nil, "untrusted", "self-signed certificate", "tls" },
                { ask(running, {}, "a.test") })
        end)

        it("is spoken with anybody when that is asked for by name", function()
            assert.equal("c.test nobody", ask(running, { insecure_skip_verify = true }, "c.test"))
        end)

        it("ends with the context of the task while hands are shaken", function()
            local descriptors, address = seam.listen("127.0.0.1:0", 1)
            local inner, cancel = context.with_cancel(context.current())
            perigee.after_func(0.02, cancel)
            local _, code, _, phase = inner:run(connect, address, trusting, "a.test")
            seam.close_descriptor(descriptors[1])
            assert.same({ "canceled", "tls" }, { code, phase })
        end)
    end)

    it("refuses what has expired", function()
        local running = start(certificates:flags("expired"))
        assert.same({ nil, "untrusted", "certificate has expired", "tls" },
            { ask(running, { ca = pem("expired.pem") }, "a.test") })
    end)

    it("shows a certificate to who asks for one, and hears when it must", function()
        local running = start(certificates:flags("first"),
            { "--tls-client-ca", certificates:path("second.pem") })
        local options = { ca = pem("first.pem"), cert = pem("second.pem"),
            key = pem("second.key") }
        assert.equal("a.test CN=second", ask(running, options, "a.test"))

        local opened = assert(connect(running.http, { ca = pem("first.pem") }, "a.test"))
        local bytes, code, detail = opened:read(perigee.now() + LIMIT_S)
        opened:close()
        assert.same({ nil, "tls", "tlsv13 alert certificate required" }, { bytes, code, detail })
    end)

    it("says so when a server does not speak it", function()
        local running = start({})
        assert.same({ nil, "not_tls", "what it said is not TLS", "tls" },
            { connect(running.admin, {}, "a.test") })
    end)

    it("has a time for the handshake alone", function()
        local descriptors, address = seam.listen("127.0.0.1:0", 1)
        local opened, code, _, phase = stream.connect(address, perigee.now() + LIMIT_S,
            { tls = assert(tls_client.open {}), tls_s = 0.02 })
        seam.close_descriptor(descriptors[1])
        assert.same({ nil, "timeout", "tls" }, { opened, code, phase })
    end)

    it("is not begun after the server has spoken", function()
        local near, descriptor = assert(stream.pair())
        local far = assert(stream.adopt(descriptor))
        far:write("220 hello\r\n")
        assert.equal("220 hello\r\n", near:read(perigee.now() + LIMIT_S))
        far:write("more")
        near:write("x")
        assert.equal("x", far:read(perigee.now() + LIMIT_S))
        eventually(function()
            local is_ok, code = near:start_tls(assert(tls_client.open {}), "a.test", nil,
                perigee.now() + 0.001)
            return not is_ok and code == "invalid"
        end, "the bytes in front of TLS are there")
        near:close()
        far:close()
    end)

    it("tells of a server that ends the connection instead", function()
        local near, descriptor = assert(stream.pair())
        local far = assert(stream.adopt(descriptor))
        perigee.go(function()
            far:read(perigee.now() + LIMIT_S)
            far:close()
        end)
        local is_ok, code = near:start_tls(assert(tls_client.open {}), "a.test", nil,
            perigee.now() + LIMIT_S)
        near:close()
        assert.same({ nil, "closed" }, { is_ok, code })
    end)

    describe("with openssl's server", function()
        local server

        after_each(function()
            server:finish()
        end)

        local function serve(...)
            server = program.start({ "s_server", "-accept", "127.0.0.1:0", "-cert",
                certificates:path("first.pem"), "-key", certificates:path("first.key"), "-rev",
                ... }, { file = "/usr/bin/openssl" })
            eventually(function()
                return server.output:find("ACCEPT 127%.0%.0%.1:%d+\n") or server:has_ended()
            end, "it listens")
            return server.output:match("ACCEPT (127%.0%.0%.1:%d+)\n") or error(server:last_words())
        end

        local function read_line(opened)
            local text = ""
            repeat
                text = text .. assert(opened:read(perigee.now() + LIMIT_S))
            until text:sub(-1) == "\n"
            return text
        end

        for _, version in ipairs { "-tls1_3", "-tls1_2" } do
            it("goes both ways by " .. version, function()
                local opened = assert(connect(serve(version), { ca = pem("first.pem") }, "a.test"))
                opened:write("abc\n")
                assert.equal("cba\n", read_line(opened))
                local long = ("x"):rep(9000) .. "y"
                opened:write(long .. "\n")
                assert.equal(long:reverse() .. "\n", read_line(opened))
                opened:close()
            end)
        end

        it("does not go back to what is older", function()
            local opened, code, _, phase = connect(serve("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
                { ca = pem("first.pem") }, "a.test")
            assert.same({ nil, "tls", "tls" }, { opened, code, phase })
        end)

        it("does not take ciphers without forward secrecy", function()
            local opened, code, _, phase = connect(serve("-tls1_2", "-cipher", "AES128-SHA"),
                { ca = pem("first.pem") }, "a.test")
            assert.same({ nil, "tls", "tls" }, { opened, code, phase })
        end)
    end)

    it("believes the authorities of the system", function()
        root:write("system/a_spec.lua", ([[
            local stream = require "perigee.core.stream"
            local tls_client = require "perigee.core.tls_client"
            it("connects", function()
                assert(stream.connect(%q, nil, { server_name = "a.test",
                    tls = assert(tls_client.open {}) }))
            end)
        ]]):format(start(certificates:flags("first")).http))
        local status, output, log = program.run({ "test", root:join("system") },
            { environment = { SSL_CERT_FILE = certificates:path("first.pem") } })
        assert.equal(0, status, output .. log)
    end)
end)
