--- What the processes of a host may still do once they run: `--user` and `--confine`.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local program = require "spec.support.program"
local seam = require "host"

local SERVICE = [[
local http = require "perigee.http"
local rpc = require "perigee.rpc"
local app = http.router()
app:get("/files/*path", http.files("public"))
app:get("/call", function(request)
    local client = rpc.dial("tcp://" .. request.query.to)
    return { value = client:call("Calculator.Add", { A = 1, B = 2 }) }
end)
return { http = app, mount = "/", rpc = { Calculator = {
    Add = function(args) return args.A + args.B end } } }
]]

describe("a host", function()
    after_each(host.stop_all)

    local function start(flags, environment)
        return host.start({ services = { ["service.lua"] = SERVICE,
            ["public/hello.txt"] = "hello" }, flags = flags, environment = environment })
    end

    local function status_of(pid)
        return assert(io.open(("/proc/%d/status"):format(pid))):read("*a")
    end

    local function worker_of(running)
        return running:status().workers[1].pid
    end

    local function check_serving(running)
        assert.equal("hello", running:body("/files/hello.txt"), running:log())
        assert.same({ value = 3 }, running:json("/call?to=localhost:" .. running.rpc:match("%d+$")))
    end

    describe("with --confine", function()
        -- A leak check at the end of a process looks into it, which is what was given up.
        local NO_LEAK_CHECK = { ASAN_OPTIONS = "detect_leaks=0" }

        local function start_confined()
            if not seam.can_confine() then
                pending("this kernel has no landlock, or no seccomp")
                return nil
            end
            return start({ "--confine" }, NO_LEAK_CHECK)
        end

        it("serves, reloads and replaces its workers, each of which is confined", function()
            local running = start_confined()
            if not running then
                return
            end
            check_serving(running)
            local pid = worker_of(running)
            assert.matches("NoNewPrivs:\t1\n", status_of(pid))
            assert.matches("Seccomp:\t2\n", status_of(pid))
            running:write("service.lua", (SERVICE:gsub("A %+ args", "A * args")))
            eventually(function()
                return running:json("/call?to=" .. running.rpc).value == 2
            end, "the new version answers")
            os.execute("kill -9 " .. pid)
            eventually(function()
                local now = worker_of(running)
                return now and now ~= pid and running:status().workers[1].state == "serving"
            end, "there is another worker")
            assert.matches("Seccomp:\t2\n", status_of(worker_of(running)))
            assert.equal("hello", running:body("/files/hello.txt"))
        end)
    end)

    describe("with --user", function()
        it("is that user's once its ports are open", function()
            if not seam.is_root() then
                pending("only root may become another user")
                return
            end
            local nobody = io.popen("id -u nobody"):read("*l")
            local folder_of_binary = program.path():match("^(.*)/")
            local can_run = os.execute(("setpriv --reuid=%s --clear-groups test -x %s && "
                .. "setpriv --reuid=%s --clear-groups test -r %s"):format(nobody, program.path(),
                nobody, folder_of_binary)) == 0
            if not can_run then
                pending("nobody may run what was built here")
                return
            end
            local running = host.start({ services = { ["service.lua"] = SERVICE,
                ["public/hello.txt"] = "hello" }, flags = { "--user", "nobody" } })
            check_serving(running)
            for _, pid in ipairs({ worker_of(running), running:status().pid }) do
                local uid = ("Uid:\t%s\t%s\t%s\t%s\n"):format(nobody, nobody, nobody, nobody)
                assert.is_not_nil(status_of(pid):find(uid, 1, true))
                assert.matches("CapEff:\t0000000000000000\n", status_of(pid))
            end
        end)

        it("says what is wrong with it", function()
            local function refuse(user, pattern)
                local status, _, log = program.run({ "/tmp", "--http", "127.0.0.1:0", "--rpc",
                    "127.0.0.1:0", "--admin", "127.0.0.1:0", "--user", user })
                assert.equal(1, status)
                assert.matches(pattern, log)
            end
            refuse("nobody-of-this-name", "%-%-user nobody%-of%-this%-name: there is no such user")
            refuse("nobody:", "%-%-user nobody:: it must be NAME or NAME:GROUP")
            refuse("nobody:no-such-group", "there is no such user or group")
        end)
    end)
end)
