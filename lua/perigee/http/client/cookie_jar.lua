--- Cookies of one client (RFC 6265), for the host that has set each and no other: whoever may speak
-- for a whole domain is known to lists of public suffixes, which are not kept here.
local cookies = require "perigee.http.cookies"
local date = require "perigee.http.date"
local folder = require "perigee.core.folder"

local cookie_jar = {}

local MAX_COUNT = 300     -- of all hosts
local MAX_SIZE = 4096     -- of a name with its value
local MAX_PER_HOST = 50

local methods = {}
local metatable = { __index = methods }

--- Makes an empty jar.
-- @param now function that gives seconds since 1970; the system's when it is left out
function cookie_jar.new(now)
    return setmetatable({ now = now or folder.now, hosts = {}, count = 0 }, metatable)
end

local function attributes_of(text)
    local found = {}
    for piece in text:gmatch("[^;]+") do
        local name, value = piece:match("^%s*([^=%s]+)%s*=?%s*(.-)%s*$")
        if name then
            found[name:lower()] = value
        end
    end
    return found
end

local function default_path(path)
    return path:match("^(/.*)/[^/]*$") or "/"
end

-- When it ends; nil for never.
local function expiry(attributes, now)
    local age = attributes["max-age"] and tonumber(attributes["max-age"]:match("^%-?%d+$"))
    if age then
        return age > 0 and now + age or 0
    end
    return attributes.expires and date.parse(attributes.expires) or nil
end

local function parse(text, url, now)
    local pair, rest = text:match("^([^;]*);?(.*)$")
    local name, value = next(cookies.parse(pair))
    if not name or #name + #value > MAX_SIZE then
        return nil
    end
    local attributes = attributes_of(rest)
    local is_secure = attributes.secure ~= nil
    if is_secure and url.scheme ~= "https" then
        return nil
    end
    local path = attributes.path
    return { name = name, value = value, is_secure = is_secure, ends_at = expiry(attributes, now),
        path = path and path:sub(1, 1) == "/" and path or default_path(url.path) }
end

local function remove(self, list, wanted)
    for i = #list, 1, -1 do
        if list[i].name == wanted.name and list[i].path == wanted.path then
            table.remove(list, i)
            self.count = self.count - 1
        end
    end
end

local function is_over(cookie, now)
    return cookie.ends_at ~= nil and cookie.ends_at <= now
end

local function remove_old(self, now)
    for _, list in pairs(self.hosts) do
        for i = #list, 1, -1 do
            if is_over(list[i], now) then
                remove(self, list, list[i])
            end
        end
    end
end

local function keep(self, host, cookie)
    local list = self.hosts[host] or {}
    remove(self, list, cookie)
    if #list >= MAX_PER_HOST or self.count >= MAX_COUNT then
        remove_old(self, self.now())
    end
    local has_room = #list < MAX_PER_HOST and self.count < MAX_COUNT
    if has_room and not is_over(cookie, self.now()) then
        list[#list + 1] = cookie
        self.count = self.count + 1
    end
    self.hosts[host] = list[1] and list or nil
end

--- Keeps what an answer of `url` sets. A jar that is full takes no more.
function methods:keep(url, fields)
    for _, text in ipairs(fields:get_all("set-cookie")) do
        local cookie = parse(text, url, self.now())
        if cookie then
            keep(self, url.host, cookie)
        end
    end
end

local function is_below(path, cookie_path)
    return path == cookie_path or path:sub(1, #cookie_path) == cookie_path
        and (cookie_path:sub(-1) == "/" or path:sub(#cookie_path + 1, #cookie_path + 1) == "/")
end

local function is_for(cookie, url, now)
    return is_below(url.path, cookie.path) and (not cookie.is_secure or url.scheme == "https")
        and not is_over(cookie, now)
end

--- The Cookie field for a request to `url`: longer paths first; nil without any.
function methods:find(url)
    local now, found = self.now(), {}
    for i, cookie in ipairs(self.hosts[url.host] or {}) do
        if is_for(cookie, url, now) then
            found[#found + 1] = { text = cookie.name .. "=" .. cookie.value,
                size = #cookie.path, index = i }
        end
    end
    table.sort(found, function(a, b)
        return a.size > b.size or a.size == b.size and a.index < b.index
    end)
    for i, one in ipairs(found) do
        found[i] = one.text
    end
    return found[1] and table.concat(found, "; ") or nil
end

return cookie_jar
