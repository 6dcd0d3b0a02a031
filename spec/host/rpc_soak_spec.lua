--- Clients in Go and bare connections in every protocol, which hang up whenever they like: in the
-- middle of a message, with calls in flight, with answers unread. Afterwards nothing may be left of
-- them. PERIGEE_SOAK_S is for how many seconds, 3 when it is left out; only a longer run says
-- something about memory.
local eventually = require "spec.support.eventually"
local go = require "spec.support.go"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local random = require "perigee.core.random"
local seam = require "host"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"

local SIGTERM = 15
local DEFAULT_S = 3
local BARE_COUNT, WORKER_COUNT = 12, 2

-- What a run of any length may add to both workers: each service keeps readers of the last thousand
-- connections of gob, and allocators keep what was once needed.
local MAX_GROWTH_KB = 16384

-- Connections between the workers that are kept for a while, at both ends.
local MAX_KEPT = 2 * 64

local duration_s = tonumber(os.getenv "PERIGEE_SOAK_S") or DEFAULT_S

-- The second service has its home in one worker, so half of its calls are sent on.
local SERVICE = [[
local perigee = require "perigee"

local methods = {}

function methods.Add(args)
    return args.A + args.B
end

function methods.Slow(args)
    perigee.sleep(args.A / 100000)
    return args.A + args.B
end

function methods.Fail()
    return nil, "as asked"
end

function methods.Hang()
    perigee.chan():recv()
    return nil, "as asked"
end

return { rpc = { %s = methods }, replicas = %s }
]]

-- Each begins a connection of its protocol with some calls.
local MESSAGES = {
    '{"method":"Calculator.Add","params":[{"A":1,"B":2}],"id":1}'
        .. '{"method":"Home.Hang","params":[0],"id":2}',
    '[{"jsonrpc":"2.0","method":"Home.Slow","params":{"A":900,"B":2},"id":1},'
        .. '{"jsonrpc":"2.0","method":"Calculator.Fail"},'
        .. '{"jsonrpc":"2.0","method":"Calculator.Hang","id":3}]',
    "\148\0\5\174Calculator.Add\145\130\161A\10\161B\5\148\0\6\169Home.Slow\145\130\161A\10\161B\5"
        .. "\147\2\175Calculator.Hang\144\148\0\7\175Calculator.Hang\144",
    "\47\255\129\3\1\1\7Request\1\255\130\0\1\2\1\13ServiceMethod\1\12\0\1\3Seq\1\6\0\0\0"
        .. "\19\255\130\1\14Calculator.Add\0\30\255\131\3\1\1\4Args\1\255\132\0\1\2\1\1A\1\4\0"
        .. "\1\1B\1\4\0\0\0\7\255\132\1\20\1\10\0\21\255\130\1\14Calculator.Add\1\1\0"
        .. "\7\255\132\1\20\1\9\0",
    "CONNECT /_goRPC_ HTTP/1.0\n\n",
    "\0nothing that anybody speaks",
}

local function pause()
    perigee.sleep((random.below(8) - 1) / 1000)
end

-- Sends `bytes` in pieces, perhaps not all of them.
local function send_pieces(peer, bytes)
    local size, position = random.below(2 * #bytes), 1
    while position <= #bytes and position <= size do
        local piece = random.below(#bytes)
        if not peer:post(bytes:sub(position, math.min(position + piece - 1, size))) then
            return
        end
        position = position + piece
        pause()
    end
end

local function visit(address)
    local peer = assert(stream.connect(address))
    for _ = 1, random.below(3) do
        send_pieces(peer, MESSAGES[random.below(#MESSAGES)])
    end
    if random.below(3) == 1 then
        peer:shutdown()
    end
    if random.below(2) == 1 then
        peer:read(perigee.now() + random.below(10) / 1000)
    end
    peer:close()
end

local function visit_until(address, ends)
    while perigee.now() < ends do
        visit(address)
    end
end

local function resident_kb(pid)
    local file = assert(io.open(("/proc/%d/status"):format(pid)))
    local text = file:read("*a")
    file:close()
    return tonumber(text:match("VmRSS:%s*(%d+)"))
end

local function count_tasks(status)
    local tasks, in_flight = 0, 0
    for _, service in ipairs(status.services) do
        for _, isolate in ipairs(service.isolates) do
            tasks, in_flight = tasks + isolate.tasks, in_flight + isolate.in_flight
        end
    end
    return tasks, in_flight
end

local function count_connections(status)
    local count = 0
    for _, worker in ipairs(status.workers) do
        count = count + worker.rpc.connections
    end
    return count
end

-- What is left once all clients have gone.
local function take_stock(running)
    local status
    eventually(function()
        status = running:status()
        return count_connections(status) == 0
    end, "no connection is left")
    eventually(function()
        status = running:status()
        return select(2, count_tasks(status)) == 0
    end, "no call is in flight")
    local stock = { tasks = count_tasks(status), descriptors = 0, resident_kb = 0 }
    for _, worker in ipairs(status.workers) do
        assert.equal(0, worker.restarts)
        stock.descriptors = stock.descriptors
            + #seam.list_directory(("/proc/%d/fd"):format(worker.pid))
        stock.resident_kb = stock.resident_kb + resident_kb(worker.pid)
    end
    return stock
end

describe("clients that hang up", function()
    local root, running, client

    before_each(function()
        random.seed(1)
        root = temporary.new()
        -- JSON is answered also when its client says no more, so what hangs there ends by time.
        running = host.start({
            workers = WORKER_COUNT,
            flags = { "--rpc-timeout", "1s" },
            services = {
                ["calculator.lua"] = SERVICE:format("Calculator", '"worker"'),
                ["home.lua"] = SERVICE:format("Home", 1),
            },
        })
        client = go.build(root, "calculator/soak.go", running.rpc:match("%d+$"))
    end)

    after_each(function()
        host.stop_all()
        root:destroy()
    end)

    local function disturb(seconds)
        local load = program.start({}, { file = client })
        eventually(function()
            return load.output:find("under way", 1, true)
        end, "the clients in Go are under way")
        local ends, visits = perigee.now() + seconds, {}
        for i = 1, BARE_COUNT do
            visits[i] = perigee.go(visit_until, running.rpc, ends)
        end
        for _, task in ipairs(visits) do
            assert(task:join())
        end
        load:signal(SIGTERM)
        assert.equal(0, load:wait())
        assert.equal("under way\nfailures 0 enough of both: true\n", load.output)
    end

    it("leave nothing behind", function()
        disturb(duration_s / 3)
        local before = take_stock(running)
        disturb(duration_s * 2 / 3)
        local after = take_stock(running)
        assert.equal(before.tasks, after.tasks)
        assert.is_true(after.descriptors <= before.descriptors + MAX_KEPT,
            ("%d descriptors, and %d before"):format(after.descriptors, before.descriptors))
        if duration_s > DEFAULT_S then
            assert.is_true(after.resident_kb - before.resident_kb < MAX_GROWTH_KB,
                ("it grew from %d to %d KB"):format(before.resident_kb, after.resident_kb))
        end
    end)
end)
