local host = require "spec.support.host"
local json = require "perigee.json"

describe("the log", function()
    after_each(host.stop_all)

    local function start(text, ...)
        return host.start({ services = { ["talker.lua"] = text }, flags = { ... } })
    end

    it("has what a service prints, with its name", function()
        local running = start([[
            print("loaded", 1, nil, true)
            return { http = function(request) print("asked for " .. request.path) return "" end }
        ]])
        running:wait_for_log("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ INFO  talker  "
            .. "loaded\t1\tnil\ttrue$")
        running:body("/talker/a")
        running:wait_for_log(" INFO  talker  asked for /talker/a$")
    end)

    it("has what a service says by perigee.log, with fields, from the level asked for", function()
        local running = start([[
            local log = require "perigee.log"
            log.debug("unheard")
            log.warn("careful", { left = 3, who = "a b" })
            log.error("broken")
            return {}
        ]], "--log-level", "warn")
        running:wait_for_log(' WARN  talker  careful  left=3  who="a b"$')
        running:wait_for_log(" ERROR talker  broken$")
        assert.not_matches("unheard", running:log())
        assert.not_matches("INFO", running:log())
    end)

    it("is JSON when asked for", function()
        local running = start([[print("two\nlines") return {}]], "--log-format", "json")
        local line = running:wait_for_log("two")
        local event = json.decode(line)
        assert.equal("two\nlines", event.message)
        assert.equal("talker", event.service)
        assert.equal("info", event.level)
    end)

    it("cannot be made to look like another event by what is printed", function()
        local running = start([[
            print("harmless\n2026-01-01T00:00:00.000Z ERROR other  forged")
            return {}
        ]])
        running:wait_for_log("harmless")
        running:wait_for_log("^%s+2026.*forged")
    end)

    it("has the errors of tasks, with the place where they were started", function()
        local running = start([[
            local perigee = require "perigee"
            local function work()
                perigee.sleep(0.001)
                error("lost the connection")
            end
            return { http = function()
                perigee.go(work)
                return "started"
            end }
        ]])
        assert.equal("started", running:body("/talker"))
        local line = running:wait_for_log("lost the connection")
        assert.matches(" ERROR talker  task %S+talker%.lua:2 failed: "
            .. "%S+talker%.lua:4: lost the connection", line)
        running:wait_for_log("spawned_at=%S+talker%.lua:7")
        assert.equal("started", running:body("/talker"))
    end)
end)
