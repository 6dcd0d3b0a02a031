--- Some of the instances that a registry knows: those whose metadata say what is asked for. It
-- takes a registry's place for perigee.destination.
local registry = require "perigee.registry"

local methods = {}
local metatable = { __index = methods }

local selection = {}

--- What is wrong with `wanted`, name → value, or false where the name must be absent; nil when
-- nothing is.
function selection.problem(wanted)
    for name, value in pairs(wanted) do
        if type(name) ~= "string" or type(value) ~= "string" and value ~= false then
            return ("metadata.%s must be a string, or false where instances must not have it, "
                .. "got %s"):format(tostring(name), tostring(value))
        end
    end
    return nil
end

--- Makes one of the host's registry.
function selection.new(wanted)
    return setmetatable({ wanted = wanted, source = false, selected = false }, metatable)
end

local function is_wanted(instance, wanted)
    local metadata = instance.metadata or {}
    for name, value in pairs(wanted) do
        if (metadata[name] or false) ~= value then
            return false
        end
    end
    return true
end

--- As registry:instances. The list is the same as long as the registry's is.
function methods:instances(service)
    local list, info, detail = registry.host():instances(service)
    if not list then
        return nil, info, detail
    elseif list ~= self.source then
        self.source, self.selected = list, {}
        for _, instance in ipairs(list) do
            if is_wanted(instance, self.wanted) then
                self.selected[#self.selected + 1] = instance
            end
        end
    end
    return self.selected, info
end

return selection
