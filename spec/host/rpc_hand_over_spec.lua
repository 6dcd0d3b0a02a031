--- Calls while a service hands its state over: each is answered once, by a generation that knows
-- all that were answered before.
local client = require "perigee.rpc.client"
local host = require "spec.support.host"
local perigee = require "perigee"

local COUNTER = [[
local perigee = require "perigee"
local count, version = 0, %d
local Counter = {}

function Counter.Next()
    count = count + 1
    local mine = count
    perigee.sleep(0.001)
    return { Count = mine, Version = version }
end

return {
    replicas = 1,
    rpc = { Counter = Counter },
    start = function(saved)
        count = saved and saved.count or 0
    end,
    save = function()
        return { count = count }
    end,
}
]]

local CALLERS, VERSIONS = 8, 5

describe("a hand-over under calls", function()
    after_each(host.stop_all)

    local function call_until_told(server, state)
        while not state.is_over do
            local answer, code, detail = server:call("Counter.Next", 0)
            if not answer then
                state.failures[#state.failures + 1] = code .. ": " .. tostring(detail)
                return
            end
            state.counts[#state.counts + 1] = answer.Count
            state.version = math.max(state.version, answer.Version)
        end
    end

    local function check_counts(state)
        assert.same({}, state.failures)
        table.sort(state.counts)
        for i, count in ipairs(state.counts) do
            assert.equal(i, count)
        end
    end

    for _, case in ipairs({ { 1, "gob" }, { 1, "json" }, { 2, "msgpack" }, { 2, "gob" } }) do
        local workers, codec = case[1], case[2]

        it(("loses none and answers none twice, %d workers, %s"):format(workers, codec), function()
            local running = host.start({ workers = workers,
                services = { ["counter.lua"] = COUNTER:format(0) } })
            local state = { counts = {}, failures = {}, version = 0, is_over = false }
            local callers = perigee.group()
            for _ = 1, CALLERS do
                local server = client.dial("tcp://" .. running.rpc, { codec = codec })
                callers:go(call_until_told, server, state)
            end
            for version = 1, VERSIONS do
                running:write("counter.lua", COUNTER:format(version))
                running:wait_until(function()
                    return state.version == version or #state.failures > 0
                end, "version " .. version .. " answers")
            end
            state.is_over = true
            callers:wait()
            check_counts(state)
        end)
    end
end)

describe("reports of waits", function()
    after_each(host.stop_all)

    it("name calls of RPC by their method", function()
        local running = host.start({ services = { ["hang.lua"] = [[
            local perigee = require "perigee"
            local never = perigee.chan()
            return { rpc = { Hang = { On = function() never:recv() end } } }
        ]] } })
        local server = client.dial("tcp://" .. running.rpc)
        local hanging = server:go("Hang.On", 0)
        running:wait_until(function()
            local answer = running:ask("GET", "/tasks?service=hang")
            local tasks = answer.isolates[1].tasks
            return tasks[1] and tasks[1].name == "call of Hang.On"
                and tasks[1].waits_on == "chan receive"
        end, "the call is among the tasks")
        running:wait_for_log("task call of Hang.On %[chan receive")
        hanging:cancel()
    end)
end)
