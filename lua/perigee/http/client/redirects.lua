--- What a client does with an answer that sends it elsewhere: as Go's net/http, pure functions.
local uri = require "perigee.http.uri"

local redirects = {}

local KEEPS_METHOD = { [307] = true, [308] = true }
local CHANGES_METHOD = { [301] = true, [302] = true, [303] = true }

-- What proves who asks: for the host it was meant for, and those below it.
local SECRETS = { "authorization", "cookie", "proxy-authorization", "www-authenticate" }

-- What is said of a body that is not sent again.
local OF_BODY = { "content-encoding", "content-language", "content-location", "content-type",
    "content-length", "transfer-encoding", "expect" }

local SCHEMES = { http = true, https = true }

--- Whether an answer with this status sends the client elsewhere.
function redirects.is_redirect(status)
    return KEEPS_METHOD[status] or CHANGES_METHOD[status] or false
end

local function is_name(host)
    return host:find("%a") ~= nil and not host:find(":", 1, true)
end

-- Whether a host may know what was meant for `first`.
local function is_trusted(host, first)
    return host == first or is_name(host) and is_name(first)
        and host:sub(-#first - 1) == "." .. first
end

--- Whether secrets for the URL `first` may go to `next`: not to other hosts, and not in clear once
-- they were meant for TLS.
function redirects.may_know(next_url, first)
    return is_trusted(next_url.host, first.host)
        and not (first.scheme == "https" and next_url.scheme ~= "https")
end

-- RFC 9110 10.1.3: nothing in clear of what was asked for in TLS.
local function referer(from, to)
    if from.scheme == "https" and to.scheme ~= "https" or not SCHEMES[from.scheme] then
        return nil
    end
    return uri.text(from)
end

local function remove(headers, names)
    for _, name in ipairs(names) do
        headers:remove(name)
    end
end

local function is_same_place(a, b)
    return a.scheme == b.scheme and uri.authority(a) == uri.authority(b)
end

-- The URL a Location leads to from `call`; or nil, code, detail.
local function find_url(call, location)
    local url, problem = uri.resolve(call.url, location)
    if not url then
        return nil, "invalid", "the redirect leads nowhere: " .. problem
    elseif not SCHEMES[url.scheme] and not is_same_place(url, call.url) then
        return nil, "invalid", ("the redirect leads to %s, which is not followed"):format(
            uri.text(url))
    end
    return url
end

local function carry_fields(headers, from, to)
    headers:remove("referer")
    local text = referer(from, to)
    if text then
        headers:set("Referer", text)
    end
    if not is_same_place(from, to) then
        headers:remove("host")
    end
end

--- What comes after an answer.
-- @param call { method, url, first_url, headers = Headers, has_body, is_repeatable, redirect_count,
-- max_redirects, has_referer = the caller's own, lost_secrets }; headers are changed in place
-- @param response { status, headers }
-- @return true when `call` now is what is to be asked next; false when the response is the answer;
-- or nil, code, detail
function redirects.follow(call, response)
    local location = response.headers:get("location")
    if not redirects.is_redirect(response.status) or not location or call.max_redirects == 0 then
        return false
    end
    local keeps = KEEPS_METHOD[response.status]
    if keeps and not call.is_repeatable then
        return false
    elseif call.redirect_count >= call.max_redirects then
        return nil, "too_many_redirects", ("stopped after %d redirects (max_redirects), the next "
            .. "one to %s"):format(call.redirect_count, location)
    end
    local url, code, detail = find_url(call, location)
    if not url then
        return nil, code, detail
    end
    redirects.turn(call, url, keeps)
    return true
end

--- Makes `call` one to `url`, with its method and body or, without them, a GET or HEAD.
function redirects.turn(call, url, keeps)
    local headers = call.headers
    if not keeps then
        call.method = call.method == "HEAD" and "HEAD" or "GET"
        call.has_body = false
        remove(headers, OF_BODY)
    end
    call.lost_secrets = call.lost_secrets or not redirects.may_know(url, call.first_url)
    if call.lost_secrets then
        remove(headers, SECRETS)
        url.userinfo = nil
    end
    if not call.has_referer then
        carry_fields(headers, call.url, url)
    elseif not is_same_place(call.url, url) then
        headers:remove("host")
    end
    call.url, call.redirect_count = url, call.redirect_count + 1
end

return redirects
