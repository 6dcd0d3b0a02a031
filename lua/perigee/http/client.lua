--- Requests to HTTP servers, over TCP and unix sockets. This module only ties the parts below
-- perigee.http.client to the host's streams and clock.
local connection = require "perigee.http.client.connection"
local perigee = require "perigee"
local pool = require "perigee.http.client.pool"
local request_writer = require "perigee.http.client.request_writer"
local stream = require "perigee.core.stream"

local client = {}

local PROTOCOL = "http/1.1" -- for ALPN

local function address_problem(address)
    return type(address) ~= "string" and "the address must be text such as 127.0.0.1:8080" or nil
end

--- Makes a connection over an open stream to `address`, which it owns from then on. It may be
-- anything with the methods read(deadline), poll(), write(bytes, deadline) and close() of
-- perigee.core.stream.
function client.over(open_stream, address)
    return connection.new(open_stream, { address = address, now = perigee.now })
end

--- Connects to `address`: "127.0.0.1:8080", "unix:/path" or "unix:@name".
-- @param options {deadline = in seconds of perigee.now(), tls = of perigee.core.tls_client}
-- @return a connection (see perigee.http.client.connection); or nil, code, detail
function client.connect(address, options)
    local problem = address_problem(address)
    if problem then
        error(problem, 2)
    end
    options = options or {}
    local opened, code, detail, phase = stream.connect(address, options.deadline,
        { tls = options.tls, protocol = PROTOCOL })
    if not opened and phase == "tls" then
        return nil, code, ("cannot speak TLS with %s: %s"):format(address, detail or code)
    elseif not opened then
        return nil, code, detail or "cannot connect to " .. address
    end
    return client.over(opened, address)
end

--- Makes one request on a connection of its own.
-- @param request as for connection:request, with its `address`, and perhaps `tls`
-- @return the response; or nil, code, detail
function client.request(request)
    local problem = request_writer.problem(request) or address_problem(request.address)
    if problem then
        error(problem, 2)
    end
    local deadline = connection.deadline(request, perigee.now)
    local opened, code, detail = client.connect(request.address,
        { deadline = deadline, tls = request.tls })
    if not opened then
        return nil, code, detail
    end
    local message = request_writer.compose(request, opened.authority, true)
    local response
    response, code, detail = opened:exchange(message, deadline)
    return response, code, detail
end

--- Makes a pool of connections to `address` (see perigee.http.client.pool).
-- @param options {limit = connections open at once, 32; idle_s = how long one is kept unused, 30;
-- tls = of perigee.core.tls_client}
function client.pool(address, options)
    options = options or {}
    local problem = address_problem(address) or pool.problem(options)
    if problem then
        error(problem, 2)
    end
    local function connect(deadline)
        return client.connect(address, { deadline = deadline, tls = options.tls })
    end
    return pool.new(connect, {
        address = address,
        now = perigee.now,
        limit = options.limit,
        idle_s = options.idle_s,
    })
end

return client
