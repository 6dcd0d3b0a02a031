--- gob beside encoding/gob of a real Go: what either writes, the other reads as the same value.
local gob = require "perigee.rpc.gob"
local hex = require "spec.support.hex"
local random_types = require "spec.support.random_types"
local shell = require "spec.tools.shell"
local temporary = require "spec.support.temporary"
local types = require "perigee.rpc.types"

local MAX = 9223372036854775807LL

local item = { name = "Item", { "SKU", "string" }, { "Count", "uint" } }
local args = { name = "Args", { "A", "int" }, { "B", "int" } }
local zero_time = { seconds = types.ZERO_TIME_S, nanoseconds = 0 }

local order = { name = "Order", { "ID", "int" }, { "Note", "string" }, { "Total", "float64" },
    { "Tags", "[]string" }, { "Paid", "bool" }, { "Items", "[]Item" },
    { "Stock", "map[string]int" }, { "Best", { "*", item } }, { "When", "time" } }
local sizes = { name = "Sizes", { "I8", "int8" }, { "I16", "int16" }, { "I32", "int32" },
    { "I64", "int64" }, { "U8", "uint8" }, { "U16", "uint16" }, { "U32", "uint32" },
    { "U64", "uint64" }, { "F32", "float32" }, { "C", "complex128" }, { "D", "int64" } }
local box = { name = "Box", { "Host", {} }, { "In", "Item" }, { "P", { "*", item } },
    { "Code", "[2]uint16" }, { "M", "map[string]int" }, { "When", "time" }, { "Any", "any" } }
local deep = { name = "Deep", { "M", "map[int]map[string][]float64" }, { "L", { "[][]", args } },
    { "A", "[2]bytes" }, { "P", "*Args" } }

-- As the fixture has them: a type, a value.
local cases = {
    bool = { "bool", true },
    int = { "int", -65 },
    max_int64 = { "int64", MAX },
    min_int64 = { "int64", -MAX - 1 },
    beyond_53 = { "int64", 9007199254740993LL },
    max_uint64 = { "uint64", 18446744073709551615ULL },
    float64 = { "float64", 0.1 },
    infinity = { "float64", -1 / 0 },
    smallest = { "float64", 2 ^ -1074 },
    celsius = { "float64", 36.5 },
    complex128 = { "complex128", { real = 1, imag = -2.5 } },
    string = { "string", "hello, 世界" },
    bytes = { "bytes", "\0\1\255" },
    long = { "string", ("x"):rep(70000) },
    args = { args, { A = 10, B = -5 } },
    zero_args = { args, { A = 0, B = 0 } },
    order = { order, { ID = 7, Note = "hi", Total = 12.5, Tags = { "a", "" }, Paid = true,
        Items = { { SKU = "x", Count = 2 }, { SKU = "", Count = 0 } }, Stock = { x = 1, y = -1 },
        Best = { SKU = "z", Count = 1152921504606846976ULL },
        When = { seconds = 1700000000, nanoseconds = 123456789 } } },
    node = { { name = "Node", { "Label", "string" }, { "Below", "[]*Node" } },
        { Label = "a", Below = { { Label = "b", Below = {} },
            { Label = "c", Below = { { Label = "d", Below = {} } } } } } },
    sizes = { sizes, { I8 = -128, I16 = -32768, I32 = -2 ^ 31, I64 = -MAX - 1, U8 = 255,
        U16 = 65535, U32 = 2 ^ 32 - 1, U64 = 18446744073709551615ULL, F32 = 0.5,
        C = { real = 0, imag = 1 }, D = 3600e9 } },
    derived = { { name = "Derived", { "Base", { name = "Base", { "Name", "string" } } },
        { "Extra", "[2]bool" } }, { Base = { Name = "n" }, Extra = { true, false } } },
    deep = { deep, { M = { [1] = { a = { 1, 2.5 } }, [-7] = {} }, L = { { { A = 1, B = 2 } }, {} },
        A = { "\1", "\2\3" }, P = { A = 0, B = 0 } } },
    box = { box, { Host = {}, In = { SKU = "", Count = 0 }, Code = { 0, 0 }, M = {},
        When = zero_time }, sent = {} },
    full_box = { box, { Host = {}, In = { SKU = "", Count = 0 }, P = { SKU = "", Count = 0 },
        Code = { 0, 0 }, M = {}, When = { seconds = 0, nanoseconds = 5, offset = 19800 },
        Any = 5 } },
    ints = { "[]int", { 3, -1, 0 } },
    empty = { "[]int", {} },
    map = { "map[string]int", { a = 2 } },
    map_of_structs = { { "map[uint16]", args }, { [7] = { A = 1, B = 2 } } },
    array = { "[3]int", { 1, 0, -1 } },
    matrix = { "[2][2]float64", { { 1, 2 }, { 3, 4 } } },
    time = { "time", { seconds = types.ZERO_TIME_S + 1, nanoseconds = 0 } },
    time_with_zone = { "time", { seconds = 1709148723, nanoseconds = 4, offset = 19800 } },
    anything = { "[]any", { 1, "s", 2.5, true, 1152921504606846976LL, 9223372036854775808ULL } },
}

-- The bodies of a stream's messages.
local function bodies_of(stream)
    local bodies, position = {}, 1
    while position <= #stream do
        local first = stream:byte(position)
        local size, width = first, first < 128 and 0 or 256 - first
        if width > 0 then
            size = tonumber(hex.encode(stream:sub(position + 1, position + width)), 16)
        end
        position = position + 1 + width
        bodies[#bodies + 1] = stream:sub(position, position + size - 1)
        position = position + size
    end
    return bodies
end

local function message(body)
    local size = #body
    if size < 128 then
        return string.char(size) .. body
    end
    return "\252" .. string.char(0, math.floor(size / 65536), math.floor(size / 256) % 256,
        size % 256) .. body
end

local function decode(stream)
    local decoder, bodies = gob.decoder(), bodies_of(stream)
    for i = 1, #bodies - 1 do
        assert(decoder:define(bodies[i]))
    end
    return decoder:value(bodies[#bodies])
end

local function encode(notation, value)
    local encoder = gob.compile(assert(types.parse(notation)))
    local numbers, messages = {}, {}
    for i = 1, encoder.definition_count do
        numbers[i] = 1000 - 3 * i
    end
    for i, body in ipairs(encoder:define(numbers)) do
        messages[i] = message(body)
    end
    messages[#messages + 1] = message(assert(encoder:encode(value, numbers)))
    return table.concat(messages)
end

-- The second word of each line by the first.
local function by_name(output)
    local found = {}
    for name, rest in output:gmatch("(%S+) ([^\n]*)\n") do
        found[name] = rest
    end
    return found
end

describe("perigee.rpc.gob and Go", function()
    local directory, from_go, told_by_go

    setup(function()
        directory = temporary.new()
        local command = ("cd spec/fixtures/gob && GOFLAGS=-mod=mod GO111MODULE=off GOCACHE=%s "
            .. "go build -o %s main.go"):format(directory:join("cache"), directory:join("gob"))
        local output, status = shell(command)
        assert(status == 0, output)
        from_go = by_name((shell(directory:join("gob") .. " write")))
        local lines = {}
        for name, case in pairs(cases) do
            lines[#lines + 1] = name .. " " .. hex.encode(encode(case[1], case.sent or case[2]))
        end
        directory:write("streams", table.concat(lines, "\n") .. "\n")
        told_by_go = by_name((shell(("%s read <%s"):format(directory:join("gob"),
            directory:join("streams")))))
    end)

    teardown(function()
        directory:destroy()
    end)

    it("have the same cases", function()
        for name in pairs(from_go) do
            assert.is_not_nil(cases[name], name)
        end
        assert.is_not_nil(next(from_go))
    end)

    for name, case in pairs(cases) do
        it(("read each other's %s"):format(name), function()
            local value = decode(hex.decode(from_go[name]))
            if not random_types.is_equal(case[2], value) then
                assert.same(case[2], value)
            end
            assert.equal("same", told_by_go[name])
        end)
    end
end)
