--- What stands in the head of an answer, whatever the script does.
local host = require "spec.support.host"

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()
app:get("/plain", function() return "x" end)
app:get("/fails", function() error("no") end)
local heads = {
    name = { ["X: a\r\nY"] = "b" },
    crlf = { X = "a\r\nY: b" },
    lf = { X = "a\nY: b" },
    nul = { X = "a\0b" },
    length = { ["Content-Length"] = 9 },
    coding = { ["Transfer-Encoding"] = "gzip" },
    connection = { Connection = "keep-alive" },
}
app:get("/heads/:name", function(request) return 200, "x", heads[request.params.name] end)
app:get("/cookie", function(_, response) response:cookie("a", "b\r\nX: y") end)
app:get("/redirect", function(_, response) return response:redirect("/a\r\nX: y") end)
return { http = app, mount = "/" }
]]

local GET = "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

describe("an answer", function()
    local running

    setup(function()
        running = host.start({ services = { ["service.lua"] = SERVICE } })
    end)

    teardown(host.stop_all)

    local function head_of(target)
        return running:raw(GET:format(target)):match("^(.-\r\n)\r\n")
    end

    for _, target in ipairs { "/plain", "/fails", "/missing", "bad target" } do
        it("has a Date: " .. target, function()
            assert.matches("\r\nDate: %a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT\r\n",
                head_of(target))
        end)
    end

    for _, target in ipairs { "/heads/name", "/heads/crlf", "/heads/lf", "/heads/nul", "/cookie",
        "/redirect" } do
        it("cannot end its line by what a script sets: " .. target, function()
            local head = head_of(target)
            assert.matches("^HTTP/1.1 500 ", head)
            assert.is_nil(head:find("\r\n[XY]: "))
        end)
    end

    for _, target in ipairs { "/heads/length", "/heads/coding", "/heads/connection" } do
        it("is framed by the host alone: " .. target, function()
            local head = head_of(target)
            assert.matches("^HTTP/1.1 500 ", head)
            assert.is_nil(head:find("Transfer%-Encoding"))
            assert.is_nil(head:find("keep%-alive"))
        end)
    end
end)
