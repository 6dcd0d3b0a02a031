--- What a client sees of a handler that failed. A stranger gets a number that is also in the log;
-- while developing, the whole story.
local answer = require "perigee.http.answer"
local json = require "perigee.json"

local failure_page = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
    ["'"] = "&#39;" }

local function escape(text)
    return (text:gsub("[&<>\"']", entities))
end

local PAGE = [[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>500 %s</title>
<style>
body { font: 16px/1.5 sans-serif; margin: 2em }
pre { background: #f4f4f4; padding: 1em; white-space: pre-wrap }
</style>
<h1>%s</h1>
<pre>%s</pre>
<p>Request %s</p>
</html>
]]

--- The answer for strangers.
-- @return bytes, Content-Type
function failure_page.brief(id)
    return json.encode { error = "Internal Server Error", id = id }, answer.JSON
end

--- The answer while developing: a page for browsers, text for others.
-- @param traceback may be nil
-- @return bytes, Content-Type
function failure_page.full(request, message, traceback)
    local title = request.method .. " " .. request.path
    local story = traceback and message .. "\n\n" .. traceback or message
    if (request:header("accept") or ""):find("text/html", 1, true) then
        title, story = escape(title), escape(story)
        return PAGE:format(title, title, story, escape(request.id)), answer.HTML
    end
    return ("%s\n\n%s\n\nrequest %s\n"):format(title, story, request.id), answer.TEXT
end

return failure_page
