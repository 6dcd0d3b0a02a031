--- How methods are declared, and what is wrong with a declaration.
local method = require "perigee.rpc.method"

local function nothing() end

describe("a declaration of a method", function()
    for name, case in pairs({
        ["that is no table"] = { "declare", 12, "rpc%.method takes a table with a function" },
        ["without a function"] = { "declare", {}, "rpc%.method takes a table with a function" },
        ["with a key of a stream"] = { "declare", { fn = nothing, item = "int" },
            "rpc%.method has no key 'item'; there are args, reply, doc and fn" },
        ["of a wrong type"] = { "declare", { fn = nothing, args = "integer" },
            "the type of args: " },
        ["with a doc that is no text"] = { "declare", { fn = nothing, doc = 1 },
            "rpc%.method takes a text in `doc`" },
        ["as a stream with a reply"] = { "declare_stream", { fn = nothing, reply = "int" },
            "rpc%.stream has no key 'reply'; there are args, item, doc and fn" },
        ["as a stream without a function"] = { "declare_stream", {},
            "rpc%.stream takes a table with a function" },
        ["as a stream of a wrong type"] = { "declare_stream", { fn = nothing, item = "integer" },
            "the type of item: " },
    }) do
        it(name .. " is an error in its line", function()
            local is_ok, problem = pcall(function()
                method[case[1]](case[2])
            end)
            assert.is_false(is_ok)
            assert.matches("method_spec%.lua:%d+: " .. case[3], problem)
        end)
    end

    it("tells rpc.describe what there is", function()
        local compiled = method.compile_all({ Logs = {
            Tail = method.declare_stream { args = "string", item = "int", fn = nothing,
                doc = "the end" },
            Any = method.declare_stream { fn = nothing },
            Size = method.declare { reply = "int", fn = nothing },
        } })
        assert.same({ name = "Logs.Tail", args = "string", reply = "stream of int",
            doc = "the end" }, method.describe(compiled["Logs.Tail"]))
        assert.equal("stream of any", method.describe(compiled["Logs.Any"]).reply)
        assert.equal("int", method.describe(compiled["Logs.Size"]).reply)
    end)

    it("gives a streaming method what sends its items, behind middleware", function()
        local seen
        local compiled = method.compile_all({ Logs = {
            Tail = method.declare_stream { fn = function(args, call, send)
                seen = { args, call.method, send(1) }
            end },
        } })["Logs.Tail"]
        compiled.run("args", { method = compiled.name, send = function(item)
            return item + 1
        end })
        assert.same({ "args", "Tail", 2 }, seen)
    end)
end)
