--- Clients that are slow, take nothing, or are gone without a word: others do not notice, and each
-- kind ends by its timeout and is counted.
local fault_figures = require "spec.support.fault_figures"
local fault_load = require "spec.support.fault_load"
local host = require "spec.support.host"
local perigee = require "perigee"

local CLIENTS, HOSTILE = 4, 200

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()
app:get("/", function() return "fine" end)
app:get("/endless", function(_, response)
    local piece = ("x"):rep(65536)
    repeat until not response:write(piece)
end)
return { http = app, mount = "/" }
]]

describe("beside", function()
    after_each(host.stop_all)

    -- Opens hostile clients that say `text`, and waits until `counter` of the limits says that all
    -- of them were ended. Returns how long that took.
    local function measure(what, flag, text, counter)
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 1,
            flags = flag })
        local load = fault_load.start(running, CLIENTS, "/")
        local hostile = {}
        for i = 1, HOSTILE do
            hostile[i] = running:open()
            hostile[i]:write(text)
        end
        local begun_at = perigee.now()
        load:wait_for_answers(20 * CLIENTS)
        running:wait_until(function()
            return running:status().workers[1].http.limits[counter] >= HOSTILE
        end, "all of them were ended")
        local ended_s = perigee.now() - begun_at
        load:wait_for_answers(20 * CLIENTS)
        load:stop()
        assert.equal(0, #load.losses)
        for _, peer in ipairs(hostile) do
            peer:close()
        end
        fault_figures.add(("%d %s"):format(HOSTILE, what), "nothing of others",
            ("`/status`: `http.limits.%s`"):format(counter), ended_s)
    end

    it("clients whose requests never end others are served", function()
        measure("clients with half a head, `--head-timeout 1s`", { "--head-timeout", "1s" },
            "GET / HTTP/1.1\r\nHost:", "head_timeout")
    end)

    it("clients that take nothing others are served", function()
        measure("clients that never read, `--write-timeout 1s`", { "--write-timeout", "1s" },
            "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n", "write_timeout")
    end)

    it("clients that are gone without a word others are served", function()
        measure("half-open connections, `--idle-timeout 1s`", { "--idle-timeout", "1s" },
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "idle_timeout")
    end)
end)
