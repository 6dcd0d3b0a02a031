--- Every known way out of a sandbox of LuaJIT, tried from inside a service.
local escapes = require "spec.fixtures.escapes"
local host = require "spec.support.host"

-- Runs what it is sent, as far as it gets.
local SERVICE = [[
local http = require "perigee.http"
local app = http.router()
app:post("/", function(request)
    local chunk, message = load("local request = ...\n" .. request:body(), "attempt")
    if not chunk then
        return 500, "does not compile: " .. message
    end
    local is_ok, got = pcall(chunk, request)
    return is_ok and got and 500 or 200, tostring(got)
end)
-- Whether some table that can be reached by going from one to the next holds this.
local function reach(roots, is_found)
    local seen, queue = {}, {}
    for name, root in pairs(roots) do
        queue[#queue + 1] = { root, name }
    end
    local first = 1
    while queue[first] do
        local value, path = queue[first][1], queue[first][2]
        first = first + 1
        if is_found(value) then
            return path
        end
        if type(value) == "table" and not seen[value] then
            seen[value] = true
            local meta = getmetatable(value)
            if type(meta) == "table" then
                queue[#queue + 1] = { meta, path .. "<metatable>" }
            end
            for key, item in next, value do
                queue[#queue + 1] = { item, path .. "." .. tostring(key) }
                queue[#queue + 1] = { key, path .. "#" }
            end
        end
    end
    return nil, first
end
app:post("/reach", function(request, response)
    local perigee = require "perigee"
    local roots = { _G = _G, request = request, response = response, app = app,
        task = perigee.go(function() end), channel = perigee.chan(1), timer = perigee.timer(10),
        context = require("perigee.context").current(),
        client = require("perigee.rpc").dial("tcp://127.0.0.1:1"),
        service = require("perigee.rpc").service("Nothing"),
        registry = require("perigee.registry").host(),
        mutex = require("perigee.sync").mutex(), group = perigee.group() }
    roots.client:call("A.B", {})
    for _, name in ipairs { "perigee", "perigee.http", "perigee.json", "perigee.log",
        "perigee.sync", "perigee.context", "perigee.gateway", "perigee.registry", "perigee.shared",
        "perigee.rpc", "perigee.balancer", "perigee.testing" } do
        roots[name] = require(name)
    end
    local found, count = reach(roots, function(value)
        return type(value) == "table" and (rawget(value, "folder_open") or rawget(value, "dump")
            or rawget(value, "getupvalue") or rawget(value, "load_module")
            or rawget(value, "setfenv") or rawget(value, "reserve") or rawget(value, "cdef")
            or rawget(value, "find_remote") ~= nil)
    end)
    return found and 500 or 200, found or tostring(count)
end)
return { http = app, mount = "/" }
]]

local NEIGHBOUR = [[return { http = function() return ("%s"):format("fine"):lower() end }]]

describe("the sandbox of a service", function()
    local running, pid

    setup(function()
        running = host.start({ services = { ["attempts.lua"] = SERVICE,
            ["neighbour.lua"] = NEIGHBOUR, ["../secret.lua"] = "return 'the secret'" },
            flags = { "--memory", "16MB" } })
        pid = running:status().workers[1].pid
    end)

    teardown(host.stop_all)

    local names = {}
    for name in pairs(escapes) do
        names[#names + 1] = name
    end
    table.sort(names)

    for _, name in ipairs(names) do
        it("holds against " .. name, function()
            local answer = running:post("/", escapes[name])
            -- 503 is the answer for a task that was ended.
            assert.is_true(answer.status == 200 or answer.status == 503, answer.body)
            assert.equal("fine", running:body("/neighbour"))
        end)
    end

    it("has no path from what a script holds to what the host keeps", function()
        local answer = running:post("/reach", "")
        assert.equal(200, answer.status, answer.body)
        assert.is_true(tonumber(answer.body) > 1000)
    end)

    it("was one worker's all the time", function()
        assert.equal(pid, running:status().workers[1].pid)
        assert.is_true(#names >= 60)
    end)
end)
