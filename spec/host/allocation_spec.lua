--- What happens when memory is refused, at every single place where it can be: an error for whoever
-- asked, and nothing else. Nothing is left open, and everything works afterwards.
local authority = require "spec.support.authority"
local copy = require "perigee.core.copy"
local event = require "perigee.core.event"
local frame = require "perigee.core.frame"
local generation = require "perigee.worker.generation"
local perigee = require "perigee"
local policy = require "perigee.service.policy"
local scheduler = require "perigee.core.scheduler"
local seam = require "host"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"

local MOST_ALLOCATIONS = 2000

-- For what always comes, on a machine that is as busy as it may be.
local TIMEOUT_S = 60

local certificate -- options of host.check_tls, made once

local function refused_count()
    return seam.isolate_counters(seam.handle()).refused
end

-- Calls fn with its first allocation refused, then its second, until it has no more. Returns how
-- many it had.
local function refuse_each(fn)
    for n = 1, MOST_ALLOCATIONS do
        local before = refused_count()
        seam.fail_allocation(n)
        pcall(fn)
        seam.fail_allocation(0)
        if refused_count() == before then
            return n - 1
        end
    end
    error("there is no end of allocations")
end

local function descriptor_count()
    collectgarbage()
    collectgarbage()
    return #seam.list_directory("/proc/self/fd")
end

-- What the seam offers that is safe to call here, each undone by what it returns.
local CALLS = {
    arguments = function() seam.arguments() end,
    check_tls = function() seam.check_tls(certificate) end,
    deflate_open = function()
        local packed = seam.deflate_open(6)
        packed:write(("bytes"):rep(1000), "flush")
        packed:close()
    end,
    folder_open = function()
        local folder = seam.folder_open("lua", "spec")
        local file = folder:open_file("json_spec.lua")
        file:read(0, 100)
        file:close()
        folder:close()
    end,
    file_info = function() seam.file_info("/") end,
    isolate_counters = function() seam.isolate_counters(seam.handle()) end,
    isolate_open = function()
        local handle = seam.isolate_open({ name = "x", entry = "perigee.core.frame" })
        seam.isolate_close(handle)
    end,
    isolate_open_missing = function()
        assert(not seam.isolate_open({ name = "x", entry = "perigee.no_such_module" }))
    end,
    library = function() seam.library("table.new") end,
    list_directory = function() seam.list_directory("/proc") end,
    listen = function()
        local descriptors = seam.listen("127.0.0.1:0", 3)
        for _, descriptor in ipairs(descriptors) do
            seam.close_descriptor(descriptor)
        end
    end,
    load_module = function() seam.load_module("perigee.core.frame") end,
    program_path = function() seam.program_path() end,
    pulse_create = function()
        local pulse = seam.pulse_create()
        pulse:read()
        pulse:close()
    end,
    random_id = function() seam.random_id() end,
    read_file = function() seam.read_file("README.md", 1000000) end,
    real_path = function() seam.real_path("/proc/self") end,
    set_mounts = function() seam.set_mounts({ { "/", 1 }, { "/a", 1 } }) end,
    spawn = function()
        seam.spawn({ arguments = { "/bin/true" }, descriptors = { -1, -1, -1 } })
    end,
    stream_pair = function()
        local box, descriptor = seam.stream_pair()
        seam.close_descriptor(descriptor)
        box:close()
    end,
    version = function() seam.version() end,
    watch_directory = function() seam.unwatch(seam.watch_directory("/tmp")) end,
}

describe("refused memory", function()
    -- As for services: where their loops cannot be interrupted they run without the compiler, and
    -- that LuaJIT crashes when memory is refused in compiled code.
    setup(function()
        if not seam.is_preemptive() then
            jit.off()
        end
        local root = temporary.new()
        authority.new(root):make("a", "DNS:a.test")
        certificate = { ticket_key = ("k"):rep(80), pairs = { { chain = root:read("a.pem"),
            chain_name = "a.pem", key = root:read("a.key"), key_name = "a.key" } } }
        assert(seam.check_tls(certificate))
        root:destroy()
    end)

    teardown(function()
        jit.on()
    end)

    for name, call in pairs(CALLS) do
        it("in the seam's " .. name .. " leaves nothing open", function()
            -- The first call may open something that stays, such as the loop's one inotify
            -- descriptor.
            call()
            local before = descriptor_count()
            refuse_each(call)
            call()
            assert.equal(before, descriptor_count())
        end)
    end

    describe("in the scheduler's", function()
        -- A task that waits and is woken, which is all that a scheduler is for.
        local function prove_it_works()
            local is_done = false
            local task = scheduler.current()
            local wait_id = task.wait_id
            scheduler.spawn(function()
                perigee.sleep(0.001)
                is_done = true
                scheduler.wake(task, wait_id, true)
            end)
            scheduler.wait(perigee.now() + TIMEOUT_S)
            assert.is_true(is_done)
        end

        it("spawn starts the task or does not", function()
            local started, ended = 0, 0
            local live = scheduler.live_count()
            refuse_each(function()
                -- More than the queue had room for.
                for _ = 1, 40 do
                    scheduler.spawn(function() ended = ended + 1 end)
                    started = started + 1
                end
            end)
            perigee.sleep(0.001)
            assert.equal(started, ended)
            assert.equal(live, scheduler.live_count())
            prove_it_works()
        end)

        it("wait, with a deadline, waits or raises", function()
            refuse_each(function() scheduler.wait(perigee.now() + 0.0001) end)
            prove_it_works()
        end)

        it("wait_event can be called again for the same event", function()
            local box, descriptor = seam.stream_pair()
            local function wait()
                return scheduler.wait_event(event.READABLE, box:id(), perigee.now() + 0.0001)
            end
            refuse_each(wait)
            local is_ok, code = wait()
            assert.is_nil(is_ok)
            assert.equal("timeout", code)
            seam.close_descriptor(descriptor)
            box:close()
            prove_it_works()
        end)

        it("wake wakes or raises, and then a second one wakes", function()
            refuse_each(function()
                local tasks, woken = {}, 0
                for i = 1, 40 do
                    tasks[i] = scheduler.spawn(function()
                        if scheduler.wait() then
                            woken = woken + 1
                        end
                    end)
                end
                perigee.sleep(0)
                for _, task in ipairs(tasks) do
                    while not pcall(scheduler.wake, task, 0, true) do
                        seam.fail_allocation(0)
                    end
                end
                perigee.sleep(0)
                assert(woken == 40)
            end)
            prove_it_works()
        end)

        it("at and cancel_timer keep the timers in order", function()
            local is_fired = false
            local function fire()
                is_fired = true
            end
            refuse_each(function()
                local timers = {}
                for i = 1, 20 do
                    timers[i] = scheduler.at(perigee.now() + 1e6 + i, fire)
                end
                for _, timer in ipairs(timers) do
                    scheduler.cancel_timer(timer)
                end
            end)
            prove_it_works()
            assert.is_false(is_fired)
        end)

        it("coroutines for scripts wait or raise", function()
            local coroutines = require "perigee.core.script_coroutines"
            refuse_each(function()
                local step = coroutines.wrap(function()
                    perigee.sleep(0.0001)
                    coroutines.yield(1)
                    return 2
                end)
                assert(step() == 1)
                assert(step() == 2)
            end)
            prove_it_works()
        end)
    end)

    it("in perigee.go starts the task or does not", function()
        local started, ended = 0, 0
        refuse_each(function()
            perigee.go(function(_, _, _, d) ended = ended + d end, 1, 2, 3, 1)
            started = started + 1
        end)
        perigee.sleep(0.001)
        assert.is_true(ended >= started)
    end)

    it("in a copy gives an error or the whole copy", function()
        local value = { list = {}, deep = { deep = { deep = "x" } } }
        for i = 1, 100 do
            value.list[i] = ("item"):rep(i)
        end
        refuse_each(function()
            local bytes = assert(copy.encode(value))
            assert.same(value, copy.decode(bytes))
        end)
        assert.same(value, copy.decode((copy.encode(value))))
    end)

    it("in a frame gives an error or the whole frame", function()
        refuse_each(function()
            local decoder = frame.decoder()
            local bytes = frame.encode(("x"):rep(10000))
            decoder:push(bytes:sub(1, 5000))
            decoder:push(bytes:sub(5001))
            assert(decoder:next() == ("x"):rep(10000))
        end)
    end)

    describe("in a service", function()
        local SCRIPT = [[
            local http = require "perigee.http"
            local list = {}
            for i = 1, 50 do
                list[i] = ("item"):rep(i)
            end
            local app = http.router()
            app:get("/:name", function(request) return request.params.name end)
            return { http = app, save = function() return list end }
        ]]
        local STEP_SIZE, MOST_EXTRA_SIZE = 997, 4 * 1024 * 1024

        local broken

        setup(function()
            scheduler.on_event(event.MESSAGE, function(handle, _, bytes)
                local one = generation.find(handle)
                if one then
                    one.peer:receive(bytes)
                end
            end)
            scheduler.on_event(event.BROKEN, function(_, _, message)
                broken = message
            end)
        end)

        -- Loads the script and asks for its state with so many bytes more than an empty isolate
        -- has.
        local function try(extra_size)
            local one = assert(generation.open({ service = "small", number = 1, path = "small.lua",
                memory_size = 1e9 }))
            local size = seam.isolate_counters(one.handle).heap_size
            seam.isolate_limit(one.handle, 0, size + extra_size)
            local manifest, code, detail = one:call("load", { name = "small", source = SCRIPT,
                chunk = "small.lua", settings = { log = { level = "error", format = "text" },
                    calls = {}, slow_wait_s = 0, shed_s = 0, trace = {} },
                policy = policy.of({ services = {}, grants = {} }, "small") }, TIMEOUT_S)
            local saved
            if manifest then
                saved, code, detail = one:call("save", nil, TIMEOUT_S)
            end
            -- The limit is not what it must be able to live with for ever.
            seam.isolate_limit(one.handle, 0, 0)
            local status = one:call("status", nil, TIMEOUT_S)
            one:close("the spec is done")
            return saved, code, detail, status
        end

        it("is an error to its worker, which is answered whatever happened", function()
            local extra_size = 0
            local saved, code, detail, status
            repeat
                saved, code, detail, status = try(extra_size)
                assert.is_nil(broken)
                assert.is_table(status)
                if not saved then
                    assert.equal("failed", code)
                    assert.is_string(detail)
                end
                extra_size = extra_size + STEP_SIZE
                assert.is_true(extra_size < MOST_EXTRA_SIZE, detail)
            until saved
            assert.is_true(extra_size > 20 * STEP_SIZE)
        end)
    end)

    it("in a stream's reading and writing leaves both possible", function()
        local one, descriptor = stream.pair()
        local other = stream.adopt(descriptor)
        refuse_each(function()
            one:write(("x"):rep(10000))
            -- Short, because a write that was refused has sent nothing.
            other:read(perigee.now() + 0.01)
        end)
        while other:read(perigee.now() + 0.01) do
            -- What was written and not read.
        end
        one:write("the end")
        assert.equal("the end", other:read(perigee.now() + TIMEOUT_S))
        one:close()
        other:close()
    end)
end)
