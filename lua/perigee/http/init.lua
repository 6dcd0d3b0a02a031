--- HTTP for services: routers, errors, and the small tools around them.
-- The request and response that handlers get are in perigee.http.request and perigee.http.response.
local cookies = require "perigee.http.cookies"
local headers = require "perigee.http.headers"
local http_error = require "perigee.http.http_error"
local router = require "perigee.http.router"
local status_names = require "perigee.http.status"
local url = require "perigee.http.url"

return {
    --- Makes a router.
    router = router.new,
    --- Makes an error answer: `error(http.error(404, "no such user"))` or `return http.error(404)`.
    error = http_error.new,
    --- Makes the error answer for a body that could not be read: `http.body_error(code, detail)`.
    body_error = http_error.of_body,
    --- True for an error answer, for middleware that catches errors.
    is_error = http_error.is,
    --- The name of a status, "Not Found" for 404; nil for an unknown one.
    status_text = function(status)
        return status_names[status]
    end,
    cookies = cookies,
    headers = headers,
    url = url,
}
