--- Connections of public clients: directly, by a proxy, in clear or in TLS.
local base64 = require "perigee.core.base64"
local connection = require "perigee.http.client.connection"
local response_reader = require "perigee.http.client.response_reader"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"
local uri = require "perigee.http.uri"
local url_coding = require "perigee.http.url"

local dialler = {}

local PROTOCOL = "http/1.1" -- for ALPN

local function now()
    return scheduler.now()
end

--- The credentials of a URL as a field has them; nil without any.
function dialler.basic_credentials(url)
    local text = url.userinfo and url_coding.decode(url.userinfo)
    if not text then
        return nil
    end
    return "Basic " .. base64.encode(text:find(":", 1, true) and text or text .. ":")
end

local WORDS = {
    connect = "cannot connect",
    lookup = "the name cannot be looked up",
    tls = "TLS failed",
    tunnel = "no tunnel",
    untrusted = "the certificate is not to be believed",
}

-- `failure` = { phase =, code =, detail =, is_of_proxy = }
local function fail(place, failure, limits, deadline)
    local code, detail = failure.code
    if code == "timeout" then
        detail = limits:explain(failure.phase, deadline)
    else
        detail = ("%s: %s"):format(WORDS[code] or WORDS[failure.phase], failure.detail or code)
    end
    if failure.is_of_proxy then
        detail = ("proxy %s: %s"):format(uri.address(place.proxy), detail)
    end
    return nil, code, detail
end

local function compose_connect(address, proxy)
    local credentials = dialler.basic_credentials(proxy)
    return ("CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n"):format(address, address,
        credentials and ("Proxy-Authorization: %s\r\n"):format(credentials) or "")
end

-- The head of the next answer, without a body. Returns it; or nil, code, detail.
local function read_head(opened, reader, deadline)
    while true do
        local bytes, code, detail = opened:read(deadline)
        if not bytes then
            return nil, code == "eof" and "closed" or code, detail
        end
        local answer
        answer, code, detail = reader:push(bytes)
        answer = answer or reader:head_only()
        if answer or code ~= "again" then
            return answer, code, detail
        end
    end
end

-- Asks a proxy for a tunnel. Returns true; or nil, code, detail.
local function ask_for_tunnel(opened, address, proxy, deadline)
    local is_written, code = opened:write(compose_connect(address, proxy), deadline)
    if not is_written then
        return nil, code
    end
    local reader = response_reader.new({ method = "CONNECT" })
    local answer, reason, detail = read_head(opened, reader, deadline)
    if not answer then
        return nil, reason, detail
    elseif answer.status < 200 or answer.status > 299 then
        return nil, "refused", ("the proxy answered %d %s"):format(answer.status, answer.reason)
    elseif reader.rest ~= "" then
        return nil, "invalid", "the proxy said more than was asked"
    end
    return true
end

local function start_tls(opened, place, limits, deadline)
    local until_s = limits:deadline_of("tls", deadline)
    local is_ok, code, detail = opened:start_tls(place.tls, place.url.host, PROTOCOL, until_s)
    if not is_ok then
        opened:close()
        return fail(place, { phase = "tls", code = code, detail = detail }, limits, deadline)
    end
    return opened
end

local function open_tunnel(opened, place, limits, deadline)
    local until_s = limits:deadline_of("tunnel", deadline)
    local is_ok, code, detail = ask_for_tunnel(opened, uri.address(place.url), place.proxy,
        until_s)
    if not is_ok then
        opened:close()
        return fail(place, { phase = "tunnel", code = code, detail = detail, is_of_proxy = true },
            limits, deadline)
    end
    return opened
end

-- What is connected to first.
local function open(place, limits, deadline)
    local address = uri.address(place.proxy or place.url)
    local opened, code, detail, phase = stream.connect(address, deadline,
        { lookup_s = limits.lookup_timeout_s, connect_s = limits.connect_timeout_s })
    if not opened then
        return fail(place, { phase = phase, code = code, detail = detail,
            is_of_proxy = place.proxy ~= nil }, limits, deadline)
    end
    return opened
end

--- Connects to a place { url, proxy = URL or nil, tls = of perigee.core.tls_client for https }.
-- @param limits of perigee.http.client.time_limits
-- @return a connection (perigee.http.client.connection); or nil, code, detail
function dialler.connect(place, limits, deadline)
    local opened, code, detail = open(place, limits, deadline)
    if opened and place.proxy and place.tls then
        opened, code, detail = open_tunnel(opened, place, limits, deadline)
    end
    if opened and place.tls then
        opened, code, detail = start_tls(opened, place, limits, deadline)
    end
    if not opened then
        return nil, code, detail
    end
    return connection.new(opened, { address = uri.address(place.url), now = now })
end

return dialler
