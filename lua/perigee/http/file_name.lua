--- The name of the file that a request asks for. The host opens nothing outside a folder whatever
-- its name; here it is seen to that each file has one path only, so that nobody gets by routes, and
-- the middleware around them, with another spelling. Pure.
local url = require "perigee.http.url"
local request = require "perigee.http.request"

local file_name = {}

--- True for a relative path without empty, "." and ".." segments, of which the last may be empty,
-- and without bytes that end it early.
-- @param has_dotfiles true when other segments may begin with a dot
function file_name.is_clean(name, has_dotfiles)
    if name:find("\0", 1, true) or name:find("//", 1, true) or name:sub(1, 1) == "/" then
        return false
    elseif has_dotfiles then
        return not ("/" .. name .. "/"):find("/%.%.?/")
    end
    return not ("/" .. name):find("/.", 1, true)
end

local rest_names = {} -- by route, false for one without

local function rest_name(route)
    local name = rest_names[route]
    if name == nil then
        name = route:match("%*([^/]+)$") or false
        rest_names[route] = name
    end
    return name
end

--- The file below the folder: the `*rest` of the route, or the path below the mount where there is
-- none. Nil for a path that is not spelled as it should be.
function file_name.of(asked, has_dotfiles)
    local rest = asked.route and rest_name(asked.route)
    local name
    if rest then
        name = asked.params[rest]
    else
        name = url.decode(request.path_below(asked):sub(2))
    end
    if not name or asked.path:find("%%2[fF]") or not file_name.is_clean(name, has_dotfiles) then
        return nil
    end
    return name
end

return file_name
