--- Two services that are loaded anew at once do not disturb each other.
local host = require "spec.support.host"
local perigee = require "perigee"

local COUNTER = [[
local count, started = 0, false
return {
    http = function(request)
        if request.method == "POST" then count = count + 1 end
        return tostring(count)
    end,
    save = function() return count end,
    start = function(saved)
        count = saved or 0
        if saved then require("perigee").sleep(0.4) end
    end,
}
]]

describe("two services", function()
    after_each(host.stop_all)

    local function other(version)
        return ([[return { http = function() return "%s" end }]]):format(version)
    end

    it("keep apart when one is switched while the other hands its state over", function()
        local running = host.start({ services = { ["counter.lua"] = COUNTER,
            ["other.lua"] = other("one") } })
        assert.equal("1", running:post("/counter").body)
        running:write("counter.lua", COUNTER .. "\n-- changed")
        perigee.sleep(0.1)
        running:write("other.lua", other("two"))
        running:wait_for_body("/other", "two")
        assert.equal(1, running:service("counter").generation)
        assert.equal("2", running:post("/counter").body)
        assert.equal(2, running:service("counter").generation)
        assert.equal("2", running:body("/counter"))
    end)

    it("that are asked for by hand are told of when they are done", function()
        local running = host.start({ services = { ["slow.lua"] = [[require("perigee").sleep(0.2) ]]
            .. other("one") } })
        running:write("slow.lua", [[require("perigee").sleep(0.2) ]] .. other("two"))
        perigee.sleep(0.1)
        assert.equal(3, running:ask("POST", "/reload/slow").generation)
        assert.equal("two", running:body("/slow"))
    end)
end)
