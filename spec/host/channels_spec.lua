--- Named channels between services, in one worker and in two.
local host = require "spec.support.host"
local perigee = require "perigee"

-- The names put the two in different workers when there are two.
local SENDER = [[
local context = require "perigee.context"
local http = require "perigee.http"
local perigee = require "perigee"
local jobs = perigee.channel("jobs", { capacity = 8 })
local app = http.router()
app:get("/send/:from/:to", function(request)
    for number = tonumber(request.params.from), tonumber(request.params.to) do
        local is_sent, why = jobs:send({ number = number, text = "a\0b" })
        if not is_sent then
            return { why = why, number = number }
        end
    end
    return { is_sent = true }
end)
app:get("/patient/:number", function(request)
    local limited, cancel = context.with_timeout(context.current(), 0.05)
    local is_sent, why = limited:run(jobs.send, jobs, tonumber(request.params.number))
    cancel()
    return { is_sent = is_sent or false, why = why }
end)
app:get("/state", function()
    return { len = jobs:len(), cap = jobs:cap(), text = tostring(jobs) }
end)
app:get("/close", function()
    jobs:close()
    return "closed"
end)
app:get("/bad", function()
    local _, of_function = pcall(jobs.send, jobs, { a = { print } })
    local _, of_nil = pcall(jobs.send, jobs, nil)
    local _, of_size = pcall(jobs.send, jobs, ("x"):rep(300000))
    local _, of_capacity = pcall(perigee.channel, "jobs", { capacity = 9 })
    local _, of_option = pcall(perigee.channel, "jobs", { capcity = 9 })
    local _, of_name = pcall(perigee.channel, "")
    return { of_function, of_nil, of_size, of_capacity, of_option, of_name }
end)
app:get("/select", function()
    local fast = perigee.channel("fast", { capacity = 1 })
    local which, sent = perigee.select { { fast, "send", "x" }, { jobs, "recv" } }
    local full = perigee.select { { fast, "send", "y" }, default = true }
    local timeout = perigee.select { { fast, "send", "y" }, timeout = 0.02 }
    local number, value, ok = perigee.select { { jobs, "recv" }, { fast, "recv" } }
    return { which = which, sent = sent, full = full, timeout = timeout, number = number,
        value = value, ok = ok }
end)
return { http = app, replicas = 1 }
]]

local RECEIVER = [[
local http = require "perigee.http"
local perigee = require "perigee"
local jobs = perigee.channel("jobs", { capacity = 8 })
local receipts = perigee.channel("receipts", { capacity = 100000, size = 4 * 1024 * 1024 })
local app = http.router()
local function work()
    for job in jobs do
        receipts:send(job.number)
    end
    receipts:send(-1)
end
app:get("/begin", function()
    perigee.go(work)
    return "begun"
end)
if AT_ONCE then
    perigee.go(work)
end
app:get("/select", function()
    local other = perigee.chan()
    perigee.go(function() perigee.sleep(30) end)
    local number, job, ok = perigee.select { { other, "recv" }, { jobs, "recv" }, timeout = 15 }
    return { number = number, value = job and job.number, ok = ok }
end)
return { http = app, replicas = 1 }
]]

local COLLECTOR = [[
local http = require "perigee.http"
local perigee = require "perigee"
local receipts = perigee.channel("receipts", { capacity = 100000, size = 4 * 1024 * 1024 })
local app = http.router()
local seen = {}
perigee.go(function()
    for number in receipts do
        seen[#seen + 1] = number
    end
end)
app:get("/", function() return { count = #seen, seen = seen } end)
return { http = app, replicas = 1, mount = "/" }
]]

local function receiver(is_at_once, version)
    return (RECEIVER:gsub("AT_ONCE", tostring(is_at_once))) .. "-- " .. (version or 1)
end

-- Every number from 1 to `count`, each once, in order.
local function assert_complete(seen, count)
    for i = 1, count do
        assert.equal(i, seen[i])
    end
    assert.equal(count, #seen)
end

for workers = 1, 2 do
    describe(("a named channel, with %d worker(s),"):format(workers), function()
        local running

        local function start(is_at_once)
            running = host.start({ services = { ["b.lua"] = SENDER,
                ["a.lua"] = receiver(is_at_once), ["c.lua"] = COLLECTOR }, workers = workers })
        end

        after_each(host.stop_all)

        local function wait_for_receipts(count)
            running:wait_until(function()
                return running:json("/").count >= count
            end, "what was sent is received")
            return running:json("/").seen
        end

        it("brings values from one service to another, in order", function()
            start(true)
            assert.same({ is_sent = true }, running:json("/b/send/1/2000"))
            assert_complete(wait_for_receipts(2000), 2000)
        end)

        it("makes the sender wait while it is full, as long as its context lasts", function()
            start(false)
            assert.same({ is_sent = true }, running:json("/b/send/1/8"))
            assert.same({ len = 8, cap = 8, text = 'channel "jobs" (8 of 8)' },
                running:json("/b/state"))
            assert.same({ is_sent = false, why = "timeout" }, running:json("/b/patient/9"))
            running:body("/a/begin")
            assert_complete(wait_for_receipts(8), 8)
        end)

        it("loses nothing when its receiver is reloaded", function()
            start(true)
            local sender = running:connect()
            for round = 1, 10 do
                running:write("a.lua", receiver(true, round + 1))
                local from = round * 300 - 299
                local answer = assert(sender:request({
                    target = ("/b/send/%d/%d"):format(from, from + 299) }))
                assert.equal('{"is_sent":true}', answer.body)
            end
            sender:close()
            local seen = wait_for_receipts(3000)
            -- Two generations receive for a moment, so that order holds for each of them alone.
            table.sort(seen)
            assert_complete(seen, 3000)
        end)

        it("loses nothing when its sender is reloaded", function()
            start(true)
            for round = 1, 10 do
                running:write("b.lua", SENDER .. "-- " .. round)
                local from = round * 100 - 99
                assert.same({ is_sent = true },
                    running:json(("/b/send/%d/%d"):format(from, from + 99)))
            end
            assert_complete(wait_for_receipts(1000), 1000)
        end)

        it("keeps what is in it while nobody has it open", function()
            start(false)
            assert.same({ is_sent = true }, running:json("/b/send/1/5"))
            running:remove("a.lua")
            running:remove("b.lua")
            running:wait_until(function()
                return not running:service("a") and not running:service("b")
            end, "both services are gone")
            running:write("a.lua", receiver(true, 2))
            assert_complete(wait_for_receipts(5), 5)
        end)

        it("ends for its receivers when it is closed and empty", function()
            start(true)
            running:json("/b/send/1/3")
            assert.equal("closed", running:body("/b/close"))
            local seen = wait_for_receipts(4)
            assert.equal(-1, table.remove(seen))
            assert_complete(seen, 3)
            assert.equal(500, running:get("/b/send/4/4").status)
            running:wait_for_log("b.lua:8: send on closed channel")
            assert.equal(500, running:get("/b/close").status)
            running:wait_for_log("b.lua:25: close of closed channel")
        end)

        it("refuses what cannot be copied, and what it has no room for, in the caller's line",
            function()
                start(false)
                local messages = running:json("/b/bad")
                assert.matches("cannot be copied", messages[1])
                assert.matches("value%.a%[1%] is a function", messages[1])
                assert.matches("nil cannot be sent", messages[2])
                assert.matches("300%d+ bytes does not fit the channel \"jobs\"", messages[3])
                assert.matches("\"jobs\" with capacity 9 and size 262144 cannot be opened: it is ",
                    messages[4])
                assert.matches("capcity is no option of a channel", messages[5])
                assert.matches("a string of 1 to 63 bytes", messages[6])
            end)

        it("may be a case of a select", function()
            start(false)
            assert.same({ which = 1, sent = true, full = "default", timeout = "timeout", number = 2,
                value = "x", ok = true }, running:json("/b/select"))
            local waiting = perigee.go(running.json, running, "/a/select")
            running:wait_until(function()
                for _, channel in ipairs(running:status().channels) do
                    if channel.name == "jobs" and channel.waiting_receivers == 1 then
                        return true
                    end
                end
            end, "the select waits")
            running:json("/b/send/7/7")
            local _, answer = waiting:join()
            assert.same({ number = 2, ok = true, value = 7 }, answer)
        end)
    end)
end

describe("a named channel, when a worker is killed,", function()
    local running

    after_each(host.stop_all)

    it("keeps what is in it", function()
        running = host.start({ services = { ["b.lua"] = SENDER, ["a.lua"] = receiver(false),
            ["c.lua"] = COLLECTOR }, workers = 2 })
        assert.same({ is_sent = true }, running:json("/b/send/1/8"))
        for _, worker in ipairs(running:status().workers) do
            assert(os.execute("kill -9 " .. worker.pid) == 0)
        end
        running:wait_for_log("worker %d was ended by signal 9", 2)
        running:wait_until(function()
            return running:get("/a/begin").status == 200
        end, "the receiver is back")
        running:wait_until(function()
            return running:get("/").status == 200 and running:json("/").count == 8
        end, "what was sent is received")
        assert_complete(running:json("/").seen, 8)
    end)
end)

describe("a host without shared memory", function()
    after_each(host.stop_all)

    it("says so to who opens a channel", function()
        local running = host.start({ services = { ["b.lua"] = SENDER,
            ["c.lua"] = "return { mount = '/', http = function() return 'c' end }" },
            flags = { "--shared-memory", "0" } })
        running:wait_for_log("b.lua:4: channel \"jobs\" .* without %-%-shared%-memory")
        assert.equal("c", running:body("/"))
    end)
end)
