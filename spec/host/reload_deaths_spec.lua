--- Reloads and workers that die on the way: nothing that was live is lost, and what was saved gets
-- its chance.
local host = require "spec.support.host"
local perigee = require "perigee"

-- One call of C that lasts longer than anybody waits: the worker is replaced.
-- Nothing can be cut there, and without a budget nothing is ended.
local STICK = [[string.format("%s",
    setmetatable({}, { __tostring = function() while true do end end }))]]

local function version(text)
    return ([[return { http = function() return "%s" end }]]):format(text)
end

describe("a worker that dies", function()
    after_each(host.stop_all)

    local function kill_worker(running, slot)
        assert(os.execute("kill -9 " .. running:status().workers[slot].pid) == 0)
    end

    local function wait_for_workers(running)
        running:wait_until(function()
            for _, worker in ipairs(running:status().workers) do
                if worker.state ~= "serving" then
                    return false
                end
            end
            return true
        end, "every worker serves")
    end

    for workers = 1, 2 do
        it(("while a service loads, with %d worker(s), delays the new version"):format(workers),
            function()
                local running = host.start({ services = { ["service.lua"] = version("old") },
                    workers = workers })
                for slot = 1, workers do
                    local saved = ("new %d"):format(slot)
                    running:write("service.lua", [[require("perigee").sleep(0.3) ]]
                        .. version(saved))
                    perigee.sleep(0.1)
                    kill_worker(running, slot)
                    running:wait_for_body("/service", saved)
                    wait_for_workers(running)
                end
                assert.equal(0, running:service("service").failures)
            end)
    end

    it("each time a service starts leaves the old version answering", function()
        local running = host.start({ services = { ["service.lua"] = version("old") },
            flags = { "--stall", "200ms", "--cpu-budget", "0" } })
        running:write("service.lua", ([[
            return { http = function() return "new" end, start = function() %s end }
        ]]):format(STICK))
        running:wait_for_log("service +reload failed, generation 1 stays: .*did not give the "
            .. "processor back")
        wait_for_workers(running)
        assert.equal("old", running:body("/service"))
    end)

    it("while the host starts has the other services again when it is back", function()
        local running = host.start({
            services = { ["a.lua"] = version("a"), ["b.lua"] = version("b"),
                ["stuck.lua"] = STICK },
            flags = { "--stall", "200ms", "--cpu-budget", "0" },
        })
        wait_for_workers(running)
        assert.equal("a", running:body("/a"))
        assert.equal("b", running:body("/b"))
    end)
end)

describe("a service that was removed and is back", function()
    after_each(host.stop_all)

    it("outlives the requests of its former life", function()
        local running = host.start({ services = { ["service.lua"] = [[
            return { http = function() require("perigee").sleep(1) return "first life" end }
        ]] } })
        local first
        perigee.go(function() first = running:body("/service") end)
        perigee.sleep(0.1)
        running:remove("service.lua")
        running:wait_for_log("service%.lua is gone")
        running:write("service.lua", version("second life"))
        running:wait_for_body("/service", "second life")
        running:wait_until(function() return first end, "the first request has its answer")
        assert.equal("first life", first)
        running:write("other.lua", version("other"))
        running:wait_for_body("/other", "other")
        assert.equal("second life", running:body("/service"))
    end)
end)

describe("a file that cannot be a service", function()
    after_each(host.stop_all)

    it("because it is too large is told of once, and again when that changes", function()
        local running = host.start({ services = { ["fine.lua"] = version("fine") } })
        running:write("large.lua", ("-"):rep(4 * 1024 * 1024 + 1))
        running:wait_for_log("large%.lua cannot be read: too_large")
        for round = 1, 5 do
            running:write("fine.lua", version("fine " .. round))
            running:wait_for_body("/fine", "fine " .. round)
        end
        local _, count = running:log():gsub("cannot be read", "")
        assert.equal(1, count)
        assert.equal("failed", running:service("large").state)
        assert.matches("too_large", running:service("large").last_error.message)
        running:write("large.lua", version("smaller"))
        running:wait_for_body("/large", "smaller")
    end)
end)
