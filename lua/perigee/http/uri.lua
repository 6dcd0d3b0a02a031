--- Absolute URLs of HTTP and what is relative to them (RFC 3986). A URL is a table { scheme, host,
-- port, path, query, userinfo }: scheme and host are in small letters, the host of an address of
-- version 6 has no brackets; path begins with a slash and it and query are as they are sent; port,
-- query and userinfo may be nil. Fragments are no business of a server's, and are dropped.
local byte, find, format, gsub, lower = string.byte, string.find, string.format, string.gsub,
    string.lower

local uri = {}

local MAX_SIZE, MAX_HOST_SIZE = 64 * 1024, 253

local DEFAULT_PORTS = { http = 80, https = 443 }

local function percent(character)
    return format("%%%02X", byte(character))
end

-- What other programs leave unencoded is encoded; what would end a line or a word is refused.
local function clean(text)
    if #text > MAX_SIZE then
        return nil, ("a URL has at most %d bytes"):format(MAX_SIZE)
    end
    local position = find(text, "[%z\1-\32\127]")
    if position then
        return nil, ("the URL has a space or control character at byte %d"):format(position)
    end
    return (gsub(gsub(text, "#.*$", ""), "[\128-\255\"<>\\^`{|}]", percent))
end

local function parse_port(text)
    if text == "" then
        return true
    end
    local port = text:match("^:(%d*)$")
    if port == "" then
        return true
    end
    local number = port and #port <= 5 and tonumber(port)
    if not number or number < 1 or number > 65535 then
        return nil
    end
    return true, number
end

-- Returns host and port; or nil, what is wrong.
local function parse_place(place)
    local host, rest = place:match("^%[([%x:][%x:.]*:[%x:.]*)%](.*)$")
    if not host then
        host, rest = place:match("^([%w_][%w_.%-]*)(.*)$")
    end
    if not host or #host > MAX_HOST_SIZE then
        return nil, ('the URL has no host that can be asked: "%s"'):format(place)
    end
    local is_fine, port = parse_port(rest)
    if not is_fine then
        return nil, ('the URL has no port from 1 to 65535: "%s"'):format(place)
    end
    return lower(host), port
end

local function split_path(rest)
    local path, query = rest:match("^([^?]*)%??(.*)$")
    return path == "" and "/" or path, find(rest, "?", 1, true) and query or nil
end

-- Of what follows "scheme:" when that has an authority.
local function parse_authority(scheme, text)
    local authority, rest = text:match("^//([^/?]*)(.*)$")
    local userinfo, place = authority:match("^(.*)@([^@]*)$")
    local host, port = parse_place(place or authority)
    if not host then
        return nil, port
    end
    local path, query = split_path(rest)
    return { scheme = scheme, userinfo = userinfo, host = host,
        port = port ~= DEFAULT_PORTS[scheme] and port or nil, path = path, query = query }
end

--- Takes an absolute URL apart. Returns it; or nil and what is wrong with it, as a sentence.
function uri.parse(text)
    if type(text) ~= "string" then
        return nil, ("a URL is a text such as http://host/path, got %s"):format(type(text))
    end
    local cleaned, problem = clean(text)
    if not cleaned then
        return nil, problem
    end
    local scheme, rest = cleaned:match("^(%a[%w+.%-]*):(//.*)$")
    if not scheme then
        return nil, ('a URL is a text such as http://host/path, got "%s"'):format(cleaned)
    end
    return parse_authority(lower(scheme), rest)
end

-- A path without its segments "." and ".." (RFC 3986 5.2.4).
local function remove_dots(path)
    local kept, count = {}, 0
    local last
    for segment in (path .. "/"):gmatch("([^/]*)/") do
        last = segment
        if segment == ".." then
            count = math.max(count - 1, 1)
        elseif segment ~= "." then
            count = count + 1
            kept[count] = segment
        end
    end
    if last == "." or last == ".." then
        count = count + 1
        kept[count] = ""
    end
    local text = table.concat(kept, "/", 1, count)
    return text:sub(1, 1) == "/" and text or "/" .. text
end

local function resolve_path(base, reference)
    local path, query = reference:match("^([^?]*)%??(.*)$")
    local has_query = find(reference, "?", 1, true)
    if path == "" then
        return base.path, has_query and query or base.query
    elseif path:sub(1, 1) ~= "/" then
        path = base.path:match("^(.*/)") .. path
    end
    return remove_dots(path), has_query and query or nil
end

--- The URL that `reference` stands for in an answer of `base` (RFC 3986 5.2). Returns it; or nil
-- and what is wrong.
function uri.resolve(base, reference)
    local cleaned, problem = clean(reference)
    if not cleaned then
        return nil, problem
    end
    if find(cleaned, "^%a[%w+.%-]*:") then
        return uri.parse(cleaned)
    elseif find(cleaned, "^//") then
        return parse_authority(base.scheme, cleaned)
    end
    local path, query = resolve_path(base, cleaned)
    return { scheme = base.scheme, userinfo = base.userinfo, host = base.host, port = base.port,
        path = path, query = query }
end

--- Host and port as in a Host field: without the port when it is the scheme's own.
function uri.authority(url)
    local host = find(url.host, ":", 1, true) and "[" .. url.host .. "]" or url.host
    return url.port and ("%s:%d"):format(host, url.port) or host
end

--- Where to connect to: host and port, "a.test:80".
function uri.address(url)
    local port = url.port or DEFAULT_PORTS[url.scheme]
    return (find(url.host, ":", 1, true) and "[%s]:%d" or "%s:%d"):format(url.host, port)
end

--- Path and query, as a request says them.
function uri.target(url)
    return url.query and url.path .. "?" .. url.query or url.path
end

--- The URL as a text, without userinfo.
function uri.text(url)
    return ("%s://%s%s"):format(url.scheme, uri.authority(url), uri.target(url))
end

return uri
