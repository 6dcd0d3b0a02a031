local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local SIGUSR1, SIGSTOP, SIGCONT = 10, 19, 18

describe("the log", function()
    after_each(host.stop_all)

    local function start(text, ...)
        return host.start({ services = { ["talker.lua"] = text }, flags = { ... } })
    end

    it("has what a service prints, with its name", function()
        local running = start([[
            print("loaded", 1, nil, true)
            return { http = function(request) print("asked for " .. request.path) return "" end }
        ]])
        running:wait_for_log("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ INFO  talker  "
            .. "loaded\t1\tnil\ttrue$")
        running:body("/talker/a")
        running:wait_for_log(" INFO  talker  asked for /talker/a")
    end)

    it("has what a service says by perigee.log, with fields, from the level asked for", function()
        local running = start([[
            local log = require "perigee.log"
            log.debug("unheard")
            log.warn("careful", { left = 3, who = "a b" })
            log.error("broken")
            log.with({ customer = 7, step = 1 }).with({ step = 2 }).warn("paid", { order = 12 })
            return {}
        ]], "--log-level", "warn")
        running:wait_for_log(' WARN  talker  careful  left=3  who="a b"$')
        running:wait_for_log(" ERROR talker  broken$")
        running:wait_for_log(" WARN  talker  paid  customer=7  order=12  step=2$")
        assert.not_matches("unheard", running:log())
        assert.not_matches("INFO", running:log())
    end)

    it("is JSON when asked for", function()
        local running = start([[
            print("two\nlines")
            require("perigee.log").info("typed", { n = 1.5, yes = true, level = "x", t = {} })
            return {}
        ]], "--log-format", "json")
        local event = json.decode(running:wait_for_log("two"))
        assert.equal("two\nlines", event.message)
        assert.equal("talker", event.service)
        assert.equal("info", event.level)
        event = json.decode(running:wait_for_log("typed"))
        assert.same({ 1.5, true, "x" }, { event.n, event.yes, event.field_level })
        assert.matches("^table: ", event.t)
    end)

    it("cannot be made to look like another event by what is printed", function()
        local running = start([[
            local forged = "harmless\n2026-01-01T00:00:00.000Z ERROR other  forged"
            print(forged)
            require("perigee.log").info("field", { text = forged, ["a\nb"] = 1 })
            return {}
        ]])
        running:wait_for_log("^%s+2026.*forged", 2)
        assert.not_matches("\n2026[^\n]*forged", running:log())
        running:wait_for_log('talker  field  "a\\x0ab"=1$')
    end)

    it("shows tracebacks as lines below their event", function()
        local running = start([[
            local function fail() error("lost it") end
            return { http = function() fail() return "" end }
        ]])
        assert.equal(500, running:get("/talker").status)
        local line = running:wait_for_log("talker%.lua:1: lost it  method=GET")
        assert.not_matches("traceback", line)
        running:wait_for_log("^    traceback:$")
        running:wait_for_log("^        .*talker%.lua:1: in .*fail")
    end)

    it("cuts what is too large for it", function()
        local running = start([[
            local fields = {}
            for i = 1, 100 do fields["f" .. i] = ("v"):rep(10) end
            require("perigee.log").info(("x"):rep(100000), fields)
            return {}
        ]])
        local line = running:wait_for_log("xxx")
        assert.matches("x%.%.%. %(100000 bytes in all%)  f", line)
        assert.equal(64, select(2, line:gsub("=vvvvvvvvvv", "")))
    end)

    it("says whose call was wrong", function()
        local running = start([[
            local log = require "perigee.log"
            print(pcall(log.info, "x", "y"))
            print(pcall(log.with, 1))
            return {}
        ]])
        running:wait_for_log("log%.info takes a table of fields, got string")
        running:wait_for_log("log%.with takes a table of fields, got number")
    end)

    it("has the errors of tasks, with the place where they were started", function()
        local running = start([[
            local perigee = require "perigee"
            local function work()
                perigee.sleep(0.001)
                error("lost the connection")
            end
            return { http = function()
                perigee.go(work)
                return "started"
            end }
        ]])
        assert.equal("started", running:body("/talker"))
        local line = running:wait_for_log("lost the connection")
        assert.matches(" ERROR talker  task %S+talker%.lua:2 failed: "
            .. "%S+talker%.lua:4: lost the connection", line)
        running:wait_for_log("spawned_at=%S+talker%.lua:7")
        assert.equal("started", running:body("/talker"))
    end)

    describe("repeats", function()
        local REPEATS = [[
            local log = require "perigee.log"
            for i = 1, 30 do log.warn("again") end
            log.error("again")
            log.warn("other")
            return {}
        ]]

        it("are written so often in a second, and then counted", function()
            local running = start(REPEATS, "--log-repeat", "5")
            running:wait_for_log("WARN  talker  again  repeated=25$")
            running:wait_for_log("ERROR talker  again$")
            running:wait_for_log("WARN  talker  other$")
            assert.equal(5, select(2, running:log():gsub("WARN  talker  again\n", "")))
        end)

        it("are all written when nobody counts", function()
            local running = start(REPEATS, "--log-repeat", "0")
            running:wait_for_log("WARN  talker  again$", 30)
        end)
    end)

    describe("levels", function()
        local CHATTY = [[
            local log = require "perigee.log"
            return { %s http = function() log.debug("said softly") log.info("said") return "" end }
        ]]

        it("are a service's own", function()
            local running = host.start({ services = {
                ["loud.lua"] = CHATTY:format('log_level = "debug",'),
                ["plain.lua"] = CHATTY:format(""),
            } })
            running:body("/plain")
            running:body("/loud")
            running:wait_for_log("DEBUG loud  said softly")
            assert.not_matches("DEBUG plain", running:log())
        end)

        it("that are none are an error of the service", function()
            local running = start(CHATTY:format('log_level = "loud",'))
            running:wait_for_log('log_level must be debug, info, warn or error, got "loud"')
        end)

        it("change while the host runs, for one service and for all", function()
            local running = host.start({ services = { ["a.lua"] = CHATTY:format(""),
                ["b.lua"] = CHATTY:format("") }, workers = 2 })
            local _, status = running:ask("POST", "/log-level?service=a&level=debug")
            assert.equal(200, status)
            running:body("/b")
            running:body("/a")
            running:wait_for_log("DEBUG a  said softly")
            assert.not_matches("DEBUG b", running:log())
            running:ask("POST", "/log-level?level=error")
            running:ask("POST", "/log-level?service=a&level=default")
            running:body("/a")
            running:ask("POST", "/log-level?level=default")
            running:body("/b")
            running:wait_for_log("INFO  b  said", 2)
            assert.equal(1, select(2, running:log():gsub("INFO  a  said", "")))
        end)

        it("hold in a generation that is loaded afterwards", function()
            local running = start(CHATTY:format(""))
            running:ask("POST", "/log-level?service=talker&level=debug")
            running:write("talker.lua", CHATTY:format('version = "2",'))
            running:wait_until(function()
                return running:service("talker").generation == 2
            end, "the second generation is live")
            running:body("/talker")
            running:wait_for_log("DEBUG talker  said softly")
        end)

        it("that are none, or of no service, are refused", function()
            local running = start("return {}")
            for target, expected in pairs({ ["/log-level?level=loud"] = 400, ["/log-level"] = 400,
                ["/log-level?service=nobody&level=info"] = 404, ["/logs?level=loud"] = 400,
                ["/logs?limit=-1"] = 400, ["/logs?limit=x"] = 400 }) do
                local method = target:find("^/logs") and "GET" or "POST"
                assert.equal(expected, select(2, running:ask(method, target)))
            end
        end)
    end)

    describe("in a file", function()
        local root

        before_each(function()
            root = temporary.new()
        end)

        after_each(function()
            host.stop_all()
            root:destroy()
        end)

        local function start_with_file(path, count)
            return host.start({ workers = count,
                flags = { "--log-file", path, "--log-repeat", "0" },
                services = { ["talker.lua"] = [[
                    return { http = function(request)
                        print("saw " .. request.path .. (" "):rep(8000))
                        return "seen"
                    end }
                ]] } })
        end

        local function wait_for(path, pattern)
            eventually(function()
                local file = io.open(root:join(path))
                local text = file and file:read("*a") or ""
                if file then
                    file:close()
                end
                return text:find(pattern)
            end, path .. " has " .. pattern)
        end

        it("is appended to, and opened anew at SIGUSR1", function()
            root:write("log", "before\n")
            local running = start_with_file(root:join("log"), 2)
            for i = 1, 4 do
                running:body("/talker/" .. i)
                wait_for("log", "^before\n.* INFO  talker  saw /talker/" .. i)
            end
            assert(os.rename(root:join("log"), root:join("log.1")))
            running:body("/talker/late")
            wait_for("log.1", "saw /talker/late")
            running:signal(SIGUSR1)
            wait_for("log", "")
            -- Which worker answers is for the kernel to say, and each opens it when it is told.
            for i = 1, 20 do
                running:body("/talker/new" .. i)
            end
            wait_for("log", "saw /talker/new20")
            assert.equal("", running:log())
        end)

        it("that cannot be opened is told of, and nothing is served", function()
            local status, _, message = program.run({ root.path, "--log-file", root.path,
                "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--rpc", "off" })
            assert.equal(1, status)
            assert.matches("the log file " .. root.path .. " cannot be opened: ", message, 1, true)
        end)

        it("that is full costs lines and no request", function()
            local running = start_with_file("/dev/full", 1)
            for _ = 1, 50 do
                assert.equal("seen", running:body("/talker"))
            end
            running:wait_until(function()
                return running:status().workers[1].log.dropped == 50
            end, "the lines are counted")
            assert.equal(0, running:stop())
        end)

        it("that nobody reads costs lines and no request, and the log says how many", function()
            assert(os.execute("mkfifo " .. root:join("pipe")) == 0)
            local reader = assert(io.open(root:join("pipe"), "r+"))
            local running = start_with_file(root:join("pipe"), 1)
            local connection = running:connect()
            repeat
                assert.equal("seen", connection:request({ target = "/talker" }).body)
                local log = running:status().workers[1].log
            until log.dropped > 0
            local line = reader:read("*l")
            while not line:find("dropped=") do
                line = reader:read("*l")
            end
            assert.matches("WARN  worker 1  log lines were dropped.*dropped=%d+$", line)
            reader:close()
        end)
    end)

    describe("on the admin port", function()
        local TALKER = [[
            local log = require "perigee.log"
            return { http = function(request)
                log[request.query.level](request.query.text)
                return ""
            end }
        ]]

        local function start_two(...)
            return host.start({ services = { ["a.lua"] = TALKER, ["b.lua"] = TALKER }, workers = 2,
                flags = { ... } })
        end

        local function texts(running, query)
            local list = {}
            for i, event in ipairs(running:ask("GET", "/logs" .. query).events) do
                list[i] = event.text
            end
            return list
        end

        it("are the last events, by service, level and count", function()
            -- Events of several workers arrive in any order.
            local running = host.start({ services = { ["a.lua"] = TALKER, ["b.lua"] = TALKER } })
            for i, level in ipairs({ "info", "warn", "error" }) do
                running:body("/a?text=a" .. i .. "&level=" .. level)
                running:body("/b?text=b" .. i .. "&level=" .. level)
            end
            local function of(query)
                local list = texts(running, query)
                for i, text in ipairs(list) do
                    list[i] = text:match("^%S+")
                end
                return list
            end
            assert.same({ "the", "a1", "a2", "a3" }, of("?service=a"))
            assert.same({ "b2", "b3" }, of("?service=b&level=warn"))
            assert.same({ "a3", "b3" }, of("?level=error"))
            assert.same({ "a3" }, of("?service=a&limit=1"))
            assert.same({}, of("?service=a&limit=0"))
            local event = running:ask("GET", "/logs?service=a&limit=1").events[1]
            assert.same({ "a", "error" }, { event.service, event.level })
            assert.equal(1, event.worker)
            assert.is_true(math.abs(os.time() - event.time) < 60)
        end)

        -- Reads a stream of events until `count` of them have `pattern`, and returns those.
        local function follow(running, query, on_open, count, pattern)
            local found, is_open, text = {}, false, ""
            client.request({ address = running.admin, target = "/logs" .. query,
                fields = { "Accept", "text/event-stream" }, timeout_s = 20,
                on_head = function(answer)
                    assert.equal("text/event-stream", answer:header("content-type"))
                    return true
                end,
                on_piece = function(bytes)
                    text = text .. bytes
                    if not is_open then
                        is_open = true
                        on_open()
                    end
                    found = {}
                    for data in text:gmatch("event: log\ndata: ([^\n]*)\n\n") do
                        local event = json.decode(data)
                        if event.text:find(pattern) then
                            found[#found + 1] = event
                        end
                    end
                    return #found < count
                end })
            return found
        end

        it("come as they are written to who follows them", function()
            local running = start_two()
            running:body("/a?text=early&level=info")
            local events = follow(running, "?service=a", function()
                running:body("/a?text=late&level=warn")
            end, 2, "^%l+  request_id=%x+  trace_id=%x+$")
            assert.matches("^early", events[1].text)
            assert.matches("^late", events[2].text)
            assert.equal("warn", events[2].level)
        end)

        it("are there also while a worker is stopped", function()
            local running = start_two("--stall", "1m")
            running:body("/a?text=before&level=info")
            local pids = {}
            for i, worker in ipairs(running:status().workers) do
                pids[i] = worker.pid
                os.execute(("kill -%d %d"):format(SIGSTOP, worker.pid))
            end
            local found = texts(running, "?service=a")
            for _, pid in ipairs(pids) do
                os.execute(("kill -%d %d"):format(SIGCONT, pid))
            end
            assert.matches("^before", found[2])
        end)

        it("have lines that are no UTF-8 and JSON lines as they are", function()
            local running = host.start({ services = { ["a.lua"] = [[
                print("\255\254 bytes") return {}
            ]] }, flags = { "--log-format", "json" } })
            local found = table.concat(texts(running, "?service=a"), "\n")
            assert.matches('"message":"\255\254 bytes"', found, 1, true)
        end)

        it("refuses more followers than it has room for", function()
            local running = start_two()
            running:body("/a?text=x&level=info")
            local followers = {}
            for i = 1, 16 do
                followers[i] = assert(client.connect(running.admin))
                followers[i].stream:write("GET /logs HTTP/1.1\r\nHost: localhost\r\n"
                    .. "Accept: text/event-stream\r\n\r\n")
                assert.matches("^HTTP/1.1 200", followers[i].stream:read())
            end
            local answer = running:request({ address = running.admin, target = "/logs",
                fields = { "Accept", "text/event-stream" } })
            assert.equal(503, answer.status)
            assert.equal(200, select(2, running:ask("GET", "/logs")))
            for _, follower in ipairs(followers) do
                follower:close()
            end
        end)
    end)
end)
