--- What never comes back is stopped: each of spec/fixtures/runaways.lua, in one isolate, one after
-- the other. Its client gets an answer, the log names the line, and the next request is fine.
local host = require "spec.support.host"
local runaways = require "spec.fixtures.runaways"

local PRELUDE = [[
local perigee = require "perigee"
local mutex = require("perigee.sync").mutex()
local kept
local function spin() while true do end end
local function looping(name) return setmetatable({}, { [name] = spin }) end
local bodies = {}
]]

local REST = [[
local function check()
    local sum = 0
    for i = 1, 1000 do sum = sum + i end
    local list = { 3, 1, 2 }
    table.sort(list)
    local step = coroutine.wrap(function() coroutine.yield(1) return 2 end)
    local is_caught = not pcall(error, "x")
    return mutex:with(function()
        perigee.sleep(0)
        return ("%d %s %d%d %s %s"):format(sum, table.concat(list), step(), step(),
            tostring(is_caught), ("a-b"):gsub("%-", function() return "+" end))
    end)
end
return {
    http = function(request)
        local number = tonumber(request.path:match("(%d+)$"))
        if number then
            return bodies[number]() or "came back"
        end
        return check()
    end,
}
]]

local names = {}
local parts = { PRELUDE }
for _, kind in ipairs({ "time", "memory" }) do
    local of_kind = {}
    for name in pairs(runaways[kind]) do
        of_kind[#of_kind + 1] = name
    end
    table.sort(of_kind)
    for _, name in ipairs(of_kind) do
        names[#names + 1] = { kind = kind, name = name }
        parts[#parts + 1] = ("bodies[%d] = function() %s end\n"):format(#names,
            runaways[kind][name])
    end
end
parts[#parts + 1] = REST
local SCRIPT = table.concat(parts)

local function ends(counters)
    return counters.cpu_ends + counters.memory_ends
end

describe("a runaway", function()
    local running

    setup(function()
        running = host.start({ services = { ["wild.lua"] = SCRIPT },
            flags = { "--cpu-budget", "50ms", "--cpu-warning", "0", "--memory", "12MB",
                "--stall", "20s", "--log-level", "error" } })
    end)

    teardown(host.stop_all)

    local function counters()
        return running:service("wild").isolates[1]
    end

    assert(#names > 70)

    for number, one in ipairs(names) do
        it(("by %s, %s, is stopped"):format(one.kind, one.name), function()
            local before = counters()
            local answer = running:get("/wild/" .. number)
            assert.equal(503, answer.status, answer.body)
            assert.equal("500500 123 12 true a+b", running:body("/wild/"))
            local after = counters()
            assert.equal(before.generation, after.generation)
            assert.is_true(ends(after) > ends(before))
        end)
    end

    it("is named in the log, with its line", function()
        running:wait_for_log("ERROR wild  task GET /wild/1 failed: ended by the host: "
            .. "it computed for %d+ ms without waiting, at %S+wild%.lua:7$")
    end)

    it("costs no worker", function()
        assert.equal(0, running:status().workers[1].restarts)
        assert.equal(1, running:service("wild").generation)
    end)
end)
