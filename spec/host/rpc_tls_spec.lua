--- The RPC port with certificates, as Go and openssl see it.
local authority = require "spec.support.authority"
local go = require "spec.support.go"
local host = require "spec.support.host"
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local seam = require "host"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"

local CALCULATOR = [[
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

return { rpc = { Calculator = Calculator } }
]]

local READ_S = 20

local ADD = [[{"jsonrpc":"2.0","method":"Calculator.Add","params":{"A":1,"B":2},"id":1}]]
local SUM = '{"jsonrpc":"2.0","result":3,"id":1}'

describe("the RPC port with TLS", function()
    local root, certificates

    setup(function()
        root = temporary.new()
        certificates = authority.new(root)
        certificates:make("first", "DNS:a.test")
        certificates:make("client", "DNS:client.test")
    end)

    teardown(function()
        root:destroy()
    end)

    after_each(host.stop_all)

    local function start(...)
        local flags = certificates:flags("first")
        for _, flag in ipairs({ ... }) do
            flags[#flags + 1] = flag
        end
        return host.start({ services = { ["calculator.lua"] = CALCULATOR }, flags = flags })
    end

    local function s_client(running, flags)
        return (authority.run("printf %s | timeout 20 openssl s_client -ign_eof -connect "
            .. running.rpc .. " " .. flags .. " 2>&1", ADD:gsub("\\", "\\\\")))
    end

    -- What comes on a connection without TLS until its end; `text` may be nil.
    local function in_clear(running, text)
        local peer = assert(stream.connect(running.rpc))
        local deadline, said = perigee.now() + READ_S, ""
        if text then
            peer:write(text)
        end
        local bytes, code = peer:read(deadline)
        while bytes and not said:find("\n") do
            said = said .. bytes
            bytes, code = peer:read(deadline)
        end
        assert.not_equal("timeout", code, said)
        peer:close()
        return said
    end

    local function build(running)
        return go.build(root, "calculator/secured.go", running.rpc:match("%d+$"))
    end

    it("answers clients in Go, over gob and JSON", function()
        local running = start("--rpc-tls")
        assert.matches("\n  rpc    127.0.0.1:%d+ %(TLS%)\n", running:table())
        local _, output, log = go.run(build(running), certificates:path("first.pem"))
        assert.equal("", log)
        assert.equal("gob <nil> 15\ngob rpc: can't find method Calculator.Sub\n"
            .. "json <nil> 15\njson rpc: can't find method Calculator.Sub\n", output)
    end)

    it("answers JSON-RPC 2.0, and closes who is idle", function()
        local said = s_client(start("--rpc-tls", "--rpc-idle-timeout", "100ms"),
            "-servername a.test -brief")
        assert.matches(SUM, said, 1, true)
        assert.matches("Protocol version: TLSv1.3", said, 1, true)
    end)

    it("tells who comes in clear text, and counts that", function()
        local running = start("--rpc-tls")
        assert.matches("perigee: this port speaks TLS, and what came is not",
            in_clear(running, ADD), 1, true)
        assert.equal(1, running:status().workers[1].rpc.handshake_failures)
    end)

    it("refuses who offers HTTP to it", function()
        assert.matches("alert no application protocol",
            s_client(start("--rpc-tls"), "-alpn http/1.1"))
    end)

    it("closes a handshake that takes too long", function()
        local running = start("--rpc-tls", "--rpc-read-timeout", "50ms")
        assert.equal("", in_clear(running))
        local counts = running:status().workers[1].rpc
        assert.same({ 1, 1, 1 },
            { counts.limits.head_timeout, counts.timeouts, counts.handshake_failures })
    end)

    it("has other certificates when the files do", function()
        local running = start("--rpc-tls")
        local client = build(running)
        certificates:make("first", "DNS:a.test")
        running:wait_for_log("certificates loaded anew")
        local _, output = go.run(client, certificates:path("first.pem"))
        assert.matches("^gob <nil> 15\n", output)
    end)

    it("asks clients for certificates, as the HTTP port does", function()
        local running = start("--rpc-tls", "--tls-client-ca", certificates:path("client.pem"))
        local client = build(running)
        local _, nothing = go.run(client, certificates:path("first.pem"))
        assert.not_matches("15", nothing)
        local _, output = go.run(client, certificates:path("first.pem"),
            certificates:path("client.pem"), certificates:path("client.key"))
        assert.matches("^gob <nil> 15\n.*json <nil> 15\n", output)
    end)

    describe("and rpc.dial", function()
        local client

        after_each(function()
            client:close()
        end)

        local function pem(name)
            return assert(seam.read_file(certificates:path(name), 100000))
        end

        local function add(running, options)
            client = rpc.dial("tls://" .. running.rpc, options)
            return client:call("Calculator.Add", { A = 1, B = 2 })
        end

        for _, codec in ipairs { "msgpack", "gob", "json", "jsonrpc" } do
            it("is understood over " .. codec, function()
                local tls = { ca = pem("first.pem"), server_name = "a.test" }
                assert.equal(3, add(start("--rpc-tls"), { tls = tls, codec = codec }))
            end)
        end

        it("believes nobody without a reason", function()
            local running = start("--rpc-tls")
            local result, code, detail = add(running)
            assert.same({ nil, "untrusted",
                ("cannot connect to tls://%s: self-signed certificate"):format(running.rpc) },
                { result, code, detail })
        end)

        it("shows a certificate where one is wanted", function()
            local running = start("--rpc-tls", "--tls-client-ca", certificates:path("client.pem"))
            assert.equal(3, add(running, { tls = { ca = pem("first.pem"), server_name = "a.test",
                cert = pem("client.pem"), key = pem("client.key") } }))
        end)

        it("tells of a port without TLS", function()
            local _, code = add(host.start({ services = { ["calculator.lua"] = CALCULATOR } }))
            assert.equal("not_tls", code)
        end)
    end)

    it("stays plain without its flag", function()
        local running = start()
        assert.matches("\n  rpc    127.0.0.1:%d+\n", running:table())
        local peer = assert(stream.connect(running.rpc))
        peer:write(ADD)
        assert.equal(SUM .. "\n", peer:read(perigee.now() + READ_S))
        peer:close()
    end)
end)
