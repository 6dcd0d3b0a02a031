--- Run by `perigee test`: three hosts with a service, known by etcd, and a gateway to it in a
-- fourth. Prints a line for each figure of tools/bench/resilience.
local client = require "perigee.http.client"
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"

local SPREAD_REQUESTS, SPREAD_TASKS = 30000, 32
local SLOW_REQUESTS, SLOW_TASKS, SLOW_WARM_UP = 2000, 8, 200
local KILL_TASKS, KILL_BEFORE_S, KILL_AFTER_S = 32, 1, 3
local QUICK_MS, SLOW_MS = 30, 300

local GATEWAY = [[
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local app = http.router()
    app:all("/turns/*rest", gateway.proxy { service = "users", balancer = "round_robin" })
    app:all("/choices/*rest", gateway.proxy { service = "users" })
    app:all("/retried/*rest", gateway.proxy { service = "users", retries = true })
    return { http = app, mount = "/" }
]]

local USERS = [[
    local http = require "perigee.http"
    local perigee = require "perigee"
    local app = http.router()
    app:get("/who", function() return "%s" end)
    app:get("/work", function() perigee.sleep(%g) return "%s" end)
    return { http = app }
]]

local server

local function start(services)
    return host.start { services = services, flags = { "--registry", server:location(),
        "--log-level", "error" } }
end

local function start_users(name, work_ms)
    return start({ ["users.lua"] = USERS:format(name, work_ms / 1000, name) })
end

-- `count` requests by so many tasks; note(answer or nil, when it was sent, when it came).
local function load(front, target, task_count, count, note)
    local pool = client.pool(front.http, { limit = task_count })
    local group, left = perigee.group(), count
    for _ = 1, task_count do
        group:go(function()
            while left > 0 do
                left = left - 1
                local sent_at = perigee.now()
                local answer = pool:request({ target = target, timeout_s = 20 })
                note(answer, sent_at, perigee.now())
            end
            return true
        end)
    end
    assert(group:wait())
    pool:close()
end

local function start_all()
    server = etcd.start()
    local users = { start_users("a", QUICK_MS), start_users("b", QUICK_MS),
        start_users("c", SLOW_MS) }
    local front = start({ ["gateway.lua"] = GATEWAY })
    for _, path in ipairs { "/turns/who", "/choices/who", "/retried/who" } do
        local seen = {}
        eventually(function()
            seen[front:get(path).body] = true
            return seen.a and seen.b and seen.c
        end, "all three are asked")
    end
    return front, users
end

local function measure_spread(front)
    local counts = { a = 0, b = 0, c = 0 }
    load(front, "/turns/who", SPREAD_TASKS, SPREAD_REQUESTS, function(answer)
        counts[answer.body] = counts[answer.body] + 1
    end)
    local most = 0
    for _, count in pairs(counts) do
        most = math.max(most, math.abs(count / (SPREAD_REQUESTS / 3) - 1))
    end
    print(("spread %.4f"):format(most * 100))
end

local function p99_of(front, target)
    local latencies, slow = {}, 0
    load(front, target, SLOW_TASKS, SLOW_WARM_UP, function() end)
    load(front, target, SLOW_TASKS, SLOW_REQUESTS, function(answer, sent_at, came_at)
        latencies[#latencies + 1] = came_at - sent_at
        slow = slow + (answer.body == "c" and 1 or 0)
    end)
    table.sort(latencies)
    return latencies[math.ceil(0.99 * #latencies)] * 1000, slow / #latencies * 100
end

local function measure_slow(front)
    local turns = p99_of(front, "/turns/work")
    local choices, share = p99_of(front, "/choices/work")
    print(("slow %.1f %.1f %.2f"):format(turns, choices, share))
end

-- A function that ends supervisor and worker at once, as when the machine is gone.
local function killer_of(running)
    local pid = running:status().workers[1].pid
    return function()
        running.program:kill()
        os.execute("kill -9 " .. pid)
    end
end

-- Failures in the first 50 ms and later, and when the last answer of who was killed came.
local function measure_kill(front, victim, name, target)
    local killed_at, is_over = math.huge, false -- until then nothing is late
    local early, late, last_s, total = 0, 0, 0, 0
    local group = perigee.group()
    local pool = client.pool(front.http, { limit = KILL_TASKS })
    for _ = 1, KILL_TASKS do
        group:go(function()
            while not is_over do
                local answer = pool:request({ target = target, timeout_s = 20 })
                local since_s = perigee.now() - killed_at
                total = total + 1
                if not answer or answer.status ~= 200 then
                    early = early + (since_s <= 0.05 and 1 or 0)
                    late = late + (since_s > 0.05 and 1 or 0)
                elseif answer.body == name and since_s > 0 then
                    last_s = math.max(last_s, since_s)
                end
            end
            return true
        end)
    end
    local kill = killer_of(victim)
    perigee.sleep(KILL_BEFORE_S)
    kill()
    killed_at = perigee.now()
    perigee.sleep(KILL_AFTER_S)
    is_over = true
    assert(group:wait())
    pool:close()
    print(("kill %s %d %d %d %.1f"):format(target, total, early, late, last_s * 1000))
end

local function measure()
    local front, users = start_all()
    measure_spread(front)
    measure_slow(front)
    measure_kill(front, users[1], "a", "/choices/who")
    measure_kill(front, users[2], "b", "/retried/who")
end

local is_ok, problem = pcall(measure)
host.stop_all()
etcd.stop_all()
assert(is_ok, problem)
