--- perigee.shared between workers: what one stores the others see, whatever becomes of it.
local client = require "perigee.http.client"
local host = require "spec.support.host"
local program = require "spec.support.program"
local seam = require "host"
local together = require "spec.support.together"

local SERVICE = [[
local http = require "perigee.http"
local shared = require "perigee.shared"
local VERSION = %d
local hits = shared.counter("hits")
local dict = assert(shared.dict("dict", { entries = 4, value_size = 32 }))
local lru = assert(shared.dict("lru", { entries = 2, value_size = 32, evict = true }))
local app = http.router()
app:get("/version", function() return tostring(VERSION) end)
app:get("/hits", function() return tostring(hits:get()) end)
app:post("/hits", function()
    hits:add(1)
    return tostring(dict:add("sum", 1))
end)
app:post("/burst", function()
    for _ = 1, 50000 do
        hits:add(1)
        dict:add("burst", 1LL)
    end
    return "done"
end)
app:get("/dict/:key", function(request)
    return tostring((dict:get(request.params.key)))
end)
app:post("/dict/:key", function(request)
    local is_stored, code = dict:set(request.params.key, request:body(),
        tonumber(request.query.ttl))
    return tostring(is_stored) .. " " .. tostring(code)
end)
app:post("/lru/:key", function(request)
    return tostring((lru:set(request.params.key, request:body())))
end)
app:post("/winner", function()
    return tostring(dict:set_if_absent("winner", true))
end)
app:post("/raise", function()
    -- An addition by cas, over and over until nobody came between.
    dict:set_if_absent("raised", 0)
    local value
    repeat
        value = dict:get("raised")
    until dict:cas("raised", value, value + 1)
    return "raised"
end)
return { http = app }
]]

local function start(options)
    options = options or {}
    options.services = options.services or { ["service.lua"] = SERVICE:format(1) }
    options.workers = options.workers or 2
    return host.start(options)
end

describe("shared memory", function()
    after_each(host.stop_all)

    -- Many requests on connections of their own, so that both workers get some.
    local function post_often(running, target, client_count, request_count)
        local answers, clients = {}, {}
        for i = 1, client_count do
            clients[i] = function()
                for _ = 1, request_count do
                    local answer = running:post(target, "")
                    assert.equal(200, answer.status)
                    answers[#answers + 1] = answer.body
                end
            end
        end
        together(clients)
        return answers
    end

    local function requests_of(running)
        local counts = {}
        for i, worker in ipairs(running:status().workers) do
            counts[i] = worker.http.requests
        end
        return counts
    end

    local function object_of(running, name)
        for _, object in ipairs(running:status().shared_memory.objects) do
            if object.name == name then
                return object
            end
        end
    end

    it("makes the sums of two workers exact", function()
        local running = start()
        local answers = post_often(running, "/service/hits", 8, 50)
        local counts = requests_of(running)
        assert.is_true(counts[1] > 0 and counts[2] > 0)
        assert.equal("400", running:body("/service/hits"))
        assert.equal("400", running:body("/service/dict/sum"))
        -- Each sum was told once.
        local seen = {}
        for _, answer in ipairs(answers) do
            assert.is_nil(seen[answer])
            seen[answer] = true
        end
        post_often(running, "/service/raise", 8, 25)
        assert.equal("200", running:body("/service/dict/raised"))
    end)

    it("loses no count of two workers that add at the same moment", function()
        local running = start()
        post_often(running, "/service/burst", 8, 2)
        assert.equal("800000", running:body("/service/hits"))
        assert.equal("800000LL", running:body("/service/dict/burst"))
    end)

    it("lets one of many set what is absent", function()
        local running = start()
        local winners = 0
        for _, answer in ipairs(post_often(running, "/service/winner", 8, 10)) do
            winners = winners + (answer == "true" and 1 or 0)
        end
        assert.equal(1, winners)
    end)

    it("survives a reload", function()
        local running = start()
        post_often(running, "/service/hits", 4, 5)
        running:post("/service/dict/key", "kept")
        running:write("service.lua", SERVICE:format(2))
        running:wait_for_body("/service/version", "2")
        assert.equal("20", running:body("/service/hits"))
        assert.equal("kept", running:body("/service/dict/key"))
    end)

    it("survives its workers, killed under load", function()
        local running = start()
        running:post("/service/dict/key", "kept")
        local is_over, answered, asked = false, 0, 0
        local function hammer()
            while not is_over do
                asked = asked + 1
                local answer = client.request({ address = running.http, method = "POST",
                    target = "/service/hits", timeout_s = 20 })
                if answer and answer.status == 200 then
                    answered = answered + 1
                end
            end
        end
        together({ hammer, hammer, hammer, hammer, function()
            for slot = 1, 2 do
                local pid = running:status().workers[slot].pid
                assert(os.execute("kill -9 " .. pid) == 0)
                running:wait_until(function()
                    local worker = running:status().workers[slot]
                    return worker.state == "serving" and worker.pid ~= pid
                end, "worker " .. slot .. " serves again")
            end
            is_over = true
        end })
        assert.equal("kept", running:body("/service/dict/key"))
        -- A request without an answer may have counted.
        local count = tonumber(running:body("/service/hits"))
        assert.is_true(answered > 0 and count >= answered and count <= asked)
        local sum = tonumber(running:body("/service/dict/sum"))
        assert.is_true(sum >= answered and sum <= count)
    end)

    it("lets what has expired go in every worker", function()
        local running = start()
        assert.equal("true nil", running:post("/service/dict/key?ttl=0.05", "brief").body)
        running:wait_for_body("/service/dict/key", "nil")
    end)

    it("refuses past the capacity, or makes room, and counts both", function()
        local running = start()
        for i = 1, 4 do
            assert.equal("true nil", running:post("/service/dict/" .. i, "x").body)
        end
        assert.equal("nil full", running:post("/service/dict/5", "x").body)
        assert.equal("nil too_large", running:post("/service/dict/1", ("x"):rep(33)).body)
        for i = 1, 3 do
            assert.equal("true", running:post("/service/lru/" .. i, "x").body)
        end
        local dict, lru = object_of(running, "dict"), object_of(running, "lru")
        assert.equal(1, dict.refusals)
        assert.equal(0, dict.evictions)
        assert.equal(0, lru.refusals)
        assert.equal(1, lru.evictions)
        local memory = running:status().shared_memory
        assert.equal(16 * 1024 * 1024, memory.total_size)
        assert.is_true(memory.used_size > dict.size + lru.size)
        assert.equal(1, memory.refusals)
        assert.equal(1, memory.evictions)
        local _, output = program.run({ "status", "--admin", running.admin })
        assert.matches("shared memory: %d+ of 16384 KB used by 3 objects, 1 evictions, 1 refusals",
            output)
    end)

    it("is of the size that was asked for", function()
        local running = start({ environment = { PERIGEE_SHARED_MEMORY = "1MB" } })
        assert.equal(1024 * 1024, running:status().shared_memory.total_size)
    end)

    it("says what to do when there is none", function()
        local running = start({ flags = { "--shared-memory", "0" }, services = {
            ["service.lua"] = SERVICE:format(1),
            ["fine.lua"] = [[return { http = function() return "fine" end }]],
        } })
        assert.equal("fine", running:body("/fine"))
        local message = running:service("service").last_error.message
        assert.matches("service.lua:4: shared.counter needs shared memory, and this host has none: "
            .. "start it with %-%-shared%-memory", message)
        assert.equal(0, running:status().shared_memory.total_size)
    end)

    it("keeps the old generation when the new one wants another shape", function()
        local running = start()
        running:write("service.lua", (SERVICE:format(2):gsub("entries = 4", "entries = 5")))
        running:wait_until(function()
            return running:service("service").failures == 1
        end, "the reload has failed")
        assert.matches("service.lua:5: shared.dict: 'dict' is a dictionary of entries = 4, ",
            running:service("service").last_error.message)
        assert.equal("1", running:body("/service/version"))
    end)

    it("is there for perigee check", function()
        local running = start()
        local status, output = program.run({ "check", running.directory })
        assert.equal(0, status)
        assert.matches("ok .*service.lua", output)
        status, output = program.run({ "check", running.directory, "--shared-memory", "0" })
        assert.equal(1, status)
        assert.matches("needs shared memory", output)
    end)

    -- Specs have it from `perigee test`.
    it("is one for each process", function()
        local size = 1024 * 1024
        assert.same({ nil, "exists" }, { seam.shared_memory_create(size) })
        assert.same({ nil, "exists" }, { seam.shared_memory_map(0, size) })
        assert.has_error(function() seam.shared_memory_create(1024) end)
        assert.has_error(function() seam.shared_memory_create(0 / 0) end)
        assert.has_error(function() seam.shared_memory_map(0, 1024) end)
        assert.same({ nil, "not_found" }, { seam.shared_object("never made") })
        assert.same({ nil, "not_found" }, { seam.shared_object(-1) })
        assert.same({ nil, "not_found" }, { seam.shared_object(2 ^ 31 - 1) })
    end)

    it("refuses numbers that are no object's", function()
        local dict = assert(seam.shared_dict("numbers",
            { entries = 1, value_size = 8, key_size = 8 }))
        local counter = assert(seam.shared_counter("numbers too"))
        for _, number in ipairs({ counter, -1, 2 ^ 32 - 1, 0 / 0, 1e300 }) do
            assert.has_error(function() seam.shared_dict_get(number, "key") end)
            assert.has_error(function() seam.shared_dict_keys(number, 0) end)
        end
        for _, number in ipairs({ dict, -1, 2 ^ 32 - 1, 0 / 0, 1e300 }) do
            assert.has_error(function() seam.shared_counter_add(number, 1) end)
        end
        for _, value in ipairs({ 1ULL, {}, print }) do
            assert.has_error(function() seam.shared_dict_set(dict, "key", value) end)
        end
        assert.has_error(function() seam.shared_dict_set(dict, "key", nil) end)
        assert.has_error(function() seam.shared_dict_set(dict, "key", 1, 0) end)
        assert.same({}, seam.shared_dict_keys(dict, 2 ^ 32 - 1))
    end)

    it("has a least size", function()
        local status, _, log = program.run({ "serve", ".", "--shared-memory", "1KB" })
        assert.equal(2, status)
        assert.matches("%-%-shared%-memory must be from 256KB to 4095MB, or 0, got '1KB'", log)
    end)
end)
