local host = require "spec.support.host"
local json = require "perigee.json"

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()

local function find(id)
    error("no record " .. id)
end

app:get("/fails/:id", function(request)
    find(request.params.id)
    return "never"
end)
app:get("/nothing", function() end)
app:get("/twice", function(_, response)
    response:text("first")
    response:text("second")
end)
app:get("/after", function(_, response)
    response:text("first")
    return "second"
end)
app:get("/wrong", function() return print end)
app:get("/refuses", function() error(http.error(403, "not for you")) end)
app:get("/odd", function() error({ secret = 1 }) end)
app:get("/deep", function()
    local function dive(n) return n + dive(n + 1) end
    return dive(1)
end)

return { http = app, mount = "/" }
]]

-- The line of `text` in the service above.
local function line_of(text)
    local before = SERVICE:sub(1, (SERVICE:find(text, 1, true)))
    return select(2, before:gsub("\n", "")) + 1
end

describe("a handler", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = { ["service.lua"] = SERVICE }, flags = { ... } })
    end

    local function place(text)
        return ("service%%.lua:%d"):format(line_of(text))
    end

    -- Asks for `target` and returns the log with its failure.
    local function fail(running, target)
        local answer = running:get(target)
        assert.equal(500, answer.status)
        local id = json.decode(answer.body).id
        running:wait_for_log("request_id=" .. id)
        return running:log()
    end

    it("that raises is answered 500 with a number that is also in the log", function()
        local running = start()
        local answer = running:get("/fails/7")
        assert.equal(500, answer.status)
        local body = json.decode(answer.body)
        assert.same({ error = "Internal Server Error", id = body.id }, body)
        assert.matches("^%x+$", body.id)
        local line = running:wait_for_log("request_id=" .. body.id)
        assert.matches(" ERROR service  ", line)
        assert.matches(place('error("no record') .. ": no record 7", line)
        assert.matches("method=GET", line)
        assert.matches("path=/fails/7", line)
        assert.matches(place("find(request.params.id)"), running:log())
    end)

    it("that raises is shown in full with --dev", function()
        local running = start("--dev")
        local answer = running:get("/fails/7")
        assert.equal(500, answer.status)
        assert.matches("^text/plain", answer:header("content-type"))
        assert.matches(place('error("no record') .. ": no record 7", answer.body)
        assert.matches(place("find(request.params.id)"), answer.body)
        local page = running:request({ target = "/fails/7", fields = { "Accept", "text/html" } })
        assert.matches("^text/html", page:header("content-type"))
        assert.matches("no record 7", page.body)
    end)

    it("that answers nothing is named with its line", function()
        assert.matches(place('app:get("/nothing"') .. ".*returned nothing",
            fail(start(), "/nothing"))
    end)

    it("that answers twice has sent the first answer, and both lines are in the log", function()
        local running = start()
        assert.equal("first", running:body("/twice"))
        local line = running:wait_for_log("already answered")
        assert.matches(place('response:text("second")') .. ".*" .. place('response:text("first")'),
            line)
    end)

    it("that returns after it answered is told so", function()
        local running = start()
        assert.equal("first", running:body("/after"))
        running:wait_for_log("already answered")
    end)

    it("that returns what cannot be sent is named with its line", function()
        assert.matches(place('app:get("/wrong"'), fail(start(), "/wrong"))
    end)

    it("may raise an error of its own choice", function()
        local answer = start():get("/refuses")
        assert.equal(403, answer.status)
        assert.same({ error = "not for you" }, json.decode(answer.body))
    end)

    it("that raises a table or overflows its stack is answered like any other", function()
        local running = start()
        fail(running, "/odd")
        assert.matches("stack overflow", fail(running, "/deep"))
        assert.equal(403, running:get("/refuses").status)
    end)

    it("does not end the connection by failing", function()
        local connection = start():connect()
        assert.equal(500, connection:request({ target = "/fails/1" }).status)
        assert.equal(403, connection:request({ target = "/refuses" }).status)
        connection:close()
    end)
end)
