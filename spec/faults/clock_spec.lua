--- Steps of the clock on the wall: nothing that waits looks at it.
local fault_figures = require "spec.support.fault_figures"
local fault_load = require "spec.support.fault_load"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local CLIENTS = 4

-- What is slept, in a request that is under way while the clock steps.
local SLEEP_S = 1.5

local SERVICE = [[
local context = require "perigee.context"
local http = require "perigee.http"
local perigee = require "perigee"
local shared = require "perigee.shared"
local app = http.router()
local kept = assert(shared.dict("kept", { entries = 8, value_size = 8 }))
app:get("/", function() return "fine" end)
app:get("/sleep", function()
    local began = perigee.now()
    perigee.sleep(1.5)
    return ("%.3f"):format(perigee.now() - began)
end)
app:get("/patient", function()
    local patient, cancel = context.with_timeout(context.background(), 600)
    local reason = patient:run(function()
        perigee.sleep(1.5)
        return patient:err()
    end)
    cancel()
    return tostring(reason)
end)
app:get("/keep", function() kept:set("key", "value", 600) return "kept" end)
app:get("/kept", function() return tostring(kept:get("key")) end)
return { http = app, mount = "/" }
]]

local DAY_S = 24 * 3600

-- A number of 8 bytes, as the processor has it.
local function encode(number)
    local bytes, low = {}, number % 2 ^ 32
    local high = (number - low) / 2 ^ 32 % 2 ^ 32
    for i, part in ipairs({ low, low, low, low, high, high, high, high }) do
        bytes[i] = string.char(math.floor(part / 256 ^ ((i - 1) % 4)) % 256)
    end
    return table.concat(bytes)
end

describe("when the clock on the wall steps", function()
    local root, library

    before_each(function()
        root = temporary.new()
        root:write("offset", encode(0))
        library = root:join("clock_step.so")
        local status, _, log = program.run({ "-std=c11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC",
            "-o", library, "spec/fixtures/clock_step.c" }, { file = "/usr/bin/cc" })
        assert.equal(0, status, log)
    end)

    after_each(function()
        host.stop_all()
        root:destroy()
    end)

    local function step(days)
        local file = assert(io.open(root:join("offset"), "r+"))
        file:write(encode(days * DAY_S))
        file:close()
    end

    local function year_of(running)
        return running:get("/"):header("date"):match("(%d%d%d%d) ")
    end

    it("no request, timeout or expiry is early or late", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 2,
            environment = { LD_PRELOAD = library, CLOCK_STEP_FILE = root:join("offset") } })
        local load = fault_load.start(running, CLIENTS, "/")
        assert.equal("kept", running:body("/keep"))
        local year = tonumber(year_of(running))
        local answers, began = {}, perigee.now()
        for _, target in ipairs({ "/sleep", "/patient" }) do
            perigee.go(function() answers[target] = running:body(target) end)
        end
        local silent = running:connect()
        assert.equal("fine", silent:request({ target = "/" }).body)
        for _, one in ipairs({ { 400, 1 }, { -400, -1 }, { 3650, 9 }, { 0, 0 } }) do
            step(one[1])
            running:wait_until(function()
                local there = tonumber(year_of(running)) - year
                return one[2] == 0 and there == 0 or there * one[2] >= one[2] * one[2]
            end, "the host has noticed")
            load:wait_for_answers(20 * CLIENTS)
            assert.equal("value", running:body("/kept"))
        end
        running:wait_until(function() return answers["/sleep"] and answers["/patient"] end,
            "both have slept")
        assert.is_true(perigee.now() - began >= SLEEP_S)
        assert.is_true(math.abs(tonumber(answers["/sleep"]) - SLEEP_S) < 1, answers["/sleep"])
        assert.equal("nil", answers["/patient"])
        assert.equal("fine", silent:request({ target = "/" }).body)
        load:stop()
        assert.equal(0, #load.losses)
        assert.equal(0, running:status().workers[1].restarts + running:status().workers[2].restarts)
        silent:close()
        assert.equal(0, running:stop())
        fault_figures.add("steps of the clock: 400 days on and back, ten years on", "nothing",
            "nothing: only `Date` and the log follow", "at once")
    end)
end)
