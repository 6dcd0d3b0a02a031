--- Requests for another protocol, such as WebSockets, for a service of another worker: the
-- handshake is sent on, and from its 101 on bytes go both ways, as they are, until either side
-- ends.
local event = require "perigee.core.event"
local origin = require "perigee.service.origin"
local response_reader = require "perigee.http.client.response_reader"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"

local tunnel = {}

local MAX_HEAD_SIZE = 64 * 1024
local PIECE_SIZE = 64 * 1024

-- The host writes these itself.
local HOST_FIELDS = { ["connection"] = true, ["date"] = true }

local function compose_head(target, fields)
    local lines = { ("GET %s HTTP/1.1\r\nConnection: Upgrade\r\n"):format(target) }
    for i = 1, #fields, 2 do
        if not HOST_FIELDS[fields[i]:lower()] then
            lines[#lines + 1] = fields[i] .. ": " .. fields[i + 1] .. "\r\n"
        end
    end
    return table.concat(lines) .. "\r\n"
end

-- Returns what has come and where the head in it ends; or nil, code.
local function read_head(peer, deadline)
    local input = ""
    repeat
        local bytes, code = peer:read(deadline)
        if not bytes then
            return nil, code
        end
        input = input .. bytes
        local _, last = input:find("\r\n\r\n", 1, true)
        if last then
            return input, last
        end
    until #input > MAX_HEAD_SIZE
    return nil, "too_large"
end

local function lines_of(head)
    local lines = {}
    for line in head:gmatch("[^\n]*\n") do
        local name = line:match("^([^:%s]+):")
        if name and not HOST_FIELDS[name:lower()] then
            lines[#lines + 1] = line
        end
    end
    return table.concat(lines)
end

-- What the client sends. The end of it ends the other direction too, in the end.
local function copy_up(asked, peer)
    local bytes = asked:read(PIECE_SIZE)
    while bytes and peer:write(bytes) do
        bytes = asked:read(PIECE_SIZE)
    end
    peer:shutdown()
end

local function copy_down(asked, peer, first)
    local bytes = first
    while bytes and asked:write(bytes) do
        bytes = peer:read()
    end
    asked:finish("")
    peer:close()
    scheduler.notify(event.WRITABLE, peer.id) -- the other direction may wait for that
end

-- Any other answer than 101, whole. Returns it, or nil, code.
local function read_answer(peer, input, deadline)
    local reader = response_reader.new({ method = "GET" })
    local answer, code = reader:push(input)
    while not answer and code == "again" do
        local bytes, reason = peer:read(deadline)
        if bytes then
            answer, code = reader:push(bytes)
        elseif reason == "eof" then
            answer, code = reader:finish()
        else
            code = reason
        end
    end
    return answer, code
end

local function shake_hands(peer, asked, deadline)
    local is_written, code = peer:write(compose_head(asked.target, origin.fields(asked)), deadline)
    if not is_written then
        return nil, code
    end
    return read_head(peer, deadline)
end

--- Sends the request on to the worker at `address`. Returns true once it is over; the answer, when
-- that was no upgrade; or nil, code, with no answer given.
function tunnel.run(address, asked, deadline)
    local peer, code = stream.connect(address, deadline)
    if not peer then
        return nil, code
    end
    local input, last = shake_hands(peer, asked, deadline)
    if input and not input:find("^HTTP/1%.1 101 ") then
        input, last = read_answer(peer, input, deadline)
        peer:close()
        return input, last
    elseif not input or not asked:upgrade(lines_of(input:sub(1, last))) then
        peer:close()
        return nil, input and "closed" or last
    end
    scheduler.spawn(copy_up, asked, peer).name = "tunnel"
    copy_down(asked, peer, input:sub(last + 1))
    return true
end

return tunnel
