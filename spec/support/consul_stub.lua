--- A stand-in for a Consul agent: spec/fixtures/consul_agent.lua, served by a host of its own.
local host = require "spec.support.host"

local consul_stub = {}
local methods = {}
local metatable = { __index = methods }

--- Starts it. It ends with host.stop_all.
function consul_stub.start()
    local file = assert(io.open("spec/fixtures/consul_agent.lua"))
    local text = file:read("*a")
    file:close()
    return setmetatable({ host = host.start({ services = { ["agent.lua"] = text } }) }, metatable)
end

--- Where it is, as perigee.registry takes it.
function methods:location()
    return "consul://" .. self.host.http
end

--- Forgets all services, as an agent that was restarted without its data.
function methods:forget()
    self.host:post("/stub/forget")
end

--- Answers 500 to everything, or no more.
function methods:set_broken(is_broken)
    self.host:post("/stub/broken/" .. (is_broken and "on" or "off"))
end

--- Sets the index of its answers.
function methods:set_index(index)
    self.host:post("/stub/index/" .. index)
end

--- How many heartbeats it got.
function methods:pass_count()
    return self.host:json("/stub/seen").passes
end

return consul_stub
