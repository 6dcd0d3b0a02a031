--- The examples with programs in Go beside services in Lua, with ports of their own.
local eventually = require "spec.support.eventually"
local go = require "spec.support.go"
local host = require "spec.support.host"
local program = require "spec.support.program"
local seam = require "host"
local temporary = require "spec.support.temporary"

local SIGTERM = 15

local function read(path)
    return assert(seam.read_file("examples/" .. path, 1024 * 1024))
end

describe("the example", function()
    local root, servers

    before_each(function()
        root, servers = temporary.new(), {}
    end)

    after_each(function()
        for _, server in ipairs(servers) do
            server:signal(SIGTERM)
            server:wait()
        end
        host.stop_all()
        root:destroy()
    end)

    -- Starts a server in Go, and returns the port it has got in place of the one in its text.
    local function start_go(path)
        local file = go.build_text(root, (read(path):gsub("localhost:%d+", "127.0.0.1:0")))
        local server = program.start({}, { file = file })
        servers[#servers + 1] = server
        eventually(function()
            return server.log:find("listening on %S+\n") or server:has_ended()
        end, path .. " listens")
        return server.log:match("listening on %S+:(%d+)\n")
    end

    -- Runs a client in Go against the server at `port`.
    local function run_go(path, port)
        local file = go.build_text(root, (read(path):gsub("1234", port)))
        local status, output, log = go.run(file)
        assert.equal("", log)
        assert.equal(0, status)
        return output
    end

    local function port_of(running)
        return running.rpc:match("%d+$")
    end

    describe("calculator", function()
        local function start_sum(port)
            return host.start({ services = {
                ["sum.lua"] = read("calculator/sum.lua"):gsub("1234", port),
            } })
        end

        it("is one service with clients in Go and Lua", function()
            local calculator = host.start({ directory = "examples/calculator" })
            assert.equal("Result: 15\n", run_go("calculator/client.go", port_of(calculator)))
            assert.equal("Result: 15\n", start_sum(port_of(calculator)):body("/sum?a=10&b=5"))
        end)

        it("is one server in Go with the same clients", function()
            local port = start_go("calculator/server.go")
            assert.equal("Result: 15\n", run_go("calculator/client.go", port))
            assert.equal("Result: -5\n", start_sum(port):body("/sum?a=-10&b=5"))
        end)

        it("is called from the command line, whichever it is", function()
            local function call(address, codec)
                local status, output, log = program.run({ "call", "--addr", address, "--codec",
                    codec, "Calculator.Add", '{"A":10,"B":5}' })
                assert.equal("", log)
                assert.equal(0, status)
                return output
            end
            local calculator = host.start({ directory = "examples/calculator" })
            assert.equal("15\n", call(calculator.rpc, "json"))
            assert.equal("15\n", call("127.0.0.1:" .. start_go("calculator/server.go"), "gob"))
        end)
    end)

    it("between is a service in Lua between two programs in Go", function()
        local port = start_go("between/stock.go")
        local shop = host.start({ services = {
            ["shop.lua"] = read("between/shop.lua"):gsub("1235", port),
        } })
        assert.equal("Ann pays 12.40\nno bill: anchor: not in stock\n",
            run_go("between/order.go", port_of(shop)))
    end)
end)
