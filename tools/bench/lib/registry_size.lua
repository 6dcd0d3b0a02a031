-- Run by `perigee test`: fills the etcd of PERIGEE_BENCH_REGISTRY with instances, reads them all as
-- a registry does, and prints a line for each figure.
local base64 = require "perigee.core.base64"
local client = require "perigee.http.client"
local instance = require "perigee.registry.instance"
local json = require "perigee.json"
local known = require "perigee.registry.known"
local perigee = require "perigee"
local registry = require "perigee.registry"

local SERVICES, INSTANCES = 1000, 10
local PUTS_AT_ONCE, CHANGES = 100, 200

local where = assert(os.getenv("PERIGEE_BENCH_REGISTRY"))
local etcd = client.pool(where:match("^etcd://(.*)$"))

local function record(service, number, generation)
    return assert(instance.new({ service = "service-" .. service,
        address = ("10.0.%d.%d:8080"):format(number, service % 250 + 1),
        mount = "/service-" .. service, version = "1.2." .. number, zone = "a",
        generation = generation, metadata = { canary = "no", team = "orders" } }))
end

local function put_of(one)
    return { key = base64.encode(("/perigee/%s/%s"):format(one.service, one.id)),
        value = base64.encode(instance.encode(one)) }
end

local function call(path, message)
    local answer = assert(etcd:request({ method = "POST", target = path,
        body = json.encode(message) }))
    assert(answer.status == 200, answer.body)
end

local function fill()
    local puts = {}
    for service = 1, SERVICES do
        for number = 1, INSTANCES do
            puts[#puts + 1] = { request_put = put_of(record(service, number, 1)) }
            if #puts == PUTS_AT_ONCE then
                call("/v3/kv/txn", { success = puts })
                puts = {}
            end
        end
    end
end

local function heap_mb()
    collectgarbage()
    collectgarbage()
    return collectgarbage("count") / 1024
end

local function median(list)
    table.sort(list)
    return list[math.ceil(#list / 2)]
end

-- Milliseconds to take the news of one instance, with somebody who watches its service: a mean, as
-- the clock is too coarse for one.
local function time_changes(lists)
    local made, records = known.new(), {}
    for i = 1, CHANGES do
        records[i] = record(500, i % INSTANCES + 1, i + 1)
    end
    made:replace_all(lists)
    made:mark_complete()
    local watcher = made:watch("service-500")
    watcher:next()
    local started = os.clock()
    for i = 1, CHANGES do
        made:put(records[i])
        watcher:next()
    end
    local ended = os.clock()
    made:close()
    return (ended - started) / CHANGES * 1e3
end

local function time_replacement(lists)
    local made = known.new()
    made:replace_all(lists)
    local started = perigee.now()
    local same = {}
    for name, list in pairs(lists) do
        same[name] = {}
        for i, one in ipairs(list) do
            same[name][i] = instance.decode(instance.encode(one))
        end
    end
    made:replace_all(same)
    return (perigee.now() - started) * 1e3
end

-- From the put until the watcher has it, etcd's own time included.
local function time_watch(opened)
    local watcher, times = opened:watch("service-7"), {}
    watcher:next()
    for i = 1, CHANGES do
        local one = put_of(record(7, 3, i + 1))
        local started = perigee.now()
        call("/v3/kv/put", one)
        watcher:next()
        times[i] = (perigee.now() - started) * 1e3
    end
    return median(times)
end

local function lists_of(opened)
    local lists = {}
    for _, name in ipairs(assert(opened:list())) do
        local list = {}
        for i, one in ipairs(assert(opened:instances(name))) do
            list[i] = one
        end
        lists[name] = list
    end
    return lists
end

fill()
local before = heap_mb()
local opened = registry.open(where)
assert(#assert(opened:instances("service-1")) == INSTANCES)
print(("\nregistry heap_mb %.2f"):format(heap_mb() - before))
print(("registry watch_ms %.4f"):format(time_watch(opened)))
local lists = lists_of(opened)
print(("registry change_ms %.4f"):format(time_changes(lists)))
print(("registry replace_ms %.2f"):format(time_replacement(lists)))
opened:close()
