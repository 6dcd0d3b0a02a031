--- Byte streams for tasks: the seam's streams with calls that wait.
local event = require "perigee.core.event"
local host = require "host"
local lazy = require "perigee.core.lazy"
local name_lookup = require "perigee.core.name_lookup"
local outgoing = require "perigee.core.outgoing"
local scheduler = require "perigee.core.scheduler"

local happy_eyeballs = lazy "perigee.core.happy_eyeballs"

local stream = {}
local methods = {}
local metatable = { __index = methods }

-- A writer waits while this much has not been taken by the kernel.
local UNSENT_HIGH_SIZE = 256 * 1024

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

-- The earlier of a deadline and so many seconds from now; either may be nil.
local function limit(deadline, seconds)
    local own = seconds and scheduler.now() + seconds
    return deadline and own and math.min(deadline, own) or own or deadline
end

local function connect_to_any(addresses, port, deadline, is_granted)
    local refusal
    local function attempt(address, until_s)
        local text = (address:find(":", 1, true) and "[%s]:%s" or "%s:%s"):format(address, port)
        if not is_granted then
            local may_connect, code, detail = outgoing.check_address(text)
            if not may_connect then
                refusal = detail
                return nil, code
            end
        end
        return connect_numeric(text, until_s)
    end
    local opened, code
    if not addresses[2] then
        opened, code = attempt(addresses[1], deadline)
    else
        opened, code = happy_eyeballs.connect(addresses, attempt, deadline)
    end
    return opened, code, code == "denied" and refusal or nil
end

-- These return a stream without TLS; or nil, code, detail, phase.

local function connect_to_name(name, port, deadline, options)
    local granted, refusal, detail = outgoing.check_name(name, port)
    if not granted then
        return nil, refusal, detail, "connect"
    end
    local addresses, code = name_lookup(name, limit(deadline, options.lookup_s))
    if not addresses then
        return nil, code, nil, "lookup"
    end
    local opened
    opened, code, detail = connect_to_any(addresses, port, limit(deadline, options.connect_s),
        granted == true)
    return opened, code, detail, "connect"
end

local function connect(address, deadline, options)
    local has_room, full, sentence = outgoing.check_room()
    if not has_room then
        return nil, full, sentence, "connect"
    end
    local name, port = name_of(address)
    if name then
        return connect_to_name(name, port, deadline, options)
    end
    local is_granted, refusal, detail = outgoing.check_address(address)
    if not is_granted then
        return nil, refusal, detail, "connect"
    end
    local opened, code = connect_numeric(address, limit(deadline, options.connect_s))
    return opened, code, nil, "connect"
end

-- The name or number in an address, which a certificate must be for.
local function host_of(address)
    return address:match("^%[(.*)%]:%d+$") or address:match("^([^:]+):%d+$") or "localhost"
end

local NO_OPTIONS = {}

--- Connects to `address` ("127.0.0.1:80", "[::1]:80", "unix:/path", "example.org:80"): of a name to
-- the address that answers first, see perigee.core.happy_eyeballs.
-- @param deadline in seconds of scheduler.now, or nil
-- @param options nil, or { tls = of perigee.core.tls_client, to speak TLS; server_name = that its
-- certificate must be for, the address's when it is left out; protocol = "http/1.1", for ALPN;
-- lookup_s, connect_s, tls_s = limits of each phase }
-- @return a stream; or nil, code, detail or nil, phase: "not_found" for a name that nobody knows,
-- "denied" where a service has no grant for it, "exhausted" when it has as many connections as it
-- may have, and what methods:start_tls answers. The phase is "lookup", "connect" or "tls".
function stream.connect(address, deadline, options)
    options = options or NO_OPTIONS
    local opened, code, detail, phase = connect(address, deadline, options)
    if not opened or not options.tls then
        return opened, code, detail, phase
    end
    local is_ok
    is_ok, code, detail = opened:start_tls(options.tls, options.server_name or host_of(address),
        options.protocol, limit(deadline, options.tls_s))
    if not is_ok then
        opened:close()
        return nil, code, detail, "tls"
    end
    return opened
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

--- Begins to speak TLS with a server that has not said anything yet, and waits until both ends
-- agree.
-- @param tls of perigee.core.tls_client
-- @param server_name that the certificate must be for, unless `tls` says another
-- @param protocol for ALPN, or nil
-- @return true; or nil, code, detail, after which the stream is only good for closing: "untrusted"
-- for a certificate that is not to be believed, "not_tls", "tls" for what TLS does not allow
function methods:start_tls(tls, server_name, protocol, deadline)
    server_name = (tls.server_name or server_name):gsub("%.$", "")
    local is_ok, code = self.box:start_tls(tls.box, server_name, protocol or "")
    if not is_ok then
        return nil, code
    end
    local status
    is_ok, status = scheduler.wait_event(event.CONNECTED, self.id, deadline)
    if not is_ok then
        return nil, status
    elseif status == 0 then
        return true
    end
    local _, reason, detail = self.box:read()
    return nil, reason, detail
end

--- Waits for bytes. Returns them; or nil and "eof", "timeout", "closed" or another code, with a
-- sentence when TLS is the reason.
function methods:read(deadline)
    while true do
        local bytes, code, detail = self.box:read()
        if bytes or code ~= "again" then
            return bytes, code, detail
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
