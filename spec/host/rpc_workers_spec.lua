--- RPC calls of a service that runs in one worker only, whichever worker has the connection.
local go = require "spec.support.go"
local host = require "spec.support.host"
local json = require "perigee.json"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"

local CALCULATOR = [[
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local Calculator = { }
local count = 0

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Count()
    count = count + 1
    return count
end

function Calculator.Hang()
    perigee.chan():recv()
end

function Calculator.Coded()
    return nil, rpc.error(7, "seven", { why = "so" })
end

Calculator.Divide = rpc.method {
    args = { { "A", "int" }, { "B", "int" } },
    reply = { { "Quo", "int" }, { "Rem", "int" }, name = "Quotient" },
    fn = function(args)
        return { Quo = math.floor(args.A / args.B), Rem = args.A %% args.B }
    end,
}

return { replicas = 1, rpc = { %s = Calculator } }
]]

describe("a service with one replica", function()
    local root, running

    before_each(function()
        root = temporary.new()
        running = host.start({ workers = 2, services = {
            ["calculator.lua"] = CALCULATOR:format("Calculator"),
            ["another.lua"] = CALCULATOR:format("Another"),
        } })
    end)

    after_each(function()
        host.stop_all()
        root:destroy()
    end)

    local function read(peer, pattern)
        local text = ""
        while not text:find(pattern) do
            text = text .. assert(peer:read())
        end
        return text
    end

    -- Connections are spread by the kernel: so many reach both workers, and of two services one at
    -- least is not where the connection is.
    it("is called in every protocol, and is one", function()
        for i = 1, 8 do
            local peer = assert(stream.connect(running.rpc))
            for _, name in ipairs({ "Calculator", "Another" }) do
                peer:write(('{"method":"%s.Add","params":[{"A":%d,"B":5}],"id":1}'):format(name, i))
                assert.equal(('{"id":1,"result":%d,"error":null}\n'):format(i + 5),
                    read(peer, "\n"))
                peer:write(('{"method":"%s.Coded","params":[0],"id":2}'):format(name))
                assert.equal('{"id":2,"result":null,"error":"seven"}\n', read(peer, "\n"))
                peer:write(('{"jsonrpc":"2.0","method":"%s.Coded","id":"x"}'):format(name))
                assert.same({ jsonrpc = "2.0", id = "x",
                    error = { code = 7, message = "seven", data = { why = "so" } } },
                    json.decode(read(peer, "\n")))
                peer:write(('{"jsonrpc":"2.0","method":"%s.Count","id":2}'):format(name))
                assert.equal(i, json.decode(read(peer, "\n")).result)
            end
            peer:close()
        end
        for i = 1, 8 do
            local peer = assert(stream.connect(running.rpc))
            for _, name in ipairs({ "Calculator", "Another" }) do
                peer:write("\x94\x00\x05" .. string.char(0xa4 + #name) .. name
                    .. ".Add\x91\x82\xa1A" .. string.char(i) .. "\xa1B\x05")
                assert.equal("\x94\x01\x05\xc0" .. string.char(i + 5), read(peer, ".....$"))
            end
            peer:close()
        end
    end)

    it("is not called by fields that only workers may send", function()
        running:write("web.lua", [[
            local app = require("perigee.http").router()
            app:post("/", function() return "the service itself" end)
            return { http = app, mount = "/web", replicas = 1 }]])
        running:wait_for_log("web  the service is up")
        for _ = 1, 8 do
            local answer = running:request({ method = "POST", target = "/web/",
                fields = { "Perigee-Protocol", "6", "Perigee-Method-Size", "14" },
                body = "Calculator.Addx" })
            assert.equal("the service itself", answer.body)
        end
    end)

    local function in_flight()
        local count = 0
        for _, name in ipairs({ "calculator", "another" }) do
            count = count + running:service(name).isolates[1].in_flight
        end
        return count
    end

    it("hears that a caller is gone", function()
        local peers = {}
        for i = 1, 8 do
            peers[i] = assert(stream.connect(running.rpc))
            peers[i]:write("\x94\x00\x05\xafCalculator.Hang\x90\x94\x00\x06\xacAnother.Hang\x90")
        end
        running:wait_until(function()
            return in_flight() == 16
        end, "the calls are in flight")
        for i = 1, 8 do
            peers[i]:close()
        end
        running:wait_until(function()
            return in_flight() == 0
        end, "none is in flight")
    end)

    it("is called by Go", function()
        local client = go.build(root, "calculator/replicas.go", running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        assert.equal("wrong 0\n", output)
        assert.equal(0, status)
    end)
end)
