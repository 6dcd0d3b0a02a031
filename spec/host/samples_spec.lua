--- Every sample service, served as it is.
local host = require "spec.support.host"
local json = require "perigee.json"
local seam = require "host"

local function each_script(directory, fn)
    for _, name in ipairs(seam.list_directory(directory) or {}) do
        if name:find("%.lua$") then
            fn(directory .. "/" .. name, name)
        end
    end
end

local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end

describe("the sample services", function()
    local running

    setup(function()
        running = host.start({ directory = "services", workers = 2 })
    end)

    teardown(host.stop_all)

    it("are all up", function()
        for _, service in ipairs(running:status().services) do
            assert.equal("live", service.state)
        end
    end)

    each_script("services", function(path)
        it("say how to call them: " .. path, function()
            local text = read(path)
            assert.is_truthy(text:find("%-%- [^\n]*curl [^\n]*http://127%.0%.0%.1:8080/")
                or text:find("%-%- [^\n]*nc %-N 127%.0%.0%.1 1234\n"))
        end)
    end)

    it("say hello", function()
        assert.same({ message = "Hello, Ann" }, running:json("/hello/Ann"))
    end)

    it("echo any request", function()
        local answer = running:request({ method = "PATCH", target = "/echo/a/b?c=1",
            fields = { "X-Test", "yes" }, body = "some text" })
        local echoed = json.decode(answer.body)
        assert.equal("PATCH", echoed.method)
        assert.equal("/echo/a/b?c=1", echoed.target)
        assert.equal("some text", echoed.body)
        assert.equal("yes", echoed.headers["X-Test"])
    end)

    it("answer through the gateway as by themselves", function()
        running:wait_for_body("/gateway/hello/Ann", running:body("/hello/Ann"))
        local answer = running:request({ method = "PUT", target = "/gateway/echo/a%20b?c=1",
            body = "some text" })
        local echoed = json.decode(answer.body)
        assert.equal("PUT", echoed.method)
        assert.equal("/echo/a%20b?c=1", echoed.target)
        assert.equal("some text", echoed.body)
        assert.equal("127.0.0.1", echoed.headers["X-Forwarded-For"])
        assert.equal("/hello/:name", running:service("gateway").routes[1].pattern)
    end)

    it("count, whichever worker is asked", function()
        local first = running:json("/counter").count
        for i = 1, 10 do
            assert.equal(first + i, json.decode(running:post("/counter").body).count)
        end
        assert.equal(first + 10, running:json("/counter").count)
    end)
end)
