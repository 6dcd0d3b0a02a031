--- perigee.rpc.json_values: what is read as a declared type is written, and what is written is read
-- as the same; integers of 64 bits lose nothing where nothing is declared.
local json_values = require "perigee.rpc.json_values"
local types = require "perigee.rpc.types"

local wanted = assert(types.parse {
    { "I", "int" }, { "U", "uint64" }, { "F", "float64" }, { "S", "string" }, { "B", "bytes" },
    { "T", "time" }, { "L", "[]int64" }, { "M", "map[int]bool" }, { "P", "[2]*string" },
    { "N", { "*", { name = "Node", Below = "[]Node" } } }, { "X", "any" },
})

local codes = { malformed = true, invalid = true }

local function check(declared, text)
    local value, code, detail = json_values.decode(declared, text)
    if value == nil then
        assert(codes[code] and type(detail) == "string")
        return
    end
    local written, refused = json_values.encode(declared, value)
    if not written then
        assert(refused == "invalid")
        return
    end
    local again = json_values.decode(declared, written)
    assert(again ~= nil and #assert(json_values.encode(declared, again)) == #written)
end

return function(bytes)
    check(wanted, bytes)
    check(nil, bytes)
end
