--- rpc.service("Calculator") where Calculator runs on other hosts: found by the registry, spread
-- over its instances, tried elsewhere when it cannot have run.
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"

local CALLER = [[
    local http = require "perigee.http"
    local perigee = require "perigee"
    local rpc = require "perigee.rpc"
    local app = http.router()
    local calculator = rpc.service("Calculator")

    app:get("/add", function()
        local sum, code, detail = calculator:call("Add", { A = 10, B = 5 }, { timeout_s = 20 })
        return sum and tostring(sum) or 503, code and ("%s %s"):format(code, detail)
    end)

    app:get("/who/:count", function(request)
        local counts = {}
        for _ = 1, tonumber(request.params.count) do
            local name, code = calculator:call("Who")
            counts[name or code] = (counts[name or code] or 0) + 1
        end
        return counts
    end)

    app:get("/together", function()
        local first, second = calculator:go("Add", { A = 1, B = 2 }), calculator:go("Fail")
        local _, code, detail = second:wait()
        return ("%s %s %s"):format(first:wait(), code, detail)
    end)

    app:get("/stream", function()
        local sum = 0
        local items = assert(calculator:stream("Count", 10))
        for item in items do
            sum = sum + item
        end
        return ("%d %s"):format(sum, items:result())
    end)

    app:get("/none", function()
        local _, code, detail = rpc.service("Nobody"):call("Add")
        return ("%s %s"):format(code, detail)
    end)

    return { http = app, mount = "/" }
]]

local CALCULATOR = [[
    local rpc = require "perigee.rpc"
    return { rpc = { Calculator = {
        Add = function(args) return args.A + args.B end,
        Who = function() return "%s" end,
        Fail = function() return nil, "it fails" end,
        Count = rpc.stream { args = "int", item = "int", fn = function(count, _, send)
            for i = 1, count do
                send(i)
            end
            return "done"
        end },
    } } }
]]

describe("a service of other hosts", function()
    local server, front

    before_each(function()
        server = etcd.start()
    end)

    after_each(function()
        host.stop_all()
        etcd.stop_all()
    end)

    local function start(services)
        return host.start { services = services, flags = { "--registry", server:location(),
            "--registry-ttl", "2", "--drain-delay", "100ms" } }
    end

    local function start_calculator(name)
        return start({ ["calculator.lua"] = CALCULATOR:format(name) })
    end

    it("is called as if it ran here", function()
        front = start({ ["caller.lua"] = CALLER })
        assert.equal("not_found rpc: can't find service Nobody", front:body("/none"))
        start_calculator("a")
        front:wait_for_body("/add", "15")
        assert.equal("3 failed it fails", front:body("/together"))
        assert.equal("55 done", front:body("/stream"))
    end)

    it("is spread over its instances, and follows them as they come and go", function()
        front = start({ ["caller.lua"] = CALLER })
        local first = start_calculator("a")
        front:wait_for_body("/add", "15")
        start_calculator("b")
        eventually(function()
            local counts = front:json("/who/200")
            return (counts.a or 0) > 20 and (counts.b or 0) > 20
        end, "both are called")
        first:stop()
        assert.same({ b = 200 }, front:json("/who/200"))
    end)

    it("loses no call while an instance leaves in order", function()
        front = start({ ["caller.lua"] = CALLER })
        local first = start_calculator("a")
        start_calculator("b")
        eventually(function()
            return front:json("/who/100").b
        end, "the second is called")
        first:signal(15)
        repeat
            local counts = front:json("/who/200")
            assert.equal(200, (counts.a or 0) + (counts.b or 0))
        until first.program:has_ended()
        assert.same({ b = 100 }, front:json("/who/100"))
    end)

    it("is tried elsewhere when an instance is not there", function()
        front = start({ ["caller.lua"] = CALLER })
        local first = start_calculator("a")
        start_calculator("b")
        eventually(function()
            local counts = front:json("/who/100")
            return counts.a and counts.b
        end, "both are called")
        -- Nobody deregisters it: the registry has it until its time is over.
        first.program:kill()
        local counts = front:json("/who/300")
        -- A call that was on its way when it died is not repeated.
        assert.is_true((counts.b or 0) >= 299)
    end)
end)
