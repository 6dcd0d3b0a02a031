--- What a script finds: a table of what is granted, not a list of what was removed.
-- Everything else of Lua's libraries is absent from a service's isolate or out of its reach.
local lazy = require "perigee.core.lazy"
local patterns = require "perigee.service.patterns"

local sandbox = {}

local MAX_CHUNK_SIZE = 1024 * 1024
local MAX_STRING_SIZE = 256 * 1024 * 1024

local GRANTED = {
    base = { "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal",
        "rawget", "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack",
        "xpcall", "_VERSION" },
    bit = { "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror", "rshift",
        "tobit", "tohex" },
    math = { "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor",
        "fmod", "frexp", "huge", "ldexp", "log", "log10", "max", "min", "modf", "pi", "pow", "rad",
        "random", "randomseed", "sin", "sinh", "sqrt", "tan", "tanh" },
    os = { "clock", "date", "difftime", "time" },
    string = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
        "reverse", "sub", "upper" },
    table = { "concat", "insert", "maxn", "move", "remove", "sort" },
}

local LIBRARIES = { "bit", "math", "os", "string", "table" }

local function pick(library, names)
    local granted = {}
    for _, name in ipairs(names) do
        granted[name] = library[name]
    end
    return granted
end

-- All parts a reader function gives, and never much more than a chunk may have.
local function read_all(reader)
    local parts, size = {}, 0
    local part = reader()
    while part ~= nil and part ~= "" and size <= MAX_CHUNK_SIZE do
        if type(part) ~= "string" then
            error("the reader function of load must return strings", 3)
        end
        parts[#parts + 1] = part
        size = size + #part
        part = reader()
    end
    return table.concat(parts)
end

-- Text only: bytecode is not checked by the virtual machine and can do anything.
local function load_text(chunk, name, mode, environment)
    if mode ~= nil and mode ~= "t" and mode ~= "bt" then
        return nil, "only text chunks can be loaded"
    end
    if type(chunk) == "function" then
        chunk = read_all(chunk)
    elseif type(chunk) ~= "string" then
        error(("load takes a string or a function, got %s"):format(type(chunk)), 2)
    end
    if #chunk > MAX_CHUNK_SIZE then
        return nil, ("a chunk may have %d bytes, this one has %d"):format(MAX_CHUNK_SIZE, #chunk)
    end
    -- "=" keeps a script from naming its chunk like one of Perigee's own.
    name = "=" .. tostring(name or "load"):gsub("^[=@]", "")
    if environment == nil then
        return load(chunk, name, "t")
    elseif type(environment) ~= "table" then
        error(("load takes a table as environment, got %s"):format(type(environment)), 2)
    end
    return load(chunk, name, "t", environment)
end

local function rep(text, count, separator)
    local size = (#text + #(separator or "")) * (tonumber(count) or 0)
    if size > MAX_STRING_SIZE then
        error(("string.rep would make %d bytes"):format(size), 2)
    end
    return string.rep(text, count, separator)
end

-- What few services use is loaded when they do.
local function gmatch(text, pattern)
    return require("perigee.service.substitution").gmatch(text, pattern)
end

local function gsub(text, pattern, replacement, limit)
    return require("perigee.service.substitution").gsub(text, pattern, replacement, limit)
end

local function sort(list, is_less)
    return require("perigee.service.sort")(list, is_less)
end

local function collect_garbage(what)
    if what ~= nil and what ~= "count" then
        error("a service may only ask collectgarbage for the \"count\"", 2)
    end
    return collectgarbage("count")
end

-- Methods of strings are found in a table no script can reach: Perigee's own modules in this
-- isolate use them too. What a script adds to its `string` is a method as well; what it replaces
-- there is not.
local function guard_strings(library)
    local own = pick(library, GRANTED.string)
    local string_metatable = getmetatable("")
    string_metatable.__index = setmetatable(own, { __index = library })
    string_metatable.__metatable = false
end

-- A forgotten `local` makes tasks of one service overwrite each other's variables: an error says so
-- at once.
local function refuse_global(_, name)
    error(("assignment to the undeclared global '%s': declare it with `local`, "
        .. "or with rawset(_G, ...) when it is meant"):format(tostring(name)), 2)
end

--- Makes `globals` (the state's own table) what a script may use.
-- @param own functions of the caller: print, require and getenv
function sandbox.fill(globals, own)
    local granted = pick(globals, GRANTED.base)
    for _, name in ipairs(LIBRARIES) do
        granted[name] = pick(globals[name], GRANTED[name])
    end
    granted.string.rep = rep
    granted.string.find, granted.string.match = patterns.find, patterns.match
    granted.string.gmatch, granted.string.gsub = gmatch, gsub
    granted.table.sort = sort
    granted.coroutine = lazy "perigee.core.script_coroutines"
    granted.load, granted.collectgarbage = load_text, collect_garbage
    granted.print, granted.require, granted.os.getenv = own.print, own.require, own.getenv
    for name in pairs(globals) do
        globals[name] = nil
    end
    for name, value in pairs(granted) do
        globals[name] = value
    end
    globals._G = globals
    setmetatable(globals, { __newindex = refuse_global, __metatable = false })
    guard_strings(granted.string)
end

return sandbox
