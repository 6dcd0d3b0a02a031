--- What a service may reach outside of its own folder, which is nothing until it was granted.
local host = require "spec.support.host"
local temporary = require "spec.support.temporary"

local SERVICE = [[
local http = require "perigee.http"
local rpc = require "perigee.rpc"
local app = http.router()
app:get("/dial", function(request)
    local client = rpc.dial("tcp://" .. request.query.to)
    local value, code, detail = client:call("Calculator.Add", { A = 1, B = 2 })
    client:close()
    return { value = value, code = code, detail = detail }
end)
app:get("/env", function(request)
    return { value = os.getenv(request.query.name) }
end)
app:get("/files/*path", function(request, response)
    local handler = http.files(request.query.folder)
    return handler(request, response)
end)
local Calculator = { Add = function(args) return args.A + args.B end }
return { http = app, mount = "/", rpc = { Calculator = Calculator }, limits = { LIMITS } }
]]

describe("a service", function()
    local folder

    before_each(function()
        folder = temporary.new()
        folder:write("granted/hello.txt", "hello")
        folder:write("other/secret.txt", "secret")
        folder:link("granted/out.txt", folder:join("other/secret.txt"))
    end)

    after_each(function()
        host.stop_all()
        folder:destroy()
    end)

    local function start(flags, config, limits)
        return host.start({ services = { ["service.lua"] = (SERVICE:gsub("LIMITS", limits or "")) },
            flags = flags, config = config, has_no_grants = true,
            environment = { SPEC_GRANTED = "yes", SPEC_OTHER = "no" } })
    end

    local function dial(running, to)
        return running:json("/dial?to=" .. (to or running.rpc))
    end

    it("connects to nothing that it was not granted, and says which grant it lacks", function()
        local running = start()
        local answer = dial(running)
        assert.equal("denied", answer.code)
        assert.equal(("connecting to %s needs a grant: --allow-network %s"):format(running.rpc,
            running.rpc), answer.detail)
        assert.equal("denied", dial(running, "localhost:1").code)
        assert.equal("denied", dial(running, "%5B::1%5D:1").code)
        assert.equal("denied", dial(running, "example.org:1").code)
        running:wait_for_log("connecting to " .. running.rpc .. " needs a grant")
        assert.equal(4, running:service("service").isolates[1].refusals.network)
    end)

    it("connects to what it was granted by flag, by address, and by name", function()
        assert.equal(3, dial(start({ "--allow-network", "10.0.0.1:80,127.0.0.0/8" })).value)
        assert.equal(3, dial(start({ "--allow-network", "*" })).value)
        local running = start({ "--allow-network", "127.0.0.1:1" })
        assert.equal("denied", dial(running).code)
        assert.equal("refused", dial(running, "127.0.0.1:1").code)
    end)

    it("may resolve a name when one of its addresses may be granted", function()
        local running = start({ "--allow-network", "10.0.0.0/8" })
        local answer = dial(running, "LOCALHOST:1")
        assert.equal("denied", answer.code)
        assert.matches("connecting to %S+:1 needs a grant", answer.detail)
    end)

    it("has the grants that the configuration gives it by name, and no other has", function()
        local running = start({}, [[
            return { services = { service = { grants = { network = { "127.0.0.1" } } } } }
        ]])
        assert.equal(3, dial(running).value)
        running = start({}, [[
            return { services = { other = { grants = { network = { "127.0.0.1" } } } } }
        ]])
        assert.equal("denied", dial(running).code)
    end)

    it("sees the variables of the environment that it was granted", function()
        local running = start({ "--allow-env", "SPEC_GRANTED,SPEC_UNSET", "--dev" })
        assert.same({ value = "yes" }, running:json("/env?name=SPEC_GRANTED"))
        assert.is_nil(running:json("/env?name=SPEC_UNSET").value)
        local answer = running:get("/env?name=SPEC_OTHER")
        assert.equal(500, answer.status)
        assert.matches("service%.lua:%d+: reading the environment variable SPEC_OTHER needs a "
            .. "grant: %-%-allow%-env SPEC_OTHER", answer.body)
    end)

    it("reads files of its own folder, and of those it was granted, and nothing else", function()
        local granted = folder:join("granted")
        local running = start({ "--allow-read", granted, "--dev" })
        assert.equal("hello", running:body("/files/hello.txt?folder=" .. granted))
        assert.equal(404, running:get("/files/out.txt?folder=" .. granted).status)
        assert.equal(404, running:get("/files/../other/secret.txt?folder=" .. granted).status)
        local refused = running:get("/files/secret.txt?folder=" .. folder:join("other"))
        assert.matches('reading the folder "%S+" needs a grant: %-%-allow%-read', refused.body)
        refused = running:get("/files/secret.txt?folder=" .. granted .. "/../other")
        assert.equal(500, refused.status)
        assert.matches("must name a folder below that of the script", refused.body)
        refused = running:get("/files/secret.txt?folder=" .. granted .. "2")
        assert.matches("needs a grant", refused.body)
    end)

    it("has so many connections at once", function()
        local running = start({ "--allow-network", "127.0.0.1" }, nil, "connections = 0")
        local answer = dial(running)
        assert.equal("exhausted", answer.code)
        assert.matches("the service has 0 connections to others, all that limits.connections "
            .. "grants it$", answer.detail)
    end)

    it("is told what is wrong with a grant before anything runs", function()
        local _, message = pcall(start, { "--allow-network", "10.0.0.0/99" })
        assert.matches("%-%-allow%-network, %-%-allow%-read, %-%-allow%-env: grants%.network%[1%] "
            .. "must be HOST, HOST:PORT", message)
    end)
end)
