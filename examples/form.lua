-- A form and a cookie: HTML out, form data in, and a redirect after the post.
--
-- $ curl -s -d 'name=Ann' -w '%{http_code} %{redirect_url}' http://127.0.0.1:8080/form
-- 303 http://127.0.0.1:8080/form
-- $ curl -s -H 'Cookie: name=Ann' http://127.0.0.1:8080/form
-- <p>Hello, Ann</p>
local http = require "perigee.http"

local PAGE = [[<form method="post"><input name="name"> <button>Greet me</button></form>]]

local app = http.router()

-- Text that came from outside is never put into a page as it is.
local function escape(text)
    return (text:gsub("[&<>\"']", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
        ['"'] = "&quot;", ["'"] = "&#39;" }))
end

app:get("/", function(request, response)
    local name = request:cookie("name")
    response:html(name and ("<p>Hello, %s</p>"):format(escape(name)) or PAGE)
end)

app:post("/", function(request, response)
    local form, code, detail = request:form()
    if not form then
        return http.body_error(code, detail)
    end
    response:cookie("name", form.values.name or "nobody")
    response:redirect(request.mount, 303)
end)

return { http = app }
