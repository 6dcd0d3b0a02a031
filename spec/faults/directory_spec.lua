--- A directory of services that disappears and comes back.
local fault_figures = require "spec.support.fault_figures"
local fault_load = require "spec.support.fault_load"
local host = require "spec.support.host"
local perigee = require "perigee"

local CLIENTS = 4

local function version(text)
    return ([[return { mount = "/", http = function() return "%s" end }]]):format(text)
end

describe("a directory of services", function()
    after_each(host.stop_all)

    it("that is away changes nothing, and is read when it is back", function()
        local running = host.start({ services = { ["service.lua"] = version("old") } })
        local load = fault_load.start(running, CLIENTS, "/")
        local away = running.directory .. ".away"
        assert(os.rename(running.directory, away))
        running:wait_for_log("WARN  perigee  the directory .* cannot be read .*: services stay as "
            .. "they are")
        assert.equal("old", running:body("/"))
        assert.equal(200, select(2, running:ask("GET", "/readyz")))
        local file = assert(io.open(away .. "/service.lua", "w"))
        file:write(version("new"))
        file:close()
        assert(os.rename(away, running.directory))
        local back_at = perigee.now()
        running:wait_for_body("/", "new")
        local recovered_s = perigee.now() - back_at
        load:stop()
        assert.equal(0, #load.losses)
        fault_figures.add("the directory of services is away, and comes back changed", "nothing",
            "the log: it cannot be read, services stay as they are", recovered_s)
    end)
end)
