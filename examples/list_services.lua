-- The services that the registry knows, each with its instances: what Consul's list of services is
-- to a program in Go. Without `--registry` these are the services of this host; with
-- `--registry etcd://127.0.0.1:2379` or `--registry consul://127.0.0.1:8500` those of all hosts.
-- /list_services alone lists the names.
--
-- $ curl -s http://127.0.0.1:8080/list_services/list_services
-- list_services at 127.0.0.1:8080/list_services
-- $ curl -s http://127.0.0.1:8080/list_services/greet
-- greet at 127.0.0.1:8080/greet
local http = require "perigee.http"
local registry = require "perigee.registry"

local app = http.router()

app:get("/", function()
    local names, code, detail = registry.host():list()
    if not names then
        return 503, ("%s: %s"):format(code, detail)
    end
    return table.concat(names, "\n")
end)

app:get("/:name", function(request)
    local list, code, detail = registry.host():instances(request.params.name)
    if not list then
        return 503, ("%s: %s"):format(code, detail)
    end
    local lines = {}
    for i, instance in ipairs(list) do
        lines[i] = ("%s at %s%s"):format(instance.service, instance.address, instance.mount or "")
    end
    return table.concat(lines, "\n")
end)

return { http = app }
