--- What the dashboard shows of services and instances beyond /status.
local http = require "perigee.http"
local json = require "perigee.json"

local catalog_view = {}

-- Lines above and below the one an error names.
local AROUND = 5

local INSTANCE_LIMIT = 1000

--- Every RPC service with its methods and their types: see catalog:describe_rpc.
function catalog_view.methods(supervisor)
    return { services = json.array(supervisor.catalog:describe_rpc()) }
end

local function add_instances(list, supervisor, name)
    for _, one in ipairs(supervisor.membership.registry.known:instances(name) or {}) do
        if #list >= INSTANCE_LIMIT then
            return
        end
        list[#list + 1] = { service = one.service, id = one.id, address = one.address,
            rpc = one.rpc, version = one.version, generation = one.generation, zone = one.zone }
    end
end

--- The instances the registry knows, at most 1,000.
-- @return { instances = { { service=, id=, address=, rpc=, version=, generation=, zone= }, ... } };
-- or an answer with the problem
function catalog_view.instances(supervisor)
    local names, problem = supervisor.membership:list()
    if not names then
        return http.error(503, "the registry does not say what it knows: " .. tostring(problem))
    end
    local list = json.array()
    for _, name in ipairs(names) do
        add_instances(list, supervisor, name)
    end
    return { instances = list }
end

-- The first file and line of a message that is one of those the attempt looked at.
local function find_place(message, source)
    for path, number in message:gmatch("([^%s:][^\n:]*):(%d+):") do
        local seen = source.looked_at[path]
        if seen and seen.bytes then
            return path, tonumber(number), seen.bytes
        end
    end
end

local function lines_around(text, wanted)
    local lines, number = json.array(), 0
    for line in (text .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        if math.abs(number - wanted) <= AROUND then
            lines[#lines + 1] = { number = number, text = line }
        end
    end
    return lines
end

--- The lines of a service's script around the one that its last error names.
-- @return { path=, line=, lines = { { number=, text= }, ... } }; or an answer with the problem
function catalog_view.source(supervisor, name)
    local service = supervisor.catalog:get(name)
    local failure, source = service and service.last_error, service and service.attempted
    if not (failure and source) then
        return http.error(404, "no attempt to load it has failed")
    end
    local path, line, text = find_place(failure.message, source)
    if not path then
        return http.error(404, "the error names no line of the service")
    end
    return { path = path, line = line, lines = lines_around(text, line) }
end

return catalog_view
