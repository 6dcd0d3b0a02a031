--- URLs of scripts and of redirects: what comes out can be sent, and means the same when it is read
-- again.
-- Input: a URL, and behind a line end what is relative to it.
local uri = require "perigee.http.uri"

local function check(url)
    assert(url.path:sub(1, 1) == "/")
    assert(url.host ~= "" and not url.host:find("[/?@%s%c]"))
    local text = uri.text(url)
    assert(not text:find("[%z\1-\32\127-\255#]"))
    local again = assert(uri.parse(text))
    assert(uri.text(again) == text and uri.address(again) == uri.address(url))
end

return function(bytes)
    local text, reference = bytes:match("^([^\n]*)\n?(.*)$")
    local base = uri.parse(text)
    if not base or base.scheme ~= "http" and base.scheme ~= "https" then
        return
    end
    check(base)
    local found = uri.resolve(base, reference)
    if found and (found.scheme == "http" or found.scheme == "https") then
        check(found)
        assert(found.host == base.host or reference:find("//", 1, true))
    end
end
