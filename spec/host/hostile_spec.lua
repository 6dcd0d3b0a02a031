--- Services that misuse what they are given: the host, their neighbours and their own next request
-- come to no harm.
local host = require "spec.support.host"

local NEIGHBOUR = [[return { http = function() return "fine" end }]]

describe("a hostile service", function()
    after_each(host.stop_all)

    local function start(text, ...)
        return host.start({ services = { ["hostile.lua"] = text, ["neighbour.lua"] = NEIGHBOUR },
            flags = { ... } })
    end

    local function workers_restarted(running)
        return running:status().workers[1].restarts
    end

    it("gets errors that cannot be shown reported all the same", function()
        local running = start([[
            local perigee = require "perigee"
            local function raise(show)
                error(setmetatable({}, { __tostring = show }))
            end
            return { http = function()
                perigee.go(raise, function() error("hidden") end)
                return "answered"
            end }
        ]])
        assert.equal("answered", running:body("/hostile"))
        running:wait_for_log("hostile +task %S+hostile%.lua:2 failed: "
            .. "an error that cannot be shown")
        assert.equal(1, running:service("hostile").generation)
    end)

    it("that loops while its error is shown leaves the worker alone", function()
        local running = start([[
            local perigee = require "perigee"
            local raised = setmetatable({}, { __tostring = function() while true do end end })
            return { http = function()
                perigee.go(error, raised)
                return "answered"
            end }
        ]], "--stall", "500ms")
        running:get("/hostile")
        running:wait_until(function()
            return running:service("hostile").isolates[1].cuts > 100
        end, "the loop is cut")
        assert.equal("fine", running:body("/neighbour"))
        assert.equal(0, workers_restarted(running))
    end)

    it("may ruin its string library and its log for itself alone", function()
        local running = start([[
            local perigee = require "perigee"
            for name in pairs(string) do string[name] = nil end
            for name in pairs(require("perigee.log")) do
                require("perigee.log")[name] = function() while true do end end
            end
            return { http = function()
                perigee.go(function() error("boo") end)
                perigee.sleep(0)
                return "answered"
            end }
        ]], "--stall", "500ms")
        assert.equal("answered", running:body("/hostile"))
        running:wait_for_log("hostile +task %S+hostile%.lua:7 failed: .*boo")
        assert.equal("fine", running:body("/neighbour"))
        assert.equal(0, workers_restarted(running))
    end)

    it("cannot write to the terminal what it likes", function()
        local running = start([[
            local log = require "perigee.log"
            return { http = function()
                log.warn("one\r\27[2Jtwo", { ["a\nb"] = 1, [7] = "seven" })
                return "answered"
            end }
        ]])
        assert.equal("answered", running:body("/hostile"))
        running:wait_for_log([[hostile +one\x0d\x1b%[2Jtwo  7=seven  "a\x0ab"=1  request_id=]])
    end)

    it("cannot smuggle unchecked settings past the check", function()
        local running = start([[
            return setmetatable({ http = function() return "here" end }, {
                __index = { mount = "nowhere", limits = { drain = "never" } },
            })
        ]])
        assert.equal("here", running:body("/hostile"))
        assert.equal("fine", running:body("/neighbour"))
    end)

    it("cannot have a drain deadline that is no number", function()
        local running = start("return { limits = { drain = 0 / 0 } }")
        assert.matches("limits.drain must be seconds, got %-?nan", running:table())
        assert.equal("fine", running:body("/neighbour"))
    end)

    it("that starts tasks without end is ended for its memory, and the worker is not", function()
        local running = start([[
            local perigee = require "perigee"
            return { http = function()
                while true do perigee.go(perigee.sleep, 60) end
            end }
        ]], "--memory", "16MB", "--stall", "1s")
        assert.equal(503, running:get("/hostile").status)
        running:wait_for_log("ended by the host: the service has reached its memory limit")
        assert.equal("fine", running:body("/neighbour"))
        assert.equal(0, workers_restarted(running))
    end)
end)
