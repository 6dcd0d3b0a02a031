local sandbox = require "perigee.service.sandbox"

describe("perigee.service.sandbox", function()
    local globals
    local string_metatable = getmetatable("")
    local real_string, real_guard

    -- A table like the globals of a new state. The metatable of strings is this state's own, so it
    -- is put back.
    before_each(function()
        real_string, real_guard = string_metatable.__index, string_metatable.__metatable
        globals = {}
        for name, value in pairs(_G) do
            globals[name] = value
        end
        sandbox.fill(globals, {
            print = function() return "printed" end,
            require = function() return "required" end,
            getenv = function() return "granted" end,
        })
        string_metatable.__index, string_metatable.__metatable = real_string, real_guard
    end)

    local function run(text)
        return assert(load(text, "=script", "t", globals))()
    end

    local function names_of(library)
        local names = {}
        for name in pairs(library) do
            names[#names + 1] = name
        end
        table.sort(names)
        return table.concat(names, " ")
    end

    it("grants a closed list of globals", function()
        assert.equal("_G _VERSION assert bit collectgarbage coroutine error getmetatable ipairs "
            .. "load math next os pairs pcall print rawequal rawget rawset require select "
            .. "setmetatable string table tonumber tostring type unpack xpcall", names_of(globals))
    end)

    it("grants of os only the time, and variables that were granted", function()
        assert.equal("clock date difftime getenv time", names_of(globals.os))
    end)

    it("grants of strings and tables what is harmless", function()
        assert.equal("byte char find format gmatch gsub len lower match rep reverse sub upper",
            names_of(globals.string))
        assert.equal("concat insert maxn move remove sort", names_of(globals.table))
    end)

    it("gives the caller's print and require", function()
        assert.equal("printed", run "return print()")
        assert.equal("required", run "return require 'x'")
    end)

    it("gives libraries of its own, which a script may change for itself", function()
        run "string.upper = nil string.extra = 1"
        assert.is_function(string.upper)
        assert.is_nil(rawget(string, "extra"))
    end)

    it("refuses undeclared globals, but not rawset", function()
        local is_ok, message = pcall(run, "\ncount = 1")
        assert.is_false(is_ok)
        assert.matches("^script:2: assignment to the undeclared global 'count': "
            .. "declare it with `local`", message)
        assert.equal(2, run "rawset(_G, 'count', 1) count = count + 1 return count")
        assert.is_nil(run "return nothing_of_this_name")
    end)

    it("loads text, and nothing else", function()
        assert.equal(3, run "return load('return 1 + 2')()")
        assert.equal(5, run "return load('return x', 'name', 't', { x = 5 })()")
        assert.equal(7, run [[
            local parts = { "return ", "7" }
            local i = 0
            return load(function() i = i + 1 return parts[i] end)()
        ]])
        local chunk, message = run "return load('return +')"
        assert.is_nil(chunk)
        assert.matches("load:1:", message)
        rawset(globals, "bytecode", string.dump(function() end))
        assert.is_nil((run "return load(bytecode)"))
        assert.is_nil((run "return load(bytecode, 'x', 'bt')"))
        assert.same({ false, "script:1: load takes a table as environment, got number" },
            { pcall(run, "local chunk = load('', 'x', 't', 1)") })
        assert.same({ nil, "only text chunks can be loaded" }, { run "return load('', 'x', 'b')" })
    end)

    it("does not let a chunk pose as one of Perigee's", function()
        local _, message = run [[return pcall(load("error('x')", "@perigee/core/scheduler.lua"))]]
        assert.equal("perigee/core/scheduler.lua:1: x", message)
        local source = run [[return load("return 1", "@perigee/core/scheduler.lua")]]
        assert.equal("=perigee/core/scheduler.lua", debug.getinfo(source, "S").source)
    end)

    it("bounds what is loaded and repeated", function()
        local chunk, message = run [[return load((" "):rep(1024 * 1024 + 1))]]
        assert.is_nil(chunk)
        assert.matches("a chunk may have 1048576 bytes", message)
        assert.same({ false, "script:1: string.rep would make 2147483648 bytes" },
            { pcall(run, "local text = string.rep('xx', 2 ^ 30)") })
        assert.equal("a-a-a", run "return string.rep('a', 3, '-')")
    end)

    it("lets the garbage be counted and not collected", function()
        assert.is_number(run "return collectgarbage('count')")
        assert.has_error(function() run "collectgarbage('stop')" end)
        assert.has_error(function() run "collectgarbage('collect')" end)
    end)

    it("hides its metatable", function()
        assert.is_false(run "return getmetatable(_G)")
        assert.has_error(function() run "setmetatable(_G, {})" end)
    end)
end)
