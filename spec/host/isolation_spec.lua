--- Services share a worker and nothing else: not the processor, not the memory, not a variable.
local host = require "spec.support.host"
local perigee = require "perigee"

local NEIGHBOUR = [[return { http = function() return "fine" end }]]

describe("a service", function()
    after_each(host.stop_all)

    local function start(services, ...)
        services["neighbour.lua"] = NEIGHBOUR
        return host.start({ services = services, flags = { ... } })
    end

    it("that loops for ever leaves its neighbours answering", function()
        local running = start({ ["busy.lua"] = [[
            return { http = function() while true do end end }
        ]] })
        local peer = running:open()
        peer:write("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n")
        running:wait_until(function()
            return running:service("busy").isolates[1].cuts > 0
        end, "the loop is cut")
        for _ = 1, 20 do
            assert.equal("fine", running:body("/neighbour"))
        end
        peer:close()
    end)

    it("that rests gives back what it does not need any more, without being asked", function()
        local running = start({ ["big.lua"] = [[
            return { http = function(request)
                local list = {}
                for i = 1, tonumber(request.path:match("%d+")) do
                    list[i] = { i }
                end
                return tostring(collectgarbage "count" * 1024)
            end }
        ]] })
        -- Of so many sizes some end in the middle of a cycle of the collector, which keeps what it
        -- has marked. The garbage of many requests brings the next cycle: it has to come without.
        for count = 60000, 150000, 5000 do
            local peak, request_count = tonumber(running:body("/big/" .. count)), 0
            assert.is_true(peak > 5e6)
            running:wait_until(function()
                request_count = request_count + 1
                return tonumber(running:body("/big/0")) < peak / 5
            end, "the heap is small again")
            assert.is_true(request_count < 1500, request_count .. " requests")
        end
    end)

    it("that loops inside pcall and inside its own coroutine leaves them answering too", function()
        local running = start({ ["busy.lua"] = [[
            local function loop() while true do end end
            return { http = function(request)
                if request.path == "/busy/pcall" then
                    while true do pcall(loop) end
                end
                coroutine.wrap(loop)()
            end }
        ]] })
        for _, path in ipairs({ "/busy/pcall", "/busy/coroutine" }) do
            local peer = running:open()
            peer:write(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n"):format(path))
            for _ = 1, 5 do
                assert.equal("fine", running:body("/neighbour"))
            end
            peer:close()
        end
    end)

    it("that computes for long comes to its end, a slice at a time", function()
        local running = start({ ["sum.lua"] = [[
            return { http = function()
                local sum = 0
                for i = 1, 1e8 do sum = sum + i % 7 end
                return tostring(sum)
            end }
        ]] }, "--cpu-budget", "0")
        local sum
        perigee.go(function()
            sum = running:body("/sum")
        end)
        for _ = 1, 10 do
            assert.equal("fine", running:body("/neighbour"))
        end
        running:wait_until(function()
            return sum
        end, "the sum is there")
        assert.equal("299999997", sum)
    end)

    it("that loops while it loads fails at the load timeout; the host starts without it", function()
        local running = start({ ["hangs.lua"] = "while true do end" }, "--load-timeout", "300ms")
        assert.matches("hangs +%S+ +FAILED: did not finish loading within 0%.3 s", running:table())
        assert.equal("fine", running:body("/neighbour"))
    end)

    it("that waits for ever while it loads fails at the load timeout", function()
        local running = start({ ["waits.lua"] = [[require("perigee").sleep(1e6) return {}]] },
            "--load-timeout", "300ms")
        assert.matches("waits +%S+ +FAILED: did not finish loading within 0%.3 s", running:table())
        assert.equal("fine", running:body("/neighbour"))
    end)

    it("may wait while it loads, and its neighbours do not wait for it", function()
        local running = start({ ["patient.lua"] = [[
            local perigee = require "perigee"
            perigee.sleep(0.05)
            return { http = function() return "ready" end }
        ]] })
        assert.equal("ready", running:body("/patient"))
    end)

    it("with a large heap does not hold up the others when it is asked for its status", function()
        local running = start({ ["large.lua"] = [[
            local kept = {}
            for i = 1, 700000 do kept[i] = { i } end
            return { http = function() return tostring(#kept) end }
        ]], ["clock.lua"] = [[
            local clock = require("perigee").tick(0.05)
            return { http = function() clock.channel:recv() return "tick" end }
        ]] }, "--memory", "512MB")
        local function busy_s()
            return running:service("large").isolates[1].busy_s
        end
        -- What a status costs, with what is done behind it. Others use the machine, too, so the
        -- least counts. A full collection would take 50 ms and more.
        local least = math.huge
        for _ = 1, 6 do
            local before = busy_s()
            for _ = 1, 3 do
                running:body("/clock")
            end
            least = math.min(least, busy_s() - before)
        end
        assert.is_true(least < 0.025, ("%g s"):format(least))
    end)

    it("that takes too much memory has its task ended, and is named in the log", function()
        local running = start({ ["hog.lua"] = [[
            return { http = function(request)
                if request.path ~= "/hog/eat" then
                    return "light"
                end
                local eaten = {}
                while true do
                    eaten[#eaten + 1] = ("x"):rep(1000) .. #eaten
                end
            end }
        ]] }, "--memory", "8MB")
        assert.equal(503, running:get("/hog/eat").status)
        local line = running:wait_for_log("memory")
        assert.matches(" ERROR hog  ", line)
        -- Where the end of the task did not free enough, the isolate was replaced meanwhile.
        running:wait_for_body("/hog", "light")
        assert.equal("fine", running:body("/neighbour"))
        assert.equal(0, running:status().workers[1].restarts)
    end)

    it("may set a memory limit of its own, lower or higher than the host's", function()
        local eater = [[
            return {
                http = function()
                    local eaten = {}
                    for i = 1, 4000 do
                        eaten[i] = ("x"):rep(4000) .. i
                    end
                    return "eaten"
                end,
                limits = { memory = "%s" },
            }
        ]]
        local running = start({
            ["modest.lua"] = eater:format("4MB"),
            ["greedy.lua"] = eater:format("100MB"),
            ["usual.lua"] = eater:gsub("limits = .-}", ""),
        }, "--memory", "8MB")
        assert.equal(503, running:get("/modest").status)
        assert.equal(503, running:get("/usual").status)
        assert.equal("eaten", running:body("/greedy"))
    end)

    it("that asks for one huge piece of memory gets an error it can handle", function()
        local running = start({ ["huge.lua"] = [[
            return { http = function()
                local is_ok, message = pcall(string.rep, "x", 1e8)
                return tostring(is_ok) .. " " .. tostring(message)
            end }
        ]] }, "--memory", "8MB")
        assert.equal("false not enough memory", running:body("/huge"))
        assert.equal("fine", running:body("/neighbour"))
    end)

    it("shares no globals, no string methods and no metatables with another", function()
        local running = start({
            ["writes.lua"] = [[
                rawset(_G, "shared", "seen")
                rawset(string, "shared", "seen")
                table.shared = "seen"
                return {}
            ]],
            ["xreads.lua"] = [[
                return { http = function()
                    return tostring(rawget(_G, "shared")) .. tostring(rawget(string, "shared"))
                        .. tostring(("").shared) .. tostring(rawget(table, "shared"))
                end }
            ]],
        })
        assert.equal("nilnilnilnil", running:body("/xreads"))
    end)

    it("that forgets `local` is told so", function()
        local running = start({ ["careless.lua"] = [[
            return { http = function()
                count = 1
                return "set"
            end }
        ]] })
        assert.equal(500, running:get("/careless").status)
        running:wait_for_log("careless%.lua:2: assignment to the undeclared global 'count'")
    end)

    it("finds nothing in its sandbox that leads out of it", function()
        local running = start({ ["curious.lua"] = [[
            local found = {}
            for _, name in ipairs { "io", "ffi", "debug", "jit", "package", "dofile", "loadfile",
                "loadstring", "module", "setfenv", "getfenv", "newproxy", "gcinfo" } do
                if rawget(_G, name) ~= nil then
                    found[#found + 1] = name
                end
            end
            for name in pairs(os) do
                found[#found + 1] = "os." .. name
            end
            if string.dump then
                found[#found + 1] = "string.dump"
            end
            for _, name in ipairs { "ffi", "jit", "debug", "io", "host", "os", "perigee.core.scheduler",
                "perigee.core.stream", "perigee.log.secret", "jit.util", "string.buffer", "cjson" } do
                if pcall(require, name) then
                    found[#found + 1] = "require " .. name
                end
            end
            table.sort(found)
            return { http = function() return table.concat(found, " ") end }
        ]] })
        assert.equal("os.clock os.date os.difftime os.getenv os.time", running:body("/curious"))
    end)

    it("cannot load bytecode, nor reach the metatable of strings", function()
        local bytecode = string.dump(function() end):gsub(".", function(byte)
            return ("\\%03d"):format(byte:byte())
        end)
        local running = start({ ["curious.lua"] = ([[
            local chunk, message = load("%s")
            return { http = function()
                return tostring(chunk) .. " " .. tostring(message) .. " "
                    .. tostring(getmetatable("")) .. " " .. tostring(getmetatable(_G))
            end }
        ]]):format(bytecode) })
        assert.matches("^nil .+ false false$", running:body("/curious"))
    end)

    it("whose script is bytecode is refused", function()
        local running = start({ ["bytecode.lua"] = string.dump(loadstring("return {}")) })
        assert.matches("bytecode +%S+ +FAILED: .*", running:table())
    end)
end)
