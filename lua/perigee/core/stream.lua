--- Byte streams for tasks: the seam's streams with calls that wait.
local event = require "perigee.core.event"
local host = require "host"
local name_lookup = require "perigee.core.name_lookup"
local outgoing = require "perigee.core.outgoing"
local scheduler = require "perigee.core.scheduler"

local stream = {}
local methods = {}
local metatable = { __index = methods }

-- A writer waits while this much has not been taken by the kernel.
local UNSENT_HIGH_SIZE = 256 * 1024

-- For one of several addresses, when the caller has set no time.
local SHARE_S = 2

-- Of streams that were polled in vain, by their numbers.
local listeners, arguments = {}, {}

scheduler.on_event(event.READABLE, function(id)
    local fn, argument = listeners[id], arguments[id]
    if fn then
        listeners[id], arguments[id] = nil, nil
        fn(argument)
    end
end)

local function wrap(box)
    return setmetatable({ box = box, id = box:id() }, metatable)
end

local function connect_numeric(address, deadline)
    local box, code = host.connect(address)
    if not box then
        return nil, code
    end
    local self = wrap(box)
    local is_ok, status = scheduler.wait_event(event.CONNECTED, self.id, deadline)
    if is_ok and status == 0 then
        outgoing.add(self)
        return self
    end
    if is_ok then
        local _, reason = box:read()
        status = reason
    end
    box:close()
    return nil, status
end

-- The name in front of a port; nil for what the host connects to without asking.
local function name_of(address)
    local name, port = address:match("^([^:%[%]]+):(%d+)$")
    if name and name ~= "localhost" and name ~= "unix" and not name:find("^[%d.]+$") then
        return name, port
    end
end

-- Until when an address is tried, of which so many are left: each but the last has its share of the
-- time, so that one that swallows what is sent to it does not use up all.
local function share_of(deadline, left_count)
    local now = scheduler.now()
    if deadline then
        return now + (deadline - now) / left_count
    end
    return left_count > 1 and now + SHARE_S or nil
end

local function connect_to_any(addresses, port, deadline, is_granted)
    local opened, code, detail
    for i, address in ipairs(addresses) do
        local text = (address:find(":", 1, true) and "[%s]:%s" or "%s:%s"):format(address, port)
        local may_connect, reason, why = is_granted, nil, nil
        if not may_connect then
            may_connect, reason, why = outgoing.check_address(text)
        end
        if may_connect then
            opened, code = connect_numeric(text, share_of(deadline, #addresses - i + 1))
        else
            code, detail = reason, why
        end
        if opened or code == "canceled" then
            break
        end
    end
    return opened, code, detail
end

local function connect_to_name(name, port, deadline)
    local granted, refusal, detail = outgoing.check_name(name, port)
    if not granted then
        return nil, refusal, detail
    end
    local addresses, code = name_lookup(name, deadline)
    if not addresses then
        return nil, code
    end
    return connect_to_any(addresses, port, deadline, granted == true)
end

--- Connects to `address` ("127.0.0.1:80", "[::1]:80", "unix:/path", "example.org:80"): to the first
-- address of a name that answers. Returns a stream; or nil, code, detail or nil: "not_found" for a
-- name that nobody knows, "denied" where a service has no grant for it, "exhausted" when it has as
-- many connections as it may have.
function stream.connect(address, deadline)
    local has_room, full, sentence = outgoing.check_room()
    if not has_room then
        return nil, full, sentence
    end
    local name, port = name_of(address)
    if name then
        return connect_to_name(name, port, deadline)
    end
    local is_granted, refusal, detail = outgoing.check_address(address)
    if not is_granted then
        return nil, refusal, detail
    end
    local opened, code = connect_numeric(address, deadline)
    return opened, code
end

--- A stream over a descriptor that this process inherited.
function stream.adopt(descriptor)
    local box, code = host.adopt_stream(descriptor)
    if not box then
        return nil, code
    end
    return wrap(box)
end

--- One end as a stream, the other as a descriptor for a child.
function stream.pair()
    local box, descriptor = host.stream_pair()
    if not box then
        return nil, descriptor
    end
    return wrap(box), descriptor
end

--- Waits for bytes. Returns them, or nil and "eof", "timeout", "closed" or another code.
function methods:read(deadline)
    while true do
        local bytes, code = self.box:read()
        if bytes or code ~= "again" then
            return bytes, code
        end
        local is_ok, reason = scheduler.wait_event(event.READABLE, self.id, deadline)
        if not is_ok then
            return nil, reason
        end
    end
end

--- Has `read` give whole messages from now on.
-- @param kind "gob" or "msgpack", as many as there are; or "json", one at a time
-- @param size the most bytes that one may have; a larger one is "too_large", what is none "invalid"
function methods:frame(kind, size)
    self.box:frame(kind, size)
end

--- Takes what is there without waiting. Returns bytes; or nil, "again" when there is nothing, and
-- then fn(argument) is called, outside of tasks, as soon as that has changed; or nil, code.
function methods:poll(fn, argument)
    local bytes, code = self.box:read()
    if not bytes and code == "again" then
        listeners[self.id], arguments[self.id] = fn, argument
    end
    return bytes, code
end

--- Writes without ever waiting: what the kernel does not take is queued. Returns how many bytes
-- are, or nil, code.
function methods:post(bytes)
    return self.box:write(bytes)
end

--- Waits until nothing is queued. Returns true, or nil, code.
function methods:wait_sent(deadline)
    local is_ok, status = scheduler.wait_event(event.WRITABLE, self.id, deadline)
    if not is_ok then
        return nil, status
    end
    return true
end

--- Writes all of `bytes`, waiting while too much is unsent. Returns true, or nil, code.
function methods:write(bytes, deadline)
    local unsent, code = self:post(bytes)
    if not unsent then
        return nil, code
    elseif unsent > UNSENT_HIGH_SIZE then
        return self:wait_sent(deadline)
    end
    return true
end

--- Nothing more will be written.
function methods:shutdown()
    self.box:shutdown()
end

function methods:close()
    listeners[self.id], arguments[self.id] = nil, nil
    outgoing.remove(self)
    self.box:close()
end

return stream
