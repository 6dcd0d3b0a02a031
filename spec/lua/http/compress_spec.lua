local http = require "perigee.http"
local seam = require "host"
local temporary = require "spec.support.temporary"
local testing = require "perigee.testing"

local LONG = ("all work and no play makes jack a dull boy\n"):rep(200)

-- By the gzip of the system, so that it is somebody else who reads it.
local function gunzip(bytes)
    local root = temporary.new()
    local file = assert(io.open(root:join("packed.gz"), "wb"))
    file:write(bytes)
    file:close()
    local pipe = assert(io.popen(("gzip -dc '%s' 2>&1"):format(root:join("packed.gz"))))
    local text = pipe:read("*a")
    pipe:close()
    root:destroy()
    return text
end

describe("http.compress", function()
    local function client_of(handler, options)
        local app = http.router()
        app:use(http.compress(options))
        app:get("/", handler)
        return testing.client(app)
    end

    local function ask(client, accepted, method)
        return client:request(method or "GET", "/", { headers =
            { ["Accept-Encoding"] = accepted } })
    end

    local function answer(status, body, headers)
        return function()
            return status, body, headers
        end
    end

    it("compresses for who accepts it", function()
        local client = client_of(answer(200, LONG, { ETag = '"x"' }))
        local response = ask(client, "gzip, br")
        assert.equal("gzip", response.headers["content-encoding"])
        assert.equal("Accept-Encoding", response.headers["vary"])
        assert.equal('W/"x"', response.headers["etag"])
        assert.is_true(#response.body < #LONG / 10)
        assert.equal(LONG, gunzip(response.body))
    end)

    it("leaves it to others, and says that it depends", function()
        local client = client_of(answer(200, LONG, { ETag = '"x"' }))
        for _, accepted in ipairs({ "identity", "br", "gzip;q=0", "*;q=0", "" }) do
            local response = ask(client, accepted)
            assert.is_nil(response.headers["content-encoding"])
            assert.equal("Accept-Encoding", response.headers["vary"])
            assert.equal('"x"', response.headers["etag"])
            assert.equal(LONG, response.body)
        end
    end)

    it("answers HEAD with the fields of GET", function()
        local client = client_of(answer(200, LONG))
        assert.same(ask(client, "gzip").headers, ask(client, "gzip", "HEAD").headers)
    end)

    it("compresses tables, errors and what the response sends", function()
        local list = {}
        for i = 1, 1000 do
            list[i] = i
        end
        local response = ask(client_of(function() return list end), "gzip")
        assert.matches("^%[1,2,3,", gunzip(response.body))
        response = ask(client_of(function() return http.error(404, LONG) end), "gzip")
        assert.equal(404, response.status)
        assert.matches("dull boy", gunzip(response.body))
        response = ask(client_of(function(_, answered) answered:html(LONG) end), "gzip")
        assert.equal(LONG, gunzip(response.body))
    end)

    it("leaves what is short, of another type, compressed, a part or not to be touched", function()
        for _, case in ipairs({ { 200, "short" },
            { 200, LONG, { ["Content-Type"] = "image/png" } },
            { 200, LONG, { ["Content-Type"] = "text/event-stream" } },
            { 200, LONG, { ["Content-Encoding"] = "br" } },
            { 206, LONG, { ["Content-Range"] = "bytes 0-8599/9000" } },
            { 200, LONG, { ["Cache-Control"] = "public, No-Transform" } } }) do
            local response = ask(client_of(answer(case[1], case[2], case[3])), "gzip")
            assert.equal(case[2], response.body)
            assert.is_nil(response.headers["vary"])
            assert.not_equal("gzip", response.headers["content-encoding"])
        end
        assert.equal(304, ask(client_of(answer(304)), "gzip").status)
    end)

    it("takes sizes, types and levels", function()
        local handler = answer(200, "short", { ["Content-Type"] = "image/png" })
        local client = client_of(handler, { min_size = 1, types = { "image/png" }, level = 9 })
        assert.equal("short", gunzip(ask(client, "gzip").body))
    end)

    it("gives no plain bytes to who refuses them", function()
        local client = client_of(answer(200, "short", { ["Content-Type"] = "image/png" }))
        assert.equal("short", gunzip(ask(client, "gzip, identity;q=0").body))
    end)

    it("adds to Vary, and weakens no weak tag", function()
        local client = client_of(answer(200, LONG, { Vary = "Origin", ETag = 'W/"x"' }))
        local headers = ask(client, "gzip").headers
        assert.equal("Origin, Accept-Encoding", headers["vary"])
        assert.equal('W/"x"', headers["etag"])
        client = client_of(answer(200, LONG, { Vary = "origin, accept-encoding" }))
        assert.equal("origin, accept-encoding", ask(client, "gzip").headers["vary"])
        assert.equal("*", ask(client_of(answer(200, LONG, { Vary = "*" })), "gzip").headers["vary"])
    end)

    describe("of an answer in pieces", function()
        it("lets out each piece", function()
            local sizes = {}
            local client = client_of(function(_, response)
                for i = 1, 3 do
                    response:write("piece " .. i .. "\n")
                    sizes[i] = #response._exchange.exchange.response.body
                end
                response:finish { ["X-Sum"] = 3 }
            end)
            local response = ask(client, "gzip")
            assert.equal("piece 1\npiece 2\npiece 3\n", gunzip(response.body))
            assert.equal("3", response.trailers["x-sum"])
            assert.is_true(sizes[1] > 10 and sizes[2] > sizes[1] and sizes[3] > sizes[2])
        end)

        it("holds to the length that was set", function()
            local function write(length, text)
                return client_of(function(_, response)
                    response:header("Content-Length", length)
                    response:write(text)
                end)
            end
            local client = write(#LONG, LONG)
            assert.equal(LONG, gunzip(ask(client, "gzip").body))
            assert.same({}, client.faults)
            client = write(#LONG + 1, LONG)
            assert.is_true(ask(client, "gzip").is_cut)
            assert.matches("less was written than the Content%-Length", client.faults[1])
            client = write(#LONG - 1, LONG)
            ask(client, "gzip")
            assert.matches("more was written than the Content%-Length", client.faults[1])
            assert.is_false(ask(write(#LONG, LONG), "gzip", "HEAD").is_cut)
        end)

        it("is cut when the handler fails", function()
            local client = client_of(function(_, response)
                response:write("half")
                error "oops"
            end)
            assert.is_true(ask(client, "gzip").is_cut)
        end)

        it("leaves server-sent events as they are", function()
            local client = client_of(function(_, response)
                response:events():send("x")
            end)
            local response = ask(client, "gzip")
            assert.is_nil(response.headers["content-encoding"])
            assert.equal("data: x\n\n", response.body)
        end)
    end)

    it("goes on without when too many are under way, and gives back what it took", function()
        local held = {}
        for i = 1, 64 do
            held[i] = assert(seam.deflate_open(1))
        end
        assert.same({ nil, "full" }, { seam.deflate_open(1) })
        local client = client_of(answer(200, LONG))
        local response = ask(client, "gzip")
        assert.equal(LONG, response.body)
        assert.equal("Accept-Encoding", response.headers["vary"])
        for _, one in ipairs(held) do
            one:close()
        end
        local broken = client_of(function(_, answered)
            answered:write("half")
            error "oops"
        end)
        for _ = 1, 200 do
            assert.equal("gzip", ask(client, "gzip").headers["content-encoding"])
            ask(broken, "gzip")
        end
        assert.equal("gzip", ask(client, "gzip").headers["content-encoding"])
    end)

    it("lets answers from files pass, and what else an exchange can do", function()
        local file = {
            read = function(_, first, size)
                return LONG:sub(first + 1, first + size)
            end,
        }
        local client = client_of(function(request, response)
            assert.equal(request._exchange.target, response._exchange.target)
            assert.equal("GET", (response._exchange:request_line()))
            response:header("Content-Type", "text/plain")
            require("perigee.http.answer").deliver_file(response, "here", file,
                { { first = 0, last = #LONG - 1 } }, #LONG)
        end)
        local response = ask(client, "gzip")
        assert.equal(LONG, response.body)
        assert.is_nil(response.headers["content-encoding"])
        assert.same({}, client.faults)
    end)

    it("compresses what is large", function()
        local large = LONG:rep(100)
        assert.equal(large, gunzip(ask(client_of(answer(200, large)), "gzip").body))
    end)

    it("refuses options that are none, in the caller's line", function()
        for options, message in pairs({ ["{ size = 1 }"] = "size is not an option",
            ["{ level = 10 }"] = "level must be an integer from 1 to 9",
            ["{ level = 1.5 }"] = "level must be an integer from 1 to 9",
            ["{ min_size = '1' }"] = "min_size must be a number, not a string" }) do
            local chunk = assert(loadstring("\nrequire('perigee.http').compress(" .. options
                .. ")", "@service.lua"))
            local _, problem = pcall(chunk)
            assert.matches("^service%.lua:2: http%.compress: .*" .. message, problem)
        end
    end)
end)
