--- Load that a service cannot carry: with --shed what it does answer is answered in time.
local host = require "spec.support.host"
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local together = require "spec.support.together"

-- A request takes 5 ms of the processor.
local SERVICE = [[
local perigee = require "perigee"
local function work()
    local until_s = perigee.now() + 0.005
    repeat until perigee.now() >= until_s
    return "worked"
end
return { http = work, mount = "/", rpc = { Work = { Do = work } } }
]]

local CLIENT_COUNT, ROUND_COUNT = 120, 4

describe("an overloaded service", function()
    after_each(host.stop_all)

    -- Many clients at once, each with one request after the other. Returns how many were answered
    -- with each status, and the longest wait of those that were served, but for the first ones.
    local function overload(running)
        local counts, longest = {}, 0
        local clients = {}
        for i = 1, CLIENT_COUNT do
            clients[i] = function()
                for round = 1, ROUND_COUNT do
                    local started = perigee.now()
                    local status = running:get("/").status
                    counts[status] = (counts[status] or 0) + 1
                    if status == 200 and round > 1 then
                        longest = math.max(longest, perigee.now() - started)
                    end
                end
            end
        end
        together(clients)
        return counts, longest
    end

    it("goes on serving, and refuses who has waited for too long", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE },
            flags = { "--shed", "50ms" } })
        local counts = overload(running)
        assert.is_true(counts[200] > CLIENT_COUNT / 2)
        assert.is_true(counts[503] > 0)
        assert.equal(CLIENT_COUNT * ROUND_COUNT, counts[200] + counts[503])
        assert.equal(counts[503], running:service("service").isolates[1].refusals.shed)
        assert.equal(200, running:get("/").status)
    end)

    it("refuses calls the same way", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE },
            flags = { "--shed", "50ms" } })
        local client = rpc.dial("tcp://" .. running.rpc)
        local calls, failed = {}, 0
        for round = 1, 4 do
            for i = 1, CLIENT_COUNT do
                calls[i] = client:go("Work.Do", round)
            end
            for i = 1, CLIENT_COUNT do
                local _, code, detail = calls[i]:wait()
                if code then
                    assert.equal("unavailable", code)
                    assert.equal("perigee: the service is overloaded, call again later", detail)
                    failed = failed + 1
                end
            end
        end
        client:close()
        assert.is_true(failed > 0 and failed < 4 * CLIENT_COUNT)
        assert.equal(failed, running:service("service").isolates[1].refusals.shed)
    end)

    it("refuses nobody without --shed", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE } })
        local counts = overload(running)
        assert.same({ [200] = CLIENT_COUNT * ROUND_COUNT }, counts)
    end)
end)
