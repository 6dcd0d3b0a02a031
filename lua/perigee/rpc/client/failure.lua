--- What a server says of a call that failed, as { code =, detail =, data = }: the code is what
-- callers may match on, the detail the message as it came.
local failure = {}

-- Texts of Go's net/rpc and of Perigee, where protocols have nothing but a text.
local patterns = {
    { "^rpc: can't find ", "not_found" },
    { "^rpc: service/method request ill%-formed", "not_found" },
    { "^perigee: the deadline of the call has passed$", "timeout" },
    { "^perigee: .*call again", "unavailable" },
}

-- Codes of JSON-RPC 2.0, and those that Perigee has in the range of servers.
local codes = { [-32601] = "not_found", [-32602] = "invalid", [-32001] = "timeout",
    [-32002] = "unavailable" }

--- Of a text alone.
function failure.of_text(text)
    for _, entry in ipairs(patterns) do
        if text:find(entry[1]) then
            return { code = entry[2], detail = text }
        end
    end
    return { code = "failed", detail = text }
end

--- Of any other value: an error object of JSON-RPC 2.0, or whatever a server takes for one.
function failure.of_value(value)
    local members = type(value) == "table" and value or {}
    local message = type(members.message) == "string" and members.message
        or "the server answered with an error that has no message"
    return { code = codes[members.code] or "failed", detail = message, data = value }
end

return failure
