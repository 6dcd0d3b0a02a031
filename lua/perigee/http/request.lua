--- The request a handler gets. Plain fields: method, target, path, mount. Everything else is read
-- from the exchange when it is first asked for, because most handlers ask for little.
--
-- Also fields: params, query, query_all, version, headers, cookies, remote, scheme, tls, id.
-- Middleware may add its own.
local lazy_module = require "perigee.core.lazy"

local cookies = lazy_module "perigee.http.cookies"
local form = lazy_module "perigee.http.form"
local headers = lazy_module "perigee.http.headers"
local http_error = lazy_module "perigee.http.http_error"
local request_body = lazy_module "perigee.http.request_body"
local json = lazy_module "perigee.json"
local url = lazy_module "perigee.http.url"

local methods, lazy = {}, {}

local metatable = {
    __index = function(self, key)
        local make = lazy[key]
        if not make then
            return methods[key]
        end
        local value = make(self)
        rawset(self, key, value)
        return value
    end,
    __tostring = function(self)
        return self.method .. " " .. self.path
    end,
}

local request = {}

--- Makes a request of an exchange, see perigee.http.server, which also sets route and params.
-- @param new_id makes its id when somebody asks for it
function request.new(exchange, new_id)
    -- Constants first, see perigee.core.task_record.
    local self = { method = false, target = false, path = false, mount = false, route = false,
        params = false, _exchange = false, _query = false, _new_id = false }
    self._exchange, self._new_id = exchange, new_id
    self.method, self.path, self._query, self.mount, self.target = exchange:request_line()
    self.route, self.params = nil, nil
    return setmetatable(self, metatable)
end

--- The path below the mount, with the slash it begins with.
function request.path_below(self)
    local mount, path = self.mount, self.path
    if mount == "/" then
        return path
    end
    local below = path:sub(#mount + 1)
    return below == "" and "/" or below
end

local function parsed_query(self, parse)
    local pairs_of_query, code = parse(self._query or "")
    if not pairs_of_query then
        error(http_error.new(400, code == "invalid" and "the query has a malformed percent-encoding"
            or "the query has too many names"), 0)
    end
    return pairs_of_query
end

--- The values of the path's `:name` and `*rest`, decoded.
function lazy.params()
    return {}
end

--- The first value of each name of the query. A malformed query answers 400 here.
function lazy.query(self)
    return parsed_query(self, url.parse_first_values)
end

--- All values of each name of the query, in order.
function lazy.query_all(self)
    return url.all_values(parsed_query(self, url.parse_query))
end

--- "1.1" or "1.0".
function lazy.version(self)
    return self._exchange:version()
end

--- All fields, see perigee.http.headers.
function lazy.headers(self)
    return headers.new(self._exchange:fields())
end

--- The cookies by name. Several Cookie fields are joined by perigee.http.headers, which knows how.
function lazy.cookies(self)
    return cookies.parse(self:header("cookie") and self.headers:get("cookie") or "")
end

--- The client's address: {host, port}.
function lazy.remote(self)
    local host, port = self._exchange:peer()
    return { host = host, port = port }
end

--- What the client and the host agreed on: {version, cipher, sni, client}; nil without TLS. `sni`
-- is the host the client asked for, `client` = {subject} when it showed a certificate.
function lazy.tls(self)
    local version, cipher, sni, subject = self._exchange:tls()
    return version and { version = version, cipher = cipher, sni = sni,
        client = subject and { subject = subject } } or nil
end

--- "https" or "http".
function lazy.scheme(self)
    return self.tls and "https" or "http"
end

--- 16 hexadecimal digits, the ones in the log and in the answer when the handler fails.
function lazy.id(self)
    return self._new_id()
end

--- The value of a header field, or nil; repeated fields are joined.
function methods:header(name)
    if type(name) ~= "string" then
        error("request:header takes a name, not " .. type(name), 2)
    end
    return self._exchange:field(name:lower())
end

--- The value of a cookie, or nil.
function methods:cookie(name)
    return self.cookies[name]
end

--- The whole body, "" when there is none. Waits for it.
-- @return the bytes; or nil and "too_large", "timeout", "closed" or "invalid"
function methods:body()
    if self._is_read_in_pieces then
        error("the body of this request is already being read in pieces", 2)
    elseif self._body == nil then
        local body, code = self._exchange:body()
        self._body, self._body_code = body or false, code
    end
    if not self._body then
        return nil, self._body_code
    end
    return self._body
end

local function is_count(value, least)
    return type(value) == "number" and value >= least
end

--- The next bytes of the body as they come. Waits for them; what is not taken is not read from the
-- client.
-- @param size at most so many, 64 KiB by default
-- @return the bytes; nil at the end of the body; or nil and a code as of `body`
function methods:read(size)
    if size ~= nil and not is_count(size, 1) then
        error("request:read takes a number of bytes, not " .. tostring(size), 2)
    end
    return request_body.read(self, size)
end

--- Iterates over the body as it comes: `for chunk in request:chunks() do`. A body that fails raises
-- the error answer that fits, so that half of it is never taken for the whole.
-- @param options limit = bytes, 413 beyond; the service's own limit holds besides
function methods:chunks(options)
    local limit = options and options.limit
    if limit ~= nil and not is_count(limit, 0) then
        error("the limit of request:chunks must be a number of bytes, not " .. tostring(limit), 2)
    end
    return request_body.chunks(self, limit)
end

--- The fields behind a chunked body that has been read, as of `headers`; most requests have none.
-- @return Headers; or nil, "closed"
function methods:trailers()
    if not self._is_body_over and not self._body then
        error("trailers come behind the body: read it first", 2)
    end
    return request_body.trailers(self)
end

--- The body decoded as JSON, whatever its Content-Type says. null is `json.null`.
-- @return the value; or nil, code, detail: what `body` returns, or "invalid" with line and column
function methods:json()
    local body, code = self:body()
    if not body then
        return nil, code
    end
    if body == "" then
        return nil, "invalid", "the body is empty"
    end
    return json.decode(body)
end

--- The body as a form, see perigee.http.form.
-- @return {values, all, files}; or nil, code, detail: what `body` returns, "unsupported" or
-- "invalid"
function methods:form()
    local body, code = self:body()
    if not body then
        return nil, code
    end
    return form.parse(self:header("content-type"), body)
end

return request
