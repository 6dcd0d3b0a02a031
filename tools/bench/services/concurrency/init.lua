-- The same programs as tools/bench/lib/concurrency.go: GET /concurrency/NAME runs one and answers
-- with nanoseconds for each thing done, or bytes.
local http = require "perigee.http"
local perigee = require "perigee"
local sync = require "perigee.sync"

local COUNT, TASK_COUNT, PARKED_COUNT = 1000000, 100000, 1000000

local programs = {}

local function measure(count, fn, ...)
    local started = perigee.now()
    fn(...)
    return (perigee.now() - started) / count * 1e9
end

function programs.ping_pong()
    local there, back = perigee.chan(), perigee.chan()
    perigee.go(function()
        for value in there do
            back:send(value)
        end
    end)
    local result = measure(COUNT, function()
        for i = 1, COUNT do
            there:send(i)
            back:recv()
        end
    end)
    there:close()
    return result
end

local function produce_and_consume(capacity)
    local channel = perigee.chan(capacity)
    return measure(COUNT, function()
        perigee.go(function()
            for i = 1, COUNT do
                channel:send(i)
            end
            channel:close()
        end)
        for _ in channel do
            -- The value is all there is to it.
        end
    end)
end

function programs.buffer_128()
    return produce_and_consume(128)
end

function programs.buffer_1024()
    return produce_and_consume(1024)
end

function programs.select()
    local cases = {}
    for i = 1, 4 do
        cases[i] = { perigee.chan(1), "recv" }
    end
    return measure(COUNT, function()
        for i = 1, COUNT do
            cases[3][1]:send(i)
            perigee.select(cases)
        end
    end)
end

function programs.mutex()
    local mutex = sync.mutex()
    return measure(COUNT, function()
        for _ = 1, COUNT do
            mutex:lock()
            mutex:unlock()
        end
    end)
end

function programs.mutex_1000_tasks()
    local mutex, group, count = sync.mutex(), sync.wait_group(), 0
    return measure(COUNT, function()
        for _ = 1, 1000 do
            group:go(function()
                for _ = 1, COUNT / 1000 do
                    mutex:lock()
                    count = count + 1
                    mutex:unlock()
                end
            end)
        end
        group:wait()
    end)
end

function programs.spawn_and_join()
    local group = sync.wait_group()
    local function finish()
        group:done()
    end
    return measure(TASK_COUNT, function()
        group:add(TASK_COUNT)
        for _ = 1, TASK_COUNT do
            perigee.go(finish)
        end
        group:wait()
    end)
end

function programs.parked()
    local channel = perigee.chan()
    local before = collectgarbage("count")
    for _ = 1, PARKED_COUNT do
        perigee.go(channel.recv, channel)
    end
    perigee.sleep(0)
    local size = (collectgarbage("count") - before) * 1024 / PARKED_COUNT
    channel:close()
    return size
end

local app = http.router()

app:get("/:name", function(request, response)
    local program = programs[request.params.name]
    if not program then
        return 404, { error = "there is no such program" }
    end
    response:text(("%.1f"):format(program()))
end)

return { http = app, limits = { memory = "4GB" } }
