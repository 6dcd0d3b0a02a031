--- Handlers for requests that no route answers.
local http_error = require "perigee.http.http_error"

local fallback = {}

--- The same path with the slash at its end removed, or with one.
function fallback.other_form(path)
    return path:sub(-1) == "/" and path:sub(1, -2) or path .. "/"
end

local function redirect(request)
    local query = request.target:match("%?.*$") or ""
    return 308, nil, { Location = fallback.other_form(request.path) .. query }
end

local function not_found()
    return http_error.new(404)
end

local function malformed()
    return http_error.new(400, "the path has a malformed percent-encoding")
end

--- The handler for a status of `router:match`.
-- @param allow the methods allowed, for 405 and 204
function fallback.handler(status, allow)
    if status == 308 then
        return redirect
    elseif status == 400 then
        return malformed
    elseif status == 404 then
        return not_found
    end
    return function()
        if status == 405 then
            return http_error.new(405, nil, { Allow = allow })
        end
        return status, nil, { Allow = allow }
    end
end

return fallback
