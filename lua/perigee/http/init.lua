--- HTTP for services: routers, errors, clients, and the small tools around them.
-- The request and response that handlers get are in perigee.http.request and perigee.http.response.
local lazy = require "perigee.core.lazy"
local router = require "perigee.http.router"

local compress = lazy "perigee.http.compress"
local files = lazy "perigee.http.files"
local http_error = lazy "perigee.http.http_error"
local status_names = lazy "perigee.http.status"
local user_agent = lazy "perigee.http.client.user_agent"

-- The client of http.get and the others, made when one of them is first used.
local shared_client

local function call(name)
    return function(...)
        shared_client = shared_client or user_agent.new()
        return shared_client[name](shared_client, ...)
    end
end

return {
    --- Makes a client, see docs/http-client.md.
    client = function(options)
        local client = user_agent.new(options)
        return client
    end,
    --- Requests of a client with default settings: http.get(url, options) and so head and delete,
    -- http.post(url, body, options) and so put and patch, http.request(options).
    get = call "get",
    head = call "head",
    delete = call "delete",
    post = call "post",
    put = call "put",
    patch = call "patch",
    request = call "request",
    --- Makes a router.
    router = router.new,
    --- Makes a handler for the files of a folder, see perigee.http.files.
    files = function(dir, options)
        local handler = files.new(dir, options)
        return handler
    end,
    --- Makes middleware that compresses answers, see perigee.http.compress.
    compress = function(options)
        local middleware = compress.new(options)
        return middleware
    end,
    --- Makes an error answer: `error(http.error(404, "no such user"))` or `return http.error(404)`.
    error = function(...)
        return http_error.new(...)
    end,
    --- Makes the error answer for a body that could not be read: `http.body_error(code, detail)`.
    body_error = function(...)
        return http_error.of_body(...)
    end,
    --- True for an error answer, for middleware that catches errors.
    is_error = function(value)
        return http_error.is(value)
    end,
    --- The name of a status, "Not Found" for 404; nil for an unknown one.
    status_text = function(status)
        return status_names[status]
    end,
    cookies = lazy "perigee.http.cookies",
    headers = lazy "perigee.http.headers",
    url = lazy "perigee.http.url",
}
