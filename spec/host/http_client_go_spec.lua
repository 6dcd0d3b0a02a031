--- http.client against Go's net/http: a server, TLS, a proxy.
local authority = require "spec.support.authority"
local eventually = require "spec.support.eventually"
local go = require "spec.support.go"
local http = require "perigee.http"
local perigee = require "perigee"
local program = require "spec.support.program"
local seam = require "host"
local temporary = require "spec.support.temporary"

local LIMIT_S = 20

describe("http.client with Go's net/http", function()
    local root, server, client, plain, secure, proxy, ca

    setup(function()
        root = temporary.new()
        local certificates = authority.new(root)
        local certificate, key = certificates:make("server", "DNS:a.test,IP:127.0.0.1")
        ca = assert(seam.read_file(certificate, 100000))
        server = program.start({ certificate, key },
            { file = go.build(root, "http_server.go") })
        eventually(function()
            return server.output:find("\n") or server:has_ended()
        end, "it listens")
        plain, secure, proxy = server.output:match("^(%S+) (%S+) (%S+)\n")
        assert(plain, server:last_words())
    end)

    teardown(function()
        server:finish()
        root:destroy()
    end)

    before_each(function()
        client = http.client { timeout_s = LIMIT_S, tls = { ca = ca } }
    end)

    after_each(function()
        client:close()
    end)

    local function text_of(path, options)
        return assert(client:get("http://" .. plain .. path, options)):text()
    end

    it("is understood", function()
        local url = "http://" .. plain .. "/echo?a=1"
        assert.equal(('GET %s /echo?a=1 0 "" []'):format(plain), client:get(url):text())
        assert.equal(('POST %s /echo?a=1 4 "body" []'):format(plain),
            client:post(url, "body"):text())
        local left = 3
        assert.equal(('PUT %s /echo?a=1 -1 "xxx" [chunked]'):format(plain),
            client:put(url, function()
                left = left - 1
                return left >= 0 and "x" or nil
            end):text())
        assert.equal(1, client:counters().idle)
    end)

    it("unzips a million bytes", function()
        local text = text_of "/zipped"
        assert.equal(1000000, #text)
        assert.equal(("0123456789"):rep(10), text:sub(1, 100))
        assert.equal("plain", text_of("/zipped", { gzip = false }))
    end)

    it("reads pieces and trailers", function()
        local response = assert(client:get("http://" .. plain .. "/trailers", { stream = true }))
        assert.equal("piece 0\npiece 1\npiece 2\n", response:text())
        assert.equal("3", response:trailers():get("x-sum"))
    end)

    it("notices half of an answer", function()
        local response, code = client:get("http://" .. plain .. "/abort")
        assert.is_nil(response)
        assert.is_true(code == "eof" or code == "closed")
        assert.equal(0, client:counters().busy)
    end)

    it("is sent on, with the method that the status keeps", function()
        local to = "http://" .. plain .. "/to"
        for status, expected in pairs { [302] = 'GET %s /echo 0 "" []',
            [307] = 'POST %s /echo 4 "body" []' } do
            local response = client:post(to, "body",
                { query = { url = "/echo", code = status } })
            assert.equal(expected:format(plain), response:text())
            assert.equal("http://" .. plain .. "/echo", response.url)
        end
    end)

    it("tells no secrets in clear, and not where it comes from", function()
        local response = client:get("https://" .. secure .. "/to",
            { query = { url = "http://" .. plain .. "/hop" },
                headers = { Authorization = "Bearer x" } })
        assert.equal('"" ""', response:text())
        response = client:get("http://" .. plain .. "/to",
            { query = { url = "/hop" }, headers = { Authorization = "Bearer x" } })
        assert.equal(('"Bearer x" "http://%s/to?url=%%2Fhop"'):format(plain), response:text())
    end)

    it("speaks TLS, and with nobody it does not believe", function()
        local url = "https://" .. secure .. "/echo"
        for _ = 1, 3 do
            assert.equal(('GET %s /echo 0 "" []'):format(secure), client:get(url):text())
        end
        assert.equal(1, client:counters().idle)
        local other = http.client {}
        assert.same({ nil, "untrusted", url .. ": the certificate is not to be believed: "
            .. "self-signed certificate" }, { other:get(url) })
        other = http.client { tls = { ca = ca, server_name = "b.test" } }
        assert.same({ nil, "untrusted", url .. ": the certificate is not to be believed: "
            .. "hostname mismatch" }, { other:get(url) })
        assert.same({ nil, "not_tls", ("https://%s/: TLS failed: what it said is not TLS")
            :format(plain) }, { client:get("https://" .. plain .. "/") })
    end)

    it("streams a body up and down at once", function()
        local channel = perigee.chan()
        perigee.go(function()
            for _ = 1, 100 do
                channel:send(("x"):rep(10000))
            end
            channel:close()
        end)
        local text = assert(client:post("http://" .. plain .. "/echo", channel)):text()
        assert.equal(1, select(2, text:gsub('"x*"', "")))
        assert.is_true(#text > 1000000)
    end)

    describe("by a proxy", function()
        local function by(userinfo)
            client = http.client { timeout_s = LIMIT_S, tls = { ca = ca, server_name = "a.test" },
                proxy = "http://" .. userinfo .. proxy }
        end

        it("asks in clear for whole URLs, all on one connection", function()
            by "ann:secret@"
            assert.equal("by proxy: http://a.test/x?y",
                client:get("http://a.test/x?y"):text())
            assert.equal("by proxy: http://b.test/", client:get("http://b.test/"):text())
            assert.same({ 1, 1 }, { client:counters().hosts, client:counters().idle })
        end)

        it("speaks TLS through a tunnel", function()
            by "ann:secret@"
            local url = ("https://a.test:%s/echo"):format(secure:match("%d+$"))
            for _ = 1, 2 do
                assert.equal(('GET a.test:%s /echo 0 "" []'):format(secure:match("%d+$")),
                    client:get(url):text())
            end
            assert.equal(1, client:counters().idle)
        end)

        it("tells what the proxy says", function()
            by "ann:wrong@"
            assert.equal(407, client:get("http://a.test/").status)
            assert.same({ nil, "refused", ("https://a.test/: proxy %s: no tunnel: the proxy "
                .. "answered 407 Proxy Authentication Required"):format(proxy) },
                { client:get("https://a.test/") })
            by "ann:secret@"
            local _, code = client:get("https://a.test:1/")
            assert.equal("refused", code)
        end)

        it("does not ask for this machine", function()
            by "ann:wrong@"
            assert.equal(200, client:get("http://" .. plain .. "/hop").status)
        end)
    end)
end)
