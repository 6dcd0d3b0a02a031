--- The HTTP port with certificates, as curl and openssl see it.
local authority = require "spec.support.authority"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"

local app = http.router()
local is_released = false

app:get("/", function(request)
    return { scheme = request.scheme, tls = request.tls or false }
end)

app:get("/hold", function()
    while not is_released do
        perigee.sleep(0.003)
    end
    return "held"
end)

app:get("/release", function()
    is_released = true
    return "released"
end)

app:get("/big", function()
    return ("0123456789"):rep(300000)
end)

return { http = app, mount = "/" }
]]

describe("TLS", function()
    local certificates, root

    setup(function()
        root = temporary.new()
        certificates = authority.new(root)
        certificates:make("first", "DNS:a.test")
        certificates:make("second", "DNS:b.test,DNS:*.b.test")
        certificates:make("expired", "DNS:a.test", -1)
        certificates:make("client", "DNS:client.test")
    end)

    teardown(function()
        root:destroy()
    end)

    after_each(host.stop_all)

    local function start(flags, more, workers)
        local all = {}
        for _, list in ipairs({ flags, more or {} }) do
            for _, flag in ipairs(list) do
                all[#all + 1] = flag
            end
        end
        return host.start({ services = { ["a.lua"] = SERVICE }, flags = all, workers = workers })
    end

    -- What curl gets from https://NAME/PATH, trusting the certificate `trusted`.
    local function curl(running, name, path, trusted, ...)
        local port = running.http:match("%d+$")
        local flags = {}
        for i, flag in ipairs({ ... }) do
            flags[i] = "'" .. flag .. "'"
        end
        return authority.run("curl -sS --resolve %s --cacert %s " .. table.concat(flags, " ")
            .. " %s", ("%s:%s:127.0.0.1"):format(name, port),
            certificates:path(trusted .. ".pem"), ("https://%s:%s%s"):format(name, port, path))
    end

    -- What the service says of such a request.
    local function ask(running, name, trusted, ...)
        local output, log = curl(running, name, "/", trusted, ...)
        assert.equal("", log)
        return json.decode(output)
    end

    local function s_client(running, flags, request)
        return authority.run("printf %s | timeout 20 openssl s_client -ign_eof -connect "
            .. running.http .. " " .. flags .. " 2>&1",
            request or "GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
    end

    describe("of a host with two certificates", function()
        local running

        before_each(function()
            running = start(certificates:flags("first", "second"), nil, 2)
        end)

        it("is what the start-up table says", function()
            assert.matches("\n  https  https://127.0.0.1:%d+/\n", running:table())
        end)

        it("is spoken in version 1.3, and in 1.2 where the client knows no other", function()
            assert.same({ scheme = "https", tls = { cipher = "TLS_AES_256_GCM_SHA384",
                sni = "a.test", version = "TLSv1.3" } }, ask(running, "a.test", "first"))
            assert.same({ cipher = "ECDHE-ECDSA-AES256-GCM-SHA384", sni = "a.test",
                version = "TLSv1.2" }, ask(running, "a.test", "first", "--tls-max", "1.2").tls)
        end)

        it("is not spoken in older versions", function()
            local said = s_client(running, "-tls1_1 -cipher ALL:@SECLEVEL=0")
            assert.matches("alert protocol version", said)
        end)

        it("shows the certificate of the host that is asked for", function()
            assert.equal("b.test", ask(running, "b.test", "second").tls.sni)
            assert.equal("www.b.test", ask(running, "www.b.test", "second").tls.sni)
            assert.matches("CN = first", (s_client(running, "-noservername")))
            assert.matches("CN = first", (s_client(running, "-servername unknown.test")))
        end)

        it("agrees on HTTP/1.1", function()
            assert.matches("ALPN protocol: http/1.1", (s_client(running, "-alpn h2,http/1.1")))
            assert.matches("alert no application protocol", (s_client(running, "-alpn h2")))
        end)

        it("resumes sessions in every worker", function()
            local file = root:join("session")
            for _, version in ipairs({ "-tls1_2", "-tls1_3" }) do
                assert.matches("\nNew, ", (s_client(running, version .. " -sess_out " .. file)))
                for _ = 1, 8 do
                    assert.matches("\nReused, ", (s_client(running, version .. " -sess_in "
                        .. file)))
                end
            end
        end)

        it("is known to a service that runs in the other worker", function()
            running:write("one.lua", [[return { replicas = 1, http = function(request)
                return request.scheme .. " " .. request.tls.version .. " " .. request.remote.host
            end }]])
            running:wait_for_log("INFO  one  the service is up")
            for _ = 1, 8 do
                assert.equal("https TLSv1.3 127.0.0.1", (curl(running, "a.test", "/one", "first")))
            end
        end)

        it("carries big answers", function()
            assert.equal(("0123456789"):rep(300000), (curl(running, "a.test", "/big", "first")))
        end)

        it("is what clients of plain HTTP are told", function()
            local answer = running:raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert.matches("^HTTP/1.1 400 Bad Request\r\n", answer)
            assert.matches("\r\n\r\nThis port speaks HTTPS: .+\n$", answer)
        end)

        it("counts failures and says nothing of them", function()
            running:raw("GET / HTTP/1.1\r\n\r\n")
            eventually(function()
                local count = 0
                for _, worker in ipairs(running:status().workers) do
                    count = count + worker.http.handshake_failures
                end
                return count == 1
            end, "the failure is counted")
            assert.is_nil(running.program.log:lower():find("handshake", 1, true))
        end)
    end)

    describe("with certificates of clients", function()
        local shown

        setup(function()
            shown = { "--cert", certificates:path("client.pem"),
                "--key", certificates:path("client.key") }
        end)

        local function flags(which)
            return { "--tls-client-ca", certificates:path("client.pem"), "--tls-client", which }
        end

        it("lets nobody in without one when they must show it", function()
            local running = start(certificates:flags("first"), flags("required"))
            local output, log = curl(running, "a.test", "/", "first")
            assert.equal("", output)
            assert.matches("certificate required", log)
            assert.same({ subject = "CN=client" },
                ask(running, "a.test", "first", unpack(shown)).tls.client)
        end)

        it("knows those who show it when they may", function()
            local running = start(certificates:flags("first"), flags("optional"))
            assert.is_nil(ask(running, "a.test", "first").tls.client)
            assert.same({ subject = "CN=client" },
                ask(running, "a.test", "first", unpack(shown)).tls.client)
            assert.equal("", (curl(running, "a.test", "/", "first", "--cert",
                certificates:path("second.pem"), "--key", certificates:path("second.key"))))
        end)

        it("refuses one that is out of date", function()
            local running = start(certificates:flags("first"), { "--tls-client-ca",
                certificates:path("expired.pem"), "--tls-client", "optional" })
            local output, log = curl(running, "a.test", "/", "first", "--cert",
                certificates:path("expired.pem"), "--key", certificates:path("expired.key"))
            assert.equal("", output)
            assert.matches("alert certificate expired", log)
        end)
    end)

    describe("refuses to start", function()
        local function refuse(status, pattern, ...)
            local found, _, log = program.run({ "services", "--http", "127.0.0.1:0", "--rpc",
                "off", "--admin", "127.0.0.1:0", ... })
            assert.equal(status, found)
            assert.matches(pattern, log)
        end

        it("without a file", function()
            refuse(1, "first.nowhere cannot be read: there is no such file", "--tls-cert",
                certificates:path("first.nowhere"), "--tls-key", certificates:path("first.key"))
        end)

        it("with a file that is no certificate", function()
            refuse(1, "first.key: there is no certificate in PEM in it", "--tls-cert",
                certificates:path("first.key"), "--tls-key", certificates:path("first.key"))
        end)

        it("with the key of another", function()
            refuse(1, "second.key: the key does not belong to the certificate in .*first.pem",
                "--tls-cert", certificates:path("first.pem"), "--tls-key",
                certificates:path("second.key"))
        end)

        it("with flags that do not fit each other", function()
            refuse(2, "every certificate has a key of its own: %-%-tls%-cert names 1, "
                .. "%-%-tls%-key 0", "--tls-cert", certificates:path("first.pem"))
            refuse(2, "%-%-tls%-client%-ca is of use only with", "--tls-client-ca",
                certificates:path("first.pem"))
        end)
    end)

    it("serves a certificate that has expired, and warns", function()
        local running = start(certificates:flags("expired"))
        assert.matches("expired.pem has expired on %d%d%d%d%-%d%d%-%d%d ", running.program.log)
        local _, log = curl(running, "a.test", "/", "expired")
        assert.matches("certificate has expired", log)
    end)

    describe("when the files change,", function()
        local running

        before_each(function()
            certificates:make("changing", "DNS:a.test")
            running = start(certificates:flags("changing"), nil, 2)
        end)

        -- Of the certificate that is shown; waits for one.
        local function fingerprint()
            return eventually(function()
                return s_client(running, "| openssl x509 -noout -fingerprint")
                    :match("Fingerprint=(%S+)")
            end, "a certificate is shown")
        end

        it("shows the new certificate to new connections and keeps the others", function()
            local before = fingerprint()
            local port = running.http:match("%d+$")
            local held = program.start({ "-c", ("curl -sk -w '%%{num_connects} ' "
                .. "https://127.0.0.1:%s/hold https://127.0.0.1:%s/"):format(port, port) },
                { file = "/bin/sh" })
            eventually(function()
                return running:service("a").isolates[1].in_flight
                    + running:service("a").isolates[2].in_flight == 1
            end, "the request is held")
            certificates:make("changing", "DNS:a.test")
            eventually(function()
                return fingerprint() ~= before
            end, "the new certificate is shown")
            eventually(function()
                curl(running, "a.test", "/release", "changing")
                return held:has_ended()
            end, "the worker that holds it has been told")
            assert.matches("^held1 {.+}0 $", held.output)
            assert.equal(1, running:status().tls.reloads)
        end)

        it("keeps what it has while they do not fit together", function()
            local before = fingerprint()
            root:write("changing.pem", "not a certificate\n")
            eventually(function()
                return running:status().tls.last_error
            end, "the failure is shown")
            assert.matches("changing.pem: there is no certificate",
                running:status().tls.last_error.message)
            assert.matches("the certificates stay as they are", running.program.log)
            assert.equal(before, fingerprint())
            certificates:make("changing", "DNS:a.test")
            eventually(function()
                return not running:status().tls.last_error
            end, "the failure is over")
            assert.not_equal(before, fingerprint())
        end)

        it("gives a worker that is restarted the new ones", function()
            local before = fingerprint()
            certificates:make("changing", "DNS:a.test")
            eventually(function()
                return running:status().tls.reloads == 1
            end, "the files are read")
            for _, pid in ipairs(running.program:children()) do
                authority.run("kill -KILL %s", pid)
            end
            eventually(function()
                local serving = 0
                for _, worker in ipairs(running:status().workers) do
                    serving = serving + (worker.state == "serving" and worker.restarts == 1
                        and 1 or 0)
                end
                return serving == 2
            end, "the workers are back")
            assert.not_equal(before, fingerprint())
        end)
    end)
end)
