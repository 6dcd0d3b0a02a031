--- Cookies (RFC 6265): reads a Cookie field, composes a Set-Cookie field.
local headers = require "perigee.http.headers"
local lazy = require "perigee.core.lazy"

local date = lazy "perigee.http.date"

local cookies = {}

local SAME_SITE = { Strict = true, Lax = true, None = true }
local LAST_SECOND = 253402300799 -- of the year 9999

--- The cookies of a Cookie field by name. Of equal names the first counts, which is the one with
-- the longest path; what is no cookie is skipped. Values are not percent-decoded.
function cookies.parse(text)
    local found = {}
    for piece in text:gmatch("[^;]+") do
        local name, padded = piece:match("^%s*([^=%s]+)%s*=%s*(.*)$")
        if name and headers.is_token(name) and found[name] == nil then
            local value = padded:match("^.*%S") or "" -- a lazy pattern would be quadratic
            found[name] = value:match('^"(.*)"$') or value
        end
    end
    return found
end

local function is_integer(value)
    return type(value) == "number" and value % 1 == 0
end

local function is_flag(value)
    return type(value) == "boolean"
end

-- What each option must be, in words, and the test.
local option_rules = {
    path = { 'begin with "/" and have no control character or ";"', function(value)
        return type(value) == "string" and value:find("^/[^%c;]*$") ~= nil
    end },
    domain = { "be a host name", function(value)
        return type(value) == "string" and value:find("^%.?%w[%w.-]*$") ~= nil
    end },
    max_age = { "be an integer of seconds", is_integer },
    expires = { "be an integer of seconds since 1970", function(value)
        return is_integer(value) and value >= 0 and value <= LAST_SECOND
    end },
    secure = { "be true or false", is_flag },
    http_only = { "be true or false", is_flag },
    same_site = { 'be "Strict", "Lax" or "None"', function(value)
        return SAME_SITE[value]
    end },
}

local function option_problem(name, options)
    if type(options) ~= "table" then
        return ("the options of the cookie %s must be a table"):format(name)
    end
    for key, value in pairs(options) do
        local rule = option_rules[key]
        if not rule then
            return ("%s is not a cookie option (path, domain, max_age, expires, secure, http_only, "
                .. "same_site)"):format(tostring(key))
        end
        if not rule[2](value) then
            return ("%s of the cookie %s must %s"):format(key, name, rule[1])
        end
    end
    return nil
end

local function secure_reason(name, options)
    if options.same_site == "None" then
        return 'same_site = "None"'
    end
    local prefix = name:match("^__Host%-") or name:match("^__Secure%-")
    return prefix and "its prefix " .. prefix
end

--- What browsers refuse in silence is refused here aloud.
local function combination_problem(name, options)
    local reason = secure_reason(name, options)
    if reason and not options.secure then
        return ("the cookie %s needs secure = true for %s"):format(name, reason)
    end
    local is_host_bound = name:find("^__Host%-")
    if is_host_bound and (options.domain or (options.path or "/") ~= "/") then
        return ('the cookie %s must have the path "/" and no domain'):format(name)
    end
    return nil
end

local function problem_of(name, value, options)
    if type(name) ~= "string" or not headers.is_token(name) then
        return ('a cookie name must be a token, not "%s"'):format((tostring(name):gsub("%c", "?")))
    end
    if type(value) ~= "string" then
        return ("the cookie %s must be a string, not %s"):format(name, type(value))
    end
    if value:find('[%c%s",;\\\127-\255]') then
        return ("the cookie %s has a character that cookies cannot hold; see url.encode")
            :format(name)
    end
    return option_problem(name, options) or combination_problem(name, options)
end

--- Composes the value of a Set-Cookie field.
-- @param options path ("/" by default), domain, max_age in seconds, expires in seconds since 1970,
-- secure (false), http_only (true), same_site ("Lax")
-- @return the value; or nil, "invalid" and what is wrong
function cookies.compose(name, value, options)
    if options == nil then
        options = {}
    end
    local problem = problem_of(name, value, options)
    if problem then
        return nil, "invalid", problem
    end
    local pieces = { name .. "=" .. value }
    local function append(text, value_of_option)
        if value_of_option then
            pieces[#pieces + 1] = text:format(value_of_option)
        end
    end
    append("Path=%s", options.path or "/")
    append("Domain=%s", options.domain)
    append("Max-Age=%d", options.max_age)
    append("Expires=%s", options.expires and date.format(options.expires))
    append("Secure", options.secure)
    append("HttpOnly", options.http_only ~= false)
    append("SameSite=%s", options.same_site or "Lax")
    return table.concat(pieces, "; ")
end

return cookies
