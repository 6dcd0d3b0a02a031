--- The bytes of one generation of a service: its script and the modules it asked for, each read
-- once, so that every worker gets the same. It remembers every path that was looked at, found or
-- not: a change of any of them is a reason to reload.
local host = require "host"

local source = {}
local methods = {}
local metatable = { __index = methods }

local MAX_FILE_SIZE = 4 * 1024 * 1024

-- Names of modules, found or not, that one generation may ask for: it may make them up for ever.
local MAX_MODULE_COUNT = 1000

-- Reads a file together with a version taken before, so that a write in between is seen as a change
-- later.
local function read(path)
    local kind, version = host.file_info(path)
    if not kind then
        return nil, version
    end
    if kind ~= "file" then
        return nil, "not_found"
    end
    local bytes, code = host.read_file(path, MAX_FILE_SIZE)
    return bytes, code, version
end

--- `place` = { name=, path= of the script, roots= directories its modules are looked up in }.
-- Returns the source. One whose script cannot be read has no `script`; then a code comes second.
function source.open(place)
    local self = setmetatable({
        place = place,
        script = nil,
        modules = {}, -- name -> { source=, chunk= } | { message= }
        module_count = 0,
        looked_at = {}, -- path -> { version = text | nil, bytes = text | nil }
    }, metatable)
    local code
    self.script, code = self:look_at(place.path)
    return self, code
end

--- Reads `path` the first time it is asked for. Returns its bytes, or nil, code.
function methods:look_at(path)
    local seen = self.looked_at[path]
    if not seen then
        local bytes, code, version = read(path)
        seen = { bytes = bytes, code = code, version = version }
        self.looked_at[path] = seen
    end
    return seen.bytes, seen.code
end

--- The file of a module: { source=, chunk= }, or nil and a message that names the places tried.
function methods:module(name)
    local known = self.modules[name]
    if not known then
        if self.module_count == MAX_MODULE_COUNT then
            return nil, ("module '%s' is one too many: a service may ask for %d"):format(name,
                MAX_MODULE_COUNT)
        end
        known = self:find_module(name)
        self.modules[name] = known
        self.module_count = self.module_count + 1
    end
    if known.message then
        return nil, known.message
    end
    return known
end

function methods:find_module(name)
    local relative = name:gsub("%.", "/")
    local tried = {}
    for _, root in ipairs(self.place.roots) do
        for _, suffix in ipairs({ ".lua", "/init.lua" }) do
            local path = root .. "/" .. relative .. suffix
            local bytes, code = self:look_at(path)
            if bytes then
                return { source = bytes, chunk = path }
            elseif code == "too_large" then
                return { message = ("%s is larger than %d bytes"):format(path, MAX_FILE_SIZE) }
            end
            tried[#tried + 1] = "\n    no file " .. path
        end
    end
    return { message = ("module '%s' was not found:%s"):format(name, table.concat(tried)) }
end

--- True when any file it was made from is different now. Only what has a new version is read again.
function methods:is_changed()
    for path, seen in pairs(self.looked_at) do
        local kind, version = host.file_info(path)
        if not kind or kind ~= "file" then
            version = nil
        end
        if version ~= seen.version then
            local bytes = read(path)
            if bytes ~= seen.bytes then
                return true
            end
            seen.version = version
        end
    end
    return false
end

--- True when `other` was made from the same bytes.
function methods:equals(other)
    if self.script ~= other.script then
        return false
    end
    for path, seen in pairs(self.looked_at) do
        local twin = other.looked_at[path]
        if twin and twin.bytes ~= seen.bytes then
            return false
        end
    end
    return true
end

return source
