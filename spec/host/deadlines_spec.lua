--- Deadlines and attempts over hops: what a caller says of itself reaches whoever works for it, by
-- HTTP, RPC and both, through other workers and other hosts; and only shortens.
local host = require "spec.support.host"
local json = require "perigee.json"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local SERVICE = [[
    local context = require "perigee.context"
    local destination = require "perigee.destination"
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local perigee = require "perigee"
    local app = http.router()
    local started, ended = 0, {}

    local function left()
        local deadline = context.current():deadline()
        return { left_s = deadline and deadline - perigee.now(),
            attempts = destination.previous_attempts() }
    end

    app:get("/left", function()
        started = started + 1
        return left()
    end)

    app:get("/wait", function()
        started = started + 1
        local _, code = perigee.sleep(60)
        ended[#ended + 1] = code
        error("nobody hears this")
    end)

    app:get("/pieces", function(_, response)
        response:write("begun ")
        perigee.sleep(0.3)
        response:write(context.current():deadline() and "late" or "no end")
    end)

    app:get("/seen", function()
        return { started = started, ended = ended }
    end)

    app:get("/ill", function()
        started = started + 1
        return 503, "ill"
    end)

    app:get("/passed", function(request)
        local response = assert(http.get("http://" .. request:header("host") .. "/left"))
        return response:json()
    end)

    app:all("/retried/*rest", gateway.proxy { service = "deadlines", timeout_s = 5,
        retries = true, ejection = false, breaker = false, budget = { most = 100 } })

    return { http = app, mount = "/", rpc = { Deadlines = {
        Left = left,
        Wait = function()
            started = started + 1
            local _, code = perigee.sleep(60)
            ended[#ended + 1] = code
        end,
    } }%s }
]]

describe("deadlines over hops", function()
    local running

    setup(function()
        running = host.start { services = { ["deadlines.lua"] = SERVICE:format("") } }
        running:wait_until(function()
            return running:get("/retried/left").status == 200
        end, "the gateway knows the service")
    end)

    teardown(host.stop_all)

    local function ask(target, ...)
        return running:request({ target = target, fields = { ... } })
    end

    local function seen()
        return running:json("/seen")
    end

    it("reach the task that answers, and are none when nothing is said", function()
        assert.is_nil(running:json("/left").left_s)
        local left_s = json.decode(ask("/left", "Perigee-Timeout", "1500m").body).left_s
        assert.is_true(left_s > 1 and left_s <= 1.5, tostring(left_s))
        left_s = json.decode(ask("/left", "Perigee-Timeout", "3S", "perigee-timeout", "2S").body)
            .left_s
        assert.is_true(left_s > 1 and left_s <= 2, tostring(left_s))
        for _, text in ipairs { "soon", "5", "-1S", "999999999m", "30000H" } do
            assert.is_nil(json.decode(ask("/left", "Perigee-Timeout", text).body).left_s, text)
        end
    end)

    it("that have passed on arrival are answered without the handler", function()
        local before = seen().started
        local answer = ask("/left", "Perigee-Timeout", "0m")
        assert.equal(504, answer.status)
        assert.equal("The deadline of the request has passed.\n", answer.body)
        assert.equal(before, seen().started)
        assert.equal(200, ask("/left", "Perigee-Timeout", "5S").status)
        assert.equal(before + 1, seen().started)
    end)

    it("end the waits of the handler, and the client hears of it", function()
        local before = #seen().ended
        local answer = ask("/wait", "Perigee-Timeout", "100m")
        assert.equal(504, answer.status)
        running:wait_until(function()
            return #seen().ended == before + 1
        end, "the handler has ended")
        assert.equal("timeout", seen().ended[before + 1])
        assert.equal(200, running:get("/left").status)
    end)

    it("are nothing to an answer that has begun", function()
        assert.equal("begun no end", ask("/pieces", "Perigee-Timeout", "100m").body)
    end)

    it("are kept for many at once", function()
        local tasks = {}
        for i = 1, 50 do
            tasks[i] = perigee.go(function()
                return ask("/wait", "Perigee-Timeout", (50 + i) .. "m").status
            end)
        end
        for i = 1, 50 do
            assert.equal(504, select(2, tasks[i]:join()))
        end
    end)

    it("go on through a gateway, which has its own", function()
        local left_s = running:json("/retried/left").left_s
        -- Three attempts share five seconds.
        assert.is_true(left_s > 1 and left_s <= 5 / 3, tostring(left_s))
        left_s = json.decode(ask("/retried/left", "Perigee-Timeout", "600m").body).left_s
        assert.is_true(left_s > 0 and left_s <= 0.2, tostring(left_s))
    end)

    it("go on with requests of a client, from tasks that have one", function()
        assert.is_nil(running:json("/passed").left_s)
        local got = json.decode(ask("/passed", "Perigee-Timeout", "1500m",
            "Perigee-Previous-Attempts", "1").body)
        assert.is_true(got.left_s > 1 and got.left_s <= 1.5, tostring(got.left_s))
        assert.equal(1, got.attempts)
    end)

    describe("of RPC", function()
        it("come with JSON-RPC 2.0, and with a POST", function()
            local answer = running:request({ method = "POST", target = "/rpc/Deadlines.Left",
                body = "null", fields = { "Content-Type", "application/json",
                    "Perigee-Timeout", "2S", "Perigee-Previous-Attempts", "1" } })
            local got = json.decode(answer.body)
            assert.is_true(got.left_s > 1 and got.left_s <= 2)
            assert.equal(1, got.attempts)
            answer = running:request({ method = "POST", target = "/rpc/Deadlines.Wait",
                body = "null", fields = { "Content-Type", "application/json",
                    "Perigee-Timeout", "0m" } })
            assert.equal(504, answer.status)
            assert.matches("the deadline of the call has passed", answer.body)
        end)

        for _, codec in ipairs { "msgpack", "json" } do
            it("are told by a client of " .. codec, function()
                local client = rpc.dial("tcp://" .. running.rpc, { codec = codec,
                    deadlines = true })
                local got = assert(client:call("Deadlines.Left", nil, { timeout_s = 3 }))
                assert.is_true(got.left_s > 2 and got.left_s <= 3, tostring(got.left_s))
                assert.equal(0, got.attempts)
                got = assert(client:call("Deadlines.Left"))
                assert.is_true(got.left_s > 20 and got.left_s <= 30, tostring(got.left_s))
                local before = #seen().ended
                assert.equal("timeout", select(2, client:call("Deadlines.Wait", nil,
                    { timeout_s = 0.1 })))
                running:wait_until(function()
                    return #seen().ended == before + 1
                end, "the method has ended")
                client:close()
            end)
        end

        it("are told nobody who may not understand it", function()
            local client = rpc.dial("tcp://" .. running.rpc)
            local got = assert(client:call("Deadlines.Left", nil, { timeout_s = 3 }))
            assert.is_true(got.left_s > 30, tostring(got.left_s))
            client:close()
            local is_ok, problem = pcall(rpc.dial, "tcp://a:1", { codec = "gob",
                deadlines = true })
            assert.is_false(is_ok)
            assert.matches("deadlines is for the codecs json and msgpack", problem)
        end)
    end)

    describe("attempts", function()
        local function attempts_at(...)
            local before = seen().started
            assert.equal(503, ask("/retried/ill", ...).status)
            return seen().started - before
        end

        it("are made by the first that retries, and by nobody behind it", function()
            assert.equal(3, attempts_at())
            assert.equal(1, attempts_at("Perigee-Previous-Attempts", "1"))
            assert.equal(3, attempts_at("Perigee-Previous-Attempts", "many"))
        end)

        it("are counted on", function()
            local answer = ask("/retried/left", "Perigee-Previous-Attempts", "1")
            assert.equal(1, json.decode(answer.body).attempts)
        end)
    end)
end)

describe("deadlines of a service in another worker", function()
    local running

    setup(function()
        running = host.start { services = { ["deadlines.lua"] =
            SERVICE:format(", replicas = 1") }, workers = 2 }
    end)

    teardown(host.stop_all)

    -- Connections come to either worker, and half of them are sent on.
    it("reach it by HTTP", function()
        for _ = 1, 20 do
            local answer = running:request({ target = "/left",
                fields = { "Perigee-Timeout", "2S", "Perigee-Previous-Attempts", "3" } })
            local got = json.decode(answer.body)
            assert.is_true(got.left_s > 1 and got.left_s <= 2, tostring(got.left_s))
            assert.equal(3, got.attempts)
            assert.equal(504, running:request({ target = "/left",
                fields = { "Perigee-Timeout", "0m" } }).status)
        end
    end)

    it("reach it by RPC", function()
        for _ = 1, 10 do
            local client = rpc.dial("tcp://" .. running.rpc, { deadlines = true })
            local got = assert(client:call("Deadlines.Left", nil, { timeout_s = 3 }))
            assert.is_true(got.left_s > 2 and got.left_s <= 3, tostring(got.left_s))
            client:close()
        end
    end)
end)
