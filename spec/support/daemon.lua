--- A server of the distribution for a spec, on free ports of loopback: started, waited for, ended.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local program = require "spec.support.program"
local seam = require "host"

local daemon = {}
local methods = {}
local metatable = { __index = methods }

local SIGKILL = 9

local started = {}

--- A port of loopback that was free a moment ago, as an address.
function daemon.free_address()
    local descriptors, address = assert(seam.listen("127.0.0.1:0", 1))
    seam.close_descriptor(descriptors[1])
    return address
end

--- Starts `file` with `arguments` and waits until a GET of `target` at `address` answers 2xx.
function daemon.start(file, arguments, address, target)
    local self = setmetatable({ address = address }, metatable)
    started[#started + 1] = self
    self.program = program.start(arguments, { file = file })
    eventually(function()
        assert(not self.program:has_ended(), self.program:last_words())
        local response = client.request({ address = address, target = target, timeout_s = 1 })
        return response and response.status >= 200 and response.status < 300
    end, file .. " serves")
    return self
end

--- The response of a request as of client.request; fails the spec without one.
function methods:request(request)
    request.address = self.address
    return assert(client.request(request))
end

--- Ends it at once.
function methods:kill()
    if self.program then
        self.program:signal(SIGKILL)
        self.program:wait()
        self.program = nil
    end
end

--- Ends everything that was started.
function daemon.stop_all()
    local all = started
    started = {}
    for _, self in ipairs(all) do
        self:kill()
    end
end

return daemon
