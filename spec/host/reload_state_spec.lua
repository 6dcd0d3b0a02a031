--- State in memory crosses a reload by save() and start(saved), and nothing that was counted is
-- lost on the way.
local host = require "spec.support.host"
local json = require "perigee.json"
local perigee = require "perigee"
local together = require "spec.support.together"

-- Versions of one counter; each answers with its version and its count.
local function counter(version, more)
    return ([[
        local http = require "perigee.http"
        local count = 0
        local app = http.router()
        app:get("/", function() return { count = count, version = %d } end)
        app:post("/", function()
            count = count + 1
            return { count = count, version = %d }
        end)
        local service = {
            http = app,
            replicas = 1,
            start = function(saved) count = saved and saved.count or 0 end,
            save = function() return { count = count } end,
        }
        %s
        return service
    ]]):format(version, version, more or "")
end

for workers = 1, 2 do
    describe(("a counter, with %d worker(s),"):format(workers), function()
        local running

        before_each(function()
            running = host.start({ services = { ["counter.lua"] = counter(1) }, workers = workers,
                flags = { "--load-timeout", "2s" } })
        end)

        after_each(host.stop_all)

        local function add()
            return json.decode(running:post("/counter").body).count
        end

        local function wait_for_version(version)
            running:wait_until(function()
                return running:json("/counter").version == version
            end, "version " .. version .. " answers")
        end

        it("counts on in the next generation", function()
            assert.equal(1, add())
            assert.equal(2, add())
            running:write("counter.lua", counter(2))
            wait_for_version(2)
            assert.equal(3, add())
        end)

        it("loses no count under load while it is saved again and again", function()
            local client_count, is_over, total = 6, false, 0
            local seen = {}
            local function client()
                local connection = running:connect()
                while not is_over do
                    local answer = assert(connection:request({ method = "POST",
                        target = "/counter" }))
                    assert.equal(200, answer.status)
                    local count = json.decode(answer.body).count
                    assert.is_nil(seen[count])
                    seen[count] = true
                    total = total + 1
                end
                connection:close()
            end
            local clients = {}
            for i = 1, client_count do
                clients[i] = client
            end
            clients[#clients + 1] = function()
                for version = 2, 8 do
                    local before = total
                    running:write("counter.lua", counter(version))
                    wait_for_version(version)
                    running:wait_until(function() return total > before end, "the counting goes on")
                end
                is_over = true
            end
            together(clients)
            assert.equal(total, running:json("/counter").count)
        end)

        it("goes on in the old generation when the new one cannot start", function()
            add()
            running:write("counter.lua", counter(2, "service.start = function() error('no') end"))
            running:wait_for_log("reload failed, generation 1 stays: .*: no")
            assert.equal(2, add())
            running:write("counter.lua", counter(3))
            wait_for_version(3)
            assert.equal(3, add())
        end)

        it("goes on in the old generation when save() returns what cannot cross", function()
            running:write("counter.lua", counter(2, [[
                service.save = function() return { count = count, handler = print } end
            ]]))
            wait_for_version(2)
            add()
            running:write("counter.lua", counter(3))
            running:wait_for_log("reload failed, generation 2 stays: "
                .. "what save%(%) returned%.handler is a function, which cannot be copied")
            assert.equal(2, running:json("/counter").version)
            assert.equal(2, add())
        end)

        it("waits for a slow request of the old generation before it saves", function()
            running:write("counter.lua", counter(2, [[
                app:post("/slow", function()
                    require("perigee").sleep(0.1)
                    count = count + 1
                    return { count = count }
                end)
            ]]))
            wait_for_version(2)
            local slow
            perigee.go(function()
                slow = json.decode(running:post("/counter/slow").body).count
            end)
            running:wait_until(function()
                local count = 0
                for _, isolate in ipairs(running:service("counter").isolates) do
                    count = count + (isolate.in_flight or 0)
                end
                return count > 0
            end, "the slow request is in flight")
            running:write("counter.lua", counter(3))
            wait_for_version(3)
            assert.equal(1, slow)
            assert.equal(2, add())
        end)
    end)
end

describe("state that crosses", function()
    after_each(host.stop_all)

    it("is plain data of any shape, copied", function()
        local text = [[
            local state = { list = { 1, 2, { deep = "x\0y" } }, yes = true, [2.5] = -1 / 3 }
            return {
                http = function()
                    return ("%d %q %s %.17g"):format(#state.list, state.list[3].deep,
                        tostring(state.yes), state[2.5])
                end,
                start = function(saved) state = saved or state end,
                save = function() return state end,
            }
        ]]
        local running = host.start({ services = { ["a.lua"] = text } })
        local before = running:body("/a")
        assert.matches("^3 ", before)
        running:write("a.lua", text .. "-- again\n")
        running:wait_for_log("a  reloaded")
        assert.equal(before, running:body("/a"))
    end)

    it("is nil at the first start, and after a worker died", function()
        local running = host.start({ services = { ["a.lua"] = [[
            local came = "never started"
            return {
                http = function() return came end,
                start = function(saved) came = type(saved) end,
                save = function() return {} end,
            }
        ]] } })
        assert.equal("nil", running:body("/a"))
        running:signal(1)
        running:wait_for_body("/a", "table")
        assert(os.execute("kill -9 " .. running:status().workers[1].pid) == 0)
        running:wait_for_log("is restarted")
        running:wait_until(function()
            return running:status().workers[1].state == "serving"
        end, "the worker serves again")
        assert.equal("nil", running:body("/a"))
    end)
end)
