--- How Go's rpc.DialHTTP begins: a CONNECT to the port of an HTTP server, and from its answer on
-- the connection is one of net/rpc.
local opening = {}

local MAX_ANSWER_SIZE = 8192
local WANTED = "200 Connected to Go RPC"

local function judge(head)
    local status = head:match("^HTTP/1%.%d ([^\r\n]*)")
    if not status then
        return nil, "invalid", "the answer to CONNECT is no HTTP"
    elseif status ~= WANTED then
        return nil, "refused", ("CONNECT was answered with '%s'"):format(status:sub(1, 100))
    end
    return true
end

--- Asks for net/rpc at `path`.
-- @param stream as perigee.core.stream has them
-- @return true; or nil, code, detail
function opening.ask(stream, path, deadline)
    stream:post(("CONNECT %s HTTP/1.0\n\n"):format(path))
    local head, last = ""
    repeat
        local bytes, code = stream:read(deadline)
        if not bytes then
            return nil, code == "eof" and "closed" or code, "there was no answer to CONNECT"
        end
        head = head .. bytes
        last = head:match("\n\r?\n()")
        if not last and #head > MAX_ANSWER_SIZE then
            return nil, "too_large", "the answer to CONNECT is too large"
        end
    until last
    local is_ok, code, detail = judge(head)
    if is_ok and last <= #head then
        return nil, "invalid", "the server spoke before it was asked"
    end
    return is_ok, code, detail
end

return opening
