--- examples/canary.lua with two versions on hosts of their own.
local etcd = require "spec.support.etcd"
local host = require "spec.support.host"
local seam = require "host"

local GREET = [[
    local http = require "perigee.http"
    local app = http.router()
    app:get("/:name", function() return "%s" end)
    return { http = app, metadata = { %s } }
]]

describe("a canary", function()
    local front, server

    local function start(services)
        return host.start { services = services, flags = { "--registry", server:location(),
            "--drain-delay", "0" } }
    end

    before_each(function()
        server = etcd.start()
        front = start({ ["canary.lua"] = assert(seam.read_file("examples/canary.lua", 65536)) })
        start({ ["greet.lua"] = GREET:format("old", "") })
        front:wait_for_body("/canary/Ann", "old")
    end)

    after_each(function()
        host.stop_all()
        etcd.stop_all()
    end)

    local function ask(fields)
        return front:request({ target = "/canary/Ann", fields = fields }).body
    end

    local function count_new(total)
        local count = 0
        for _ = 1, total do
            count = count + (ask() == "new" and 1 or 0)
        end
        return count
    end

    it("gets one request in twenty and those that ask for it, from when it is there", function()
        assert.equal("old", ask({ "X-Canary", "yes" }))
        assert.equal(0, count_new(40))
        local new = start({ ["greet.lua"] = GREET:format("new", 'canary = "yes"') })
        front:wait_until(function()
            return ask({ "X-Canary", "yes" }) == "new"
        end, "the canary is asked")
        assert.equal(20, count_new(400))
        new:signal(15)
        front:wait_until(function()
            return ask({ "X-Canary", "yes" }) == "old"
        end, "it is gone")
        assert.equal(0, count_new(40))
    end)
end)

describe("gateway.proxy", function()
    after_each(host.stop_all)

    it("refuses metadata that no instance can have", function()
        local running = host.start { services = { ["a.lua"] = [[
            return { http = require("perigee.gateway").proxy { service = "a",
                metadata = { canary = true } } }
        ]] } }
        running:wait_for_log("a%.lua:1: gateway%.proxy: metadata%.canary must be a string")
    end)
end)
