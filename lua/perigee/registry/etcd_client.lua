--- etcd v3 through its JSON gateway (etcd 3.4 and later): one call a function, values as they are.
-- 64-bit numbers stay strings: leases and revisions do not fit into Lua's numbers.
local base64 = require "perigee.core.base64"
local endpoints = require "perigee.registry.endpoints"
local json = require "perigee.json"

local CALL_S = 3
local MAX_ANSWER_SIZE = 64 * 1024 * 1024

-- gRPC's codes, of which the gateway's errors carry one.
local NOT_FOUND, UNAUTHENTICATED, INVALID_ARGUMENT, UNAVAILABLE = 5, 16, 3, 14

local CODES = { [NOT_FOUND] = "not_found", [UNAUTHENTICATED] = "unauthenticated",
    [11] = "compacted", [UNAVAILABLE] = "unavailable", [9] = "exists", [7] = "refused" }

-- Keys of one answer.
local PAGE_SIZE = 500

local methods = {}
local metatable = { __index = methods }

local etcd_client = {}

etcd_client.base64 = base64

--- Makes a client. `options`: addresses, a list of host:port; user and password if it asks for
-- them; tls of perigee.core.tls_client, if it speaks that.
function etcd_client.new(options)
    return setmetatable({
        endpoints = endpoints.new(options.addresses, options.tls),
        user = options.user, password = options.password,
        token = false,
    }, metatable)
end

--- The error in a decoded answer, as 3.4, 3.5 and 3.6 write it, on its own or inside of a stream:
-- code, detail; nothing when there is none.
function etcd_client.error_of(answer)
    local failure = answer.error
    if type(failure) == "table" then
        local number = failure.grpc_code or failure.code
        return CODES[number] or "failed", tostring(failure.message), number
    elseif failure ~= nil or answer.code and answer.message then
        return CODES[answer.code] or "failed", tostring(answer.message or failure), answer.code
    end
end

--- The fields of a request, with who asks; without a leader a call shall fail, not wait or answer
-- what is old.
function methods:fields()
    local fields = { "Content-Type", "application/json", "Grpc-Metadata-hasleader", "true" }
    if self.token then
        fields[#fields + 1] = "Authorization"
        fields[#fields + 1] = self.token
    end
    return fields
end

-- Returns the decoded answer; or nil, code, detail, number.
local function post(self, path, body)
    local response, code, detail = self.endpoints:request({
        method = "POST", target = path, body = body, fields = self:fields(), timeout_s = CALL_S,
        max_body = MAX_ANSWER_SIZE,
    })
    if not response then
        return nil, code, detail
    end
    local answer = json.decode(response.body)
    if type(answer) ~= "table" then
        return nil, "invalid", ("etcd answered %d with what is no JSON: %s"):format(
            response.status, response.body:sub(1, 80))
    end
    local failure, message, number = etcd_client.error_of(answer)
    if failure then
        return nil, failure, message, number
    end
    return answer
end

local function authenticate(self)
    self.token = false
    local answer, code, detail = post(self, "/v3/auth/authenticate",
        json.encode({ name = self.user, password = self.password }))
    if not answer then
        return nil, code, detail
    end
    self.token = answer.token
    return true
end

-- Tokens die of idleness, and of changes to users and roles.
local function is_token_refused(code, detail, number)
    return code == "unauthenticated"
        or number == INVALID_ARGUMENT and detail:find("auth", 1, true) ~= nil
end

--- Calls a path of the gateway. Returns the answer's table; or nil, code, detail.
function methods:call(path, message)
    if self.user and not self.token then
        local is_ok, code, detail = authenticate(self)
        if not is_ok then
            return nil, code, detail
        end
    end
    local body = json.encode(message)
    local answer, code, detail, number = post(self, path, body)
    if not answer and self.user and is_token_refused(code, detail or "", number) then
        local is_ok, reason, why = authenticate(self)
        if not is_ok then
            return nil, reason, why
        end
        answer, code, detail = post(self, path, body)
    end
    return answer, code, detail
end

--- The end of the range of all keys that begin with `prefix`.
function etcd_client.range_end(prefix)
    return prefix:sub(1, -2) .. string.char(prefix:byte(-1) + 1)
end

--- Grants a lease of `ttl_s` seconds. Returns its id.
function methods:grant(ttl_s)
    local answer, code, detail = self:call("/v3/lease/grant", { TTL = ttl_s })
    return answer and answer.ID, code, detail
end

local function revision_of(message)
    return type(message.header) == "table" and message.header.revision or nil
end

--- Keeps a lease alive. Returns true, or false when it is gone, and the revision if it was told.
function methods:keep_alive(lease)
    local answer, code, detail = self:call("/v3/lease/keepalive", { ID = lease })
    if code == "not_found" then
        return false
    elseif not answer then
        return nil, code, detail
    end
    local result = type(answer.result) == "table" and answer.result or {}
    return result.TTL ~= nil, revision_of(result)
end

--- Ends a lease, and with it its keys. One that is gone is fine.
function methods:revoke(lease)
    local answer, code, detail = self:call("/v3/lease/revoke", { ID = lease })
    if answer or code == "not_found" then
        return true
    end
    return nil, code, detail
end

--- The keys that hang on a lease, as a set; none when it is gone.
function methods:keys_of_lease(lease)
    local answer, code, detail = self:call("/v3/lease/timetolive", { ID = lease, keys = true })
    if not answer then
        return nil, code, detail
    end
    local keys = {}
    for _, key in ipairs(answer.keys or {}) do
        keys[base64.decode(key) or ""] = true
    end
    return keys
end

--- Stores a value under a key, for as long as the lease lives. Returns the revision.
function methods:put(key, value, lease)
    local answer, code, detail = self:call("/v3/kv/put", { key = base64.encode(key),
        value = base64.encode(value), lease = lease })
    return answer and (revision_of(answer) or "0"), code, detail
end

--- Deletes a key.
function methods:delete(key)
    local answer, code, detail = self:call("/v3/kv/deleterange", { key = base64.encode(key) })
    return answer and true, code, detail
end

-- Takes the pairs of one answer. Returns the key behind the last, when there are more.
local function take_page(answer, take)
    local last
    for _, kv in ipairs(answer.kvs or {}) do
        last = base64.decode(kv.key) or ""
        take(last, base64.decode(kv.value or "") or "")
    end
    return answer.more and last and last .. "\0"
end

--- Calls take(key, value) for every key that begins with `prefix`, all as they were at one time.
-- They are read in pages, because answers are large beside what is kept of them. Returns the
-- revision of that time.
function methods:range(prefix, take)
    local key, at = prefix, nil
    while key do
        local answer, code, detail = self:call("/v3/kv/range", { key = base64.encode(key),
            range_end = base64.encode(etcd_client.range_end(prefix)), limit = PAGE_SIZE,
            revision = at })
        if not answer then
            return nil, code, detail
        end
        at = at or answer.header.revision
        key = take_page(answer, take)
    end
    return at
end

function methods:close()
    self.endpoints:close()
end

return etcd_client
