--- http.client: requests to URLs, with redirects, compression, proxies and limits of time and size.
-- Where a request goes is perigee.http.client.transport's business; this is what Go's http.Client
-- is.
local client_span = require "perigee.http.client_span"
local cookie_jar = require "perigee.http.client.cookie_jar"
local dialler = require "perigee.http.client.dialler"
local headers = require "perigee.http.headers"
local hop_fields = require "perigee.http.hop_fields"
local incoming_response = require "perigee.http.client.incoming_response"
local observers = require "perigee.http.client.observers"
local outgoing_body = require "perigee.http.client.outgoing_body"
local redirects = require "perigee.http.client.redirects"
local request_writer = require "perigee.http.client.request_writer"
local service_resolver = require "perigee.http.client.service_resolver"
local settings = require "perigee.http.client.settings"
local time_limits = require "perigee.http.client.time_limits"
local transport = require "perigee.http.client.transport"
local uri = require "perigee.http.uri"
local url_coding = require "perigee.http.url"

observers.install(client_span.observe)

local user_agent = {}

local NAME = "perigee"
local SERVICE = "http+service"
local NO_LIMIT = 2 ^ 53

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable.__tostring()
    return "http client"
end

--- Makes a client, see http.client in docs/http-client.md. Mistakes are raised at the line of who
-- calls http.client.
function user_agent.new(options)
    local checked, problem = settings.of_client(options or {})
    if not checked then
        error("http.client: " .. problem, 3)
    end
    return setmetatable({
        _settings = checked,
        _transport = transport.new(checked),
        _jar = checked.cookies and cookie_jar.new() or false,
        _counts = { requests = 0, failures = 0, redirects = 0 },
    }, metatable)
end

local function find_url(options)
    local url, problem = uri.parse(options.url)
    if not url then
        return nil, problem
    elseif url.scheme ~= "http" and url.scheme ~= "https" and url.scheme ~= SERVICE then
        return nil, ("there is no %s:// here; there are http://, https:// and %s://"):format(
            url.scheme, SERVICE)
    elseif options.query then
        local text = url_coding.encode_query(options.query)
        url.query = url.query and url.query ~= "" and url.query .. "&" .. text or text
    end
    return url
end

-- Sets what is not there yet.
local function set_default(list, name, value)
    if value and not list:get(name) then
        list:set(name, value)
    end
end

local function compose_headers(client_settings, given, body)
    local list = headers.new()
    for name, value in client_settings.headers:each() do
        if not given:get(name) then
            list:add(name, value)
        end
    end
    for name, value in given:each() do
        list:add(name, value)
    end
    set_default(list, "User-Agent", NAME)
    set_default(list, "Content-Type", body.content_type)
    return list
end

local function wants_gzip(call, is_wanted)
    return is_wanted and call.method ~= "HEAD" and not call.headers:get("accept-encoding")
        and not call.headers:get("range")
end

local function first_of(a, b)
    if a ~= nil then
        return a
    end
    return b
end

local function fill_limits(call, options, client_settings)
    call.limits = time_limits.start(options, client_settings)
    call.deadline = call.limits.deadline
    call.max_redirects = options.max_redirects or client_settings.max_redirects
    call.max_head = options.max_head or client_settings.max_head
    -- What is streamed may have any size, unless the call says otherwise.
    call.max_body = options.max_body or options.stream and NO_LIMIT or client_settings.max_body
end

-- A request on its way: what is sent next, and how long there is time. Returns it, or nil and what
-- is wrong.
local function new_call(self, options)
    local problem = settings.call_problem(options)
    local url, given
    if not problem then
        url, problem = find_url(options)
    end
    if url then
        given, problem = settings.read_headers(options.headers or {})
    end
    if not given then
        return nil, problem
    end
    local body = outgoing_body.new(options)
    local call = {
        method = options.method or "GET", url = url, first_url = url,
        headers = compose_headers(self._settings, given, body),
        body = body, has_body = body.content ~= nil or body.source ~= nil,
        is_repeatable = body.source == nil, is_streamed = options.stream or false,
        destination = options.destination, redirect_count = 0,
        has_referer = given:get("referer") ~= nil, lost_secrets = false,
    }
    fill_limits(call, options, self._settings)
    call.asks_gzip = wants_gzip(call, first_of(options.gzip, self._settings.gzip))
    if call.asks_gzip then
        call.headers:set("Accept-Encoding", "gzip")
    end
    return call, request_writer.problem { method = call.method, target = uri.target(url),
        fields = call.headers }
end

-- The fields of one attempt at `url`: those of its place besides those of the call.
local function fields_at(self, call, url, host)
    local list = headers.new { "Host", call.headers:get("host") or host }
    for name, value in call.headers:each() do
        if name:lower() ~= "host" then
            list:add(name, value)
        end
    end
    set_default(list, "Authorization", dialler.basic_credentials(url))
    if self._jar and not list:get("cookie") then
        local cookies = self._jar:find(url)
        if cookies then
            list:add("Cookie", cookies)
        end
    end
    return list
end

local function make_response(call, begun, url)
    return incoming_response.new(begun, { method = call.method, url = url, limits = call.limits,
        deadline = not call.is_streamed and call.deadline or nil, max_body = call.max_body,
        asks_gzip = call.asks_gzip })
end

-- What a script's function has raised while its pieces were sent is raised where it asked.
local function raise_body_failure(call)
    local source = call.body.source
    if source and source.failure then
        error(source.failure, 0)
    end
end

-- Sends a request to one place and waits for the head of the response. Returns the response; or
-- nil, code, detail, and whether not a byte was sent.
local function send(self, call, asked, shown)
    asked.limits, asked.max_head = call.limits, call.max_head
    if call.has_body then
        asked.content, asked.source = call.body.content, call.body.source
    end
    local begun, code, detail, is_unsent = self._transport:begin(asked)
    if not begun then
        return nil, code, ("%s: %s"):format(shown, detail or code), is_unsent
    end
    local response
    response, code, detail = make_response(call, begun, shown)
    return response, code, detail
end

-- One try at one place.
local function attempt(self, call, url, options)
    local asked = { method = call.method, url = url, deadline = options.deadline or call.deadline,
        headers = fields_at(self, call, url, uri.authority(url)) }
    hop_fields.pass_on(asked.headers, asked.deadline)
    local shown = options.shown or uri.text(url)
    if not observers.are_there() then
        return send(self, call, asked, shown)
    end
    local finish = observers.begin { method = call.method, url = uri.text(url),
        headers = asked.headers, deadline = asked.deadline }
    local response, code, detail, is_unsent = send(self, call, asked, shown)
    finish(response, code, detail)
    return response, code, detail, is_unsent
end

local function place_url(place, target)
    local url, problem = uri.parse(("%s://%s%s%s"):format(place.scheme or "http", place.address,
        place.mount and place.mount ~= "/" and place.mount or "", target))
    if not url then
        error("client:attempt: " .. problem, 3)
    end
    return url
end

--- One try of a request for a service at one place, see perigee.http.client.service_resolver.
-- @return the response; or nil, code, detail, is_unsent
function methods:attempt(request, place)
    local call = request._call
    local url = place_url(place, request.target)
    local response, code, detail, is_unsent = attempt(self, call, url,
        { deadline = place.deadline, shown = uri.text(call.url) })
    if response then
        call.mounts[response] = place.mount or "/"
    end
    return response, code, detail, is_unsent
end

local function ask_service(self, call)
    call.mounts = setmetatable({}, { __mode = "k" })
    return service_resolver.answer(self, {
        service = call.url.host, method = call.method, target = uri.target(call.url),
        headers = call.headers, deadline = call.deadline, destination = call.destination,
        is_idempotent = request_writer.IDEMPOTENT[call.method] or false
            or call.headers:get("idempotency-key") ~= nil,
        is_repeatable = not call.has_body or call.is_repeatable,
        _call = call,
    })
end

-- A service does not know under which name it was asked, and says where it lies in its host.
local function strip_mount(call, response)
    local mount, location = call.mounts[response], response.headers:get("location")
    if mount and mount ~= "/" and location and location:sub(1, #mount + 1) == mount .. "/" then
        response.headers:set("Location", location:sub(#mount + 1))
    end
end

local function ask(self, call)
    if call.url.scheme ~= SERVICE then
        local response, code, detail = attempt(self, call, call.url, {})
        return response, code, detail
    end
    local response, code, detail = ask_service(self, call)
    if response and redirects.is_redirect(response.status) then
        strip_mount(call, response)
    end
    return response, code, detail
end

-- Asks, and goes where the answers lead. Returns the last one; or nil, code, detail.
local function ask_along(self, call)
    while true do
        local response, code, detail = ask(self, call)
        if not response then
            raise_body_failure(call)
            return nil, code, detail
        end
        if self._jar then
            self._jar:keep(call.url, response.headers)
        end
        local is_followed
        is_followed, code, detail = redirects.follow(call, response)
        if is_followed == false then
            return response
        end
        incoming_response.discard(response)
        if not is_followed then
            return nil, code, ("%s: %s"):format(response.url, detail)
        end
        self._counts.redirects = self._counts.redirects + 1
    end
end

local function perform(self, call)
    local counts = self._counts
    counts.requests = counts.requests + 1
    local response, code, detail = ask_along(self, call)
    if response and not call.is_streamed then
        local text
        text, code, detail = response:text()
        response = text and response
    end
    if not response then
        counts.failures = counts.failures + 1
        return nil, code, detail
    end
    return response
end

local function request(self, options, level)
    local call, problem = new_call(self, options)
    if problem then
        error(problem, level + 1)
    end
    local response, code, detail = perform(self, call)
    return response, code, detail
end

--- Makes a request and waits for its response, see docs/http-client.md.
-- @param options { method = "GET", url, headers, query, body or json or form, stream, ... }
-- @return the response (perigee.http.client.incoming_response); or nil, code, detail
function methods:request(options)
    local response, code, detail = request(self, options, 2)
    return response, code, detail
end

local function check_options(name, options)
    if options ~= nil and type(options) ~= "table" then
        error(("%s takes a table of options, got %s"):format(name, type(options)), 4)
    end
end

local function with(options, method, url, body)
    local all = {}
    for name, value in pairs(options or {}) do
        all[name] = value
    end
    all.method, all.url = method, url
    if body ~= nil then
        all.body = body
    end
    return all
end

--- Without a body: client:get(url, options), and so delete and head.
for name, method in pairs { get = "GET", head = "HEAD", delete = "DELETE" } do
    methods[name] = function(self, url, options)
        check_options("client:" .. name, options)
        local response, code, detail = request(self, with(options, method, url), 2)
        return response, code, detail
    end
end

--- With a body: client:post(url, body, options), and so put and patch. The body may be left out, as
-- in client:post(url, { json = value }).
for name, method in pairs { post = "POST", put = "PUT", patch = "PATCH" } do
    methods[name] = function(self, url, body, options)
        if options == nil and type(body) == "table" and not outgoing_body.is_body(body) then
            body, options = nil, body
        end
        check_options("client:" .. name, options)
        local response, code, detail = request(self, with(options, method, url, body), 2)
        return response, code, detail
    end
end

--- What it has done and has: { requests, failures, redirects, repeats = sent once more because a
-- kept connection had ended, hosts, busy, idle, waiting = for a connection }.
function methods:counters()
    local counters = self._transport:counts()
    for name, count in pairs(self._counts) do
        counters[name] = count
    end
    return counters
end

--- Closes its connections, those in use when their responses have ended. Later requests fail.
function methods:close()
    self._transport:close()
end

return user_agent
