--- Requests for another protocol, such as WebSockets, that somebody else answers: the handshake is
-- sent on, and from its 101 on bytes go both ways until either side ends.
local event = require "perigee.core.event"
local hop_by_hop = require "perigee.http.hop_by_hop"
local response_reader = require "perigee.http.client.response_reader"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"

local tunnel = {}

local PIECE_SIZE = 64 * 1024
local SWITCHING = 101

-- The handshake is of one connection, as are these, but of each in turn.
local PASSED = { ["upgrade"] = true }

local function compose_head(target, fields)
    local lines = { ("GET %s HTTP/1.1\r\nConnection: Upgrade\r\n"):format(target) }
    for i = 1, #fields, 2 do
        local name = fields[i]:lower()
        if PASSED[name] or not hop_by_hop[name] then
            lines[#lines + 1] = fields[i] .. ": " .. fields[i + 1] .. "\r\n"
        end
    end
    return table.concat(lines) .. "\r\n"
end

-- Returns the answer; or nil, code, detail.
local function read_answer(peer, reader, deadline)
    local answer, code, detail = nil, "again", nil
    while not answer and code == "again" do
        local bytes, reason = peer:read(deadline)
        if bytes then
            answer, code, detail = reader:push(bytes)
        elseif reason == "eof" then
            answer, code, detail = reader:finish()
        else
            code = reason
        end
    end
    return answer, code, detail
end

local function shake_hands(peer, target, fields, deadline)
    local is_written, code = peer:write(compose_head(target, fields), deadline)
    if not is_written then
        return nil, code
    end
    local reader = response_reader.new({ method = "GET", takes_upgrade = true })
    local answer, reason, detail = read_answer(peer, reader, deadline)
    if not answer then
        return nil, reason, detail
    end
    return answer, reader.rest
end

--- Sends a handshake to `address`.
-- @param fields { name, value, ... }; of those of a hop Upgrade alone is sent
-- @return the answer, { status, fields, body }, and when that is a 101 what is given to
-- tunnel.join; or nil, code, detail, and whether nothing was sent
function tunnel.ask(address, target, fields, deadline)
    local peer, code = stream.connect(address, deadline)
    if not peer then
        return nil, code, "cannot connect to " .. address, true
    end
    local answer, rest, detail = shake_hands(peer, target, fields, deadline)
    if answer and answer.status == SWITCHING then
        return answer, { peer = peer, first = rest }
    end
    peer:close()
    if answer then
        return answer
    end
    return nil, rest, detail, false
end

--- The lines of the answer 101 for the client.
function tunnel.lines(answer)
    local lines = {}
    for name, value in answer.fields:each() do
        local lowered = name:lower()
        if PASSED[lowered] or not hop_by_hop[lowered] then
            lines[#lines + 1] = name .. ": " .. value .. "\r\n"
        end
    end
    return table.concat(lines)
end

-- The end of what the client sends ends the other direction too, in the end.
local function copy_up(asked, peer, filter)
    local bytes = filter(asked:read(PIECE_SIZE))
    while bytes and peer:write(bytes) do
        bytes = filter(asked:read(PIECE_SIZE))
    end
    peer:shutdown()
end

local function copy_down(asked, peer, filter, first)
    local bytes = filter(first)
    while bytes and asked:write(bytes) do
        bytes = filter(peer:read())
    end
    asked:finish("")
    tunnel.close(peer)
end

--- Ends the stream for those too who wait for it.
function tunnel.close(peer)
    peer:close()
    scheduler.notify(event.WRITABLE, peer.id)
    scheduler.notify(event.READABLE, peer.id)
end

local function pass(bytes)
    return bytes
end

--- Passes bytes between the client of an exchange that was upgraded and what `opened` leads to, and
-- returns when both are closed.
-- @param filters { up = function(bytes or nil at the end) → what goes to the server, nil to end it;
-- down = that for the client }, or nil
function tunnel.join(asked, opened, filters)
    local up, down = pass, pass
    if filters then
        up, down = filters.up, filters.down
    end
    scheduler.spawn(copy_up, asked, opened.peer, up).name = "tunnel"
    copy_down(asked, opened.peer, down, opened.first)
end

return tunnel
