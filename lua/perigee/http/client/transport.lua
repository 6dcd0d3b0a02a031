--- Where the requests of one public client go: pools of connections by place, through proxies or
-- not. How many places are kept is bounded; the one that was used least recently makes room.
local context = require "perigee.core.context"
local dialler = require "perigee.http.client.dialler"
local pool = require "perigee.http.client.pool"
local scheduler = require "perigee.core.scheduler"
local tls_client = require "perigee.core.tls_client"
local uri = require "perigee.http.uri"

local transport = {}

local NO_LIMIT = 2 ^ 53

local methods = {}
local metatable = { __index = methods }

--- Makes one of the settings of a client (perigee.http.client.settings).
function transport.new(settings)
    return setmetatable({
        settings = settings,
        tls = false,    -- of perigee.core.tls_client, made when it is first needed
        places = {},    -- key -> { pool, used_at }
        place_count = 0,
        ended_repeats = 0, -- of pools that are gone
        is_closed = false,
    }, metatable)
end

local function tls_for(self, url)
    if url.scheme ~= "https" then
        return nil
    elseif not self.tls then
        local made, code, detail = tls_client.open(self.settings.tls or {})
        if not made then
            return nil, code, detail
        end
        self.tls = made
    end
    return self.tls
end

local function drop(self, key)
    local place = self.places[key]
    self.places[key] = nil
    self.place_count = self.place_count - 1
    self.ended_repeats = self.ended_repeats + place.pool.repeat_count
    place.pool:close()
end

-- Returns true, or nil when requests to all places are under way.
local function make_room(self)
    local oldest
    for key, place in pairs(self.places) do
        local is_idle = place.pool.busy_count == 0
        if is_idle and (not oldest or place.used_at < self.places[oldest].used_at) then
            oldest = key
        end
    end
    if oldest then
        drop(self, oldest)
    end
    return oldest ~= nil
end

local function make_pool(self, place)
    local settings = self.settings
    return pool.new(function(deadline, limits)
        return dialler.connect(place, limits, deadline)
    end, { address = uri.address(place.url), now = scheduler.now,
        limit = settings.max_connections, max_idle = settings.max_idle, idle_s = settings.idle_s })
end

-- By what connections can be shared: those in clear to a proxy serve all.
local function key_of(url, proxy)
    if not proxy then
        return url.scheme .. "://" .. uri.address(url)
    elseif url.scheme == "https" then
        return ("%s by %s"):format(uri.address(url), uri.address(proxy))
    end
    return "by " .. uri.address(proxy)
end

local function find_pool(self, url, proxy)
    local key = key_of(url, proxy)
    local place = self.places[key]
    if not place then
        local tls, code, detail = tls_for(self, url)
        if code then
            return nil, code, detail
        elseif self.place_count >= self.settings.max_hosts and not make_room(self) then
            return nil, "full", ("requests to %d hosts are under way (max_hosts)"):format(
                self.place_count)
        end
        place = { pool = make_pool(self, { url = url, proxy = proxy, tls = tls }) }
        self.places[key] = place
        self.place_count = self.place_count + 1
    end
    place.used_at = scheduler.now()
    return place.pool
end

-- What a pool takes. A proxy in clear is told the whole URL.
local function message_of(asked, proxy)
    local url, is_told = asked.url, proxy and asked.url.scheme == "http"
    local fields = {}
    for i = 1, #asked.headers do
        fields[i] = asked.headers[i]
    end
    if is_told and proxy.userinfo then
        fields[#fields + 1] = "Proxy-Authorization"
        fields[#fields + 1] = dialler.basic_credentials(proxy)
    end
    return {
        method = asked.method, target = is_told and uri.text(url) or uri.target(url),
        fields = fields, body = asked.source or asked.content,
        deadline = asked.limits:deadline_of("head", asked.deadline),
        limits = asked.limits, max_head = asked.max_head, max_body = NO_LIMIT,
    }
end


-- A pool's own words about time are of its own settings; it does not say whether the request was
-- sent when that had not even its turn.
local function fail(asked, code, detail, is_unsent)
    if code == "canceled" then
        detail = ("canceled: %s"):format(tostring(context.current():cause()))
    elseif code == "timeout" and not is_unsent then
        detail = asked.limits:explain(is_unsent == nil and "turn" or "head", asked.deadline)
    end
    return nil, code, detail, is_unsent ~= false
end

--- Sends a request and waits for the head of its response.
-- @param asked { method, url, headers = Headers with a Host, content or source, limits, deadline,
-- max_head }
-- @return the exchange (perigee.http.client.exchange), to be read to its end or closed; or nil,
-- code, detail, and whether not a byte of the request was sent
function methods:begin(asked)
    if self.is_closed then
        return nil, "closed", "the client is closed", true
    end
    local rules = self.settings.proxy
    local proxy = rules and rules:find(asked.url)
    local found, code, detail = find_pool(self, asked.url, proxy)
    if not found then
        return nil, code, detail, true
    end
    local begun, is_unsent
    begun, code, detail, is_unsent = found:begin(message_of(asked, proxy))
    if not begun then
        return fail(asked, code, detail, is_unsent)
    end
    return begun
end

--- How many connections there are: { hosts, busy, idle, waiting, repeats = requests that were sent
-- once more because their connection had ended }.
function methods:counts()
    local counts = { hosts = self.place_count, busy = 0, idle = 0, waiting = 0,
        repeats = self.ended_repeats }
    for _, place in pairs(self.places) do
        counts.busy = counts.busy + place.pool.busy_count
        counts.idle = counts.idle + #place.pool.idle
        counts.waiting = counts.waiting + #place.pool.waiting
        counts.repeats = counts.repeats + place.pool.repeat_count
    end
    return counts
end

--- Closes what is idle, and the rest when its requests are over. Later requests fail.
function methods:close()
    self.is_closed = true
    for _, place in pairs(self.places) do
        place.pool:close()
    end
end

return transport
