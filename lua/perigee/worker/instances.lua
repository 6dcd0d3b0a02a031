--- What the services of this worker know of instances on other hosts: asked of the supervisor once
-- for each name, and passed on to every isolate that wants it.
local instances = {}

local ASK_S = 4

local watchers = {} -- name of a service -> set of generations
local supervisor

--- @param peer to the supervisor
function instances.configure(peer)
    supervisor = peer
end

--- Has `generation` told of every change. Returns { list = }; or nil and a message.
function instances.watch(generation, name)
    watchers[name] = watchers[name] or {}
    watchers[name][generation] = true
    local answer, _, detail = supervisor:call("watch_instances", { name = name }, ASK_S)
    return answer or nil, detail
end

--- The names of all services; or nil and a message.
function instances.list()
    local names, _, detail = supervisor:call("list_services", nil, ASK_S)
    return names or nil, detail
end

--- Takes a new list of the supervisor's: body = { name =, list = }.
function instances.take(body)
    local of_name = watchers[body.name] or {}
    for generation in pairs(of_name) do
        if generation.is_closed then
            of_name[generation] = nil
        else
            generation.peer:notify("notify", { op = "instances", body = body })
        end
    end
end

return instances
