local http = require "perigee.http"
local json = require "perigee.json"
local testing = require "perigee.testing"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)")

local function here(offset)
    return ("%s:%d"):format(HERE, debug.getinfo(2, "l").currentline + (offset or 0))
end

-- Answers one GET /x with `handler`; returns the response and the message in the log, if any.
local function answer(handler)
    local client = testing.client(handler)
    local response = client:get "/x"
    return response, client.faults[1]
end

local function fields_of(response)
    local fields = {}
    for name, value in response.headers:each() do
        fields[#fields + 1] = name .. ": " .. value
    end
    return fields
end

describe("perigee.http.response", function()
    describe("by return", function()
        it("sends a table as JSON", function()
            local response = answer(function() return { message = "hi" } end)
            assert.equal(200, response.status)
            assert.same({ "Content-Type: application/json" }, fields_of(response))
            assert.equal('{"message":"hi"}', response.body)
        end)

        it("sends a string as plain text", function()
            local response = answer(function() return "hi" end)
            assert.equal(200, response.status)
            assert.same({ "Content-Type: text/plain; charset=utf-8" }, fields_of(response))
            assert.equal("hi", response.body)
        end)

        it("sends an empty string as plain text too", function()
            local response = answer(function() return "" end)
            assert.same({ "Content-Type: text/plain; charset=utf-8" }, fields_of(response))
        end)

        it("sends a status with a body", function()
            local response = answer(function() return 201, { id = 7 } end)
            assert.equal(201, response.status)
            assert.equal('{"id":7}', response.body)
            response = answer(function() return 404, "gone" end)
            assert.equal(404, response.status)
            assert.equal("gone", response.body)
        end)

        it("sends a status alone", function()
            local response = answer(function() return 202 end)
            assert.equal(202, response.status)
            assert.same({}, fields_of(response))
            assert.equal("", response.body)
        end)

        it("sends every status from 200 to 599", function()
            assert.equal(200, answer(function() return 200 end).status)
            assert.equal(599, answer(function() return 599 end).status)
        end)

        it("sends headers, repeated where the value is an array", function()
            local response = answer(function()
                return 200, "a,b", { ["Content-Type"] = "text/csv", ["X-Tag"] = { "1", 2 } }
            end)
            assert.equal("text/csv", response.headers:get "content-type")
            assert.same({ "1", "2" }, response.headers:get_all "X-Tag")
            assert.equal(3, #fields_of(response))
        end)

        it("merges what was set before, and prefers what is returned", function()
            local response = answer(function(_, response)
                response:status(201):header("X-A", "1"):header("X-B", "1"):cookie("a", "1")
                return 202, {}, { ["X-B"] = "2", ["Set-Cookie"] = "b=2" }
            end)
            assert.equal(202, response.status)
            assert.equal("1", response.headers["x-a"])
            assert.same({ "2" }, response.headers:get_all "X-B")
            assert.equal(2, #response.headers:get_all "Set-Cookie")
        end)

        it("keeps a status set before", function()
            assert.equal(201, answer(function(_, response)
                response:status(201)
                return {}
            end).status)
        end)

        it("sends the response itself without a body", function()
            local response, fault = answer(function(_, response) return response:status(202) end)
            assert.is_nil(fault)
            assert.equal(202, response.status)
            assert.equal("", response.body)
        end)

        it("sends an error, returned or raised", function()
            for _, handler in ipairs {
                function() return http.error(404, "no such user") end,
                function() error(http.error(404, "no such user")) end,
                function() return 200, http.error(404, "no such user") end,
            } do
                local response, fault = answer(handler)
                assert.equal(404, response.status)
                assert.same({ "Content-Type: application/json" }, fields_of(response))
                assert.equal('{"error":"no such user"}', response.body)
                assert.is_nil(fault)
            end
        end)

        it("sends the fields of an error, and those set before but the Content-Type", function()
            local response = answer(function(_, response)
                response:header("Content-Type", "text/csv"):header("X-A", "1"):status(201)
                return http.error(429, nil, { ["Retry-After"] = 30 })
            end)
            assert.equal(429, response.status)
            assert.same({ "X-A: 1", "Retry-After: 30", "Content-Type: application/json" },
                fields_of(response))
            assert.equal('{"error":"Too Many Requests"}', response.body)
        end)
    end)

    describe("by method", function()
        it("sends tables, strings and nothing", function()
            assert.equal('{"a":1}', answer(function(_, response) response:send { a = 1 } end).body)
            assert.equal("a", answer(function(_, response) response:send "a" end).body)
            local response = answer(function(_, response) response:send() end)
            assert.equal("", response.body)
            assert.same({}, fields_of(response))
        end)

        it("sends any JSON value", function()
            local texts = { [1] = "1", x = '"x"', [true] = "true", [json.null] = "null" }
            for value, text in pairs(texts) do
                local got = answer(function(_, response) response:json(value) end)
                assert.equal(text, got.body)
                assert.same({ "Content-Type: application/json" }, fields_of(got))
            end
        end)

        it("sends text and HTML", function()
            local got = answer(function(_, response) response:text "a" end)
            assert.same({ "Content-Type: text/plain; charset=utf-8" }, fields_of(got))
            got = answer(function(_, response) response:html "<p>" end)
            assert.same({ "Content-Type: text/html; charset=utf-8" }, fields_of(got))
            assert.equal("<p>", got.body)
        end)

        it("prefers a Content-Type that was set", function()
            local response = answer(function(_, response)
                response:header("content-type", "text/csv"):send "a,b"
            end)
            assert.same({ "content-type: text/csv" }, fields_of(response))
        end)

        it("replaces and adds headers", function()
            local response = answer(function(_, response)
                response:header("X-A", "1"):header("x-a", 2):add_header("X-B", "1")
                response:add_header("X-B", "2"):send()
            end)
            assert.same({ "x-a: 2", "X-B: 1", "X-B: 2" }, fields_of(response))
        end)

        it("sets cookies", function()
            local response = answer(function(_, response)
                response:cookie("a", "1"):cookie("b", "2", { max_age = 5 }):no_content()
            end)
            assert.same({ "a=1; Path=/; HttpOnly; SameSite=Lax",
                "b=2; Path=/; Max-Age=5; HttpOnly; SameSite=Lax" },
                response.headers:get_all "Set-Cookie")
        end)

        it("redirects", function()
            local got = answer(function(_, response) response:redirect "/login" end)
            assert.equal(302, got.status)
            assert.same({ "Location: /login" }, fields_of(got))
            for _, status in ipairs { 301, 302, 303, 307, 308 } do
                assert.equal(status,
                    answer(function(_, response) response:redirect("/", status) end).status)
            end
        end)

        it("sends no content", function()
            local response = answer(function(_, response) response:no_content() end)
            assert.equal(204, response.status)
            assert.same({}, fields_of(response))
            assert.equal("", response.body)
        end)

        it("may be returned after sending, as what sending returned", function()
            for _, send in ipairs { "send", "json", "text", "html", "redirect" } do
                local _, fault = answer(function(_, response)
                    return response[send](response, "/")
                end)
                assert.is_nil(fault)
            end
        end)

        it("says whether the request is answered", function()
            answer(function(_, response)
                assert.is_false(response:is_answered())
                response:send()
                assert.is_true(response:is_answered())
            end)
        end)

        it("returns nil and a code when the client is gone", function()
            local seen
            require("perigee.http.server").new(function(_, response)
                seen = { response:send "x" }
                return unpack(seen)
            end, { log = {} }):dispatch {
                request_line = function() return "GET", "/", nil, "/", "/" end,
                respond = function() return nil, "closed" end,
            }
            assert.same({ nil, "closed" }, seen)
        end)
    end)

    describe("refuses, naming the line,", function()
        local function mistake(run)
            local response, fault = answer(function(_, response)
                run(response)
                response:send()
            end)
            assert.equal(500, response.status)
            return fault:match("^" .. HERE:gsub("%p", "%%%0") .. ":%d+: (.*)$")
        end

        for _, status in ipairs { 199, 600, 100, 101, 200.5, "200", 0 / 0, -200 } do
            it("the status " .. tostring(status), function()
                assert.equal("a status must be an integer from 200 to 599, not "
                    .. tostring(status),
                    mistake(function(response) response:status(status) end))
            end)
        end

        it("header injection", function()
            for _, value in ipairs { "a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\0b" } do
                assert.equal("the header X-A has a control character at byte 2",
                    mistake(function(response) response:header("X-A", value) end))
                assert.equal("the header X-A has a control character at byte 2",
                    mistake(function(response) response:add_header("X-A", value) end))
                assert.equal("the header Location has a control character at byte 2",
                    mistake(function(response) response:redirect(value) end))
                assert.equal("the cookie a has a character that cookies cannot hold; "
                    .. "see url.encode",
                    mistake(function(response) response:cookie("a", value) end))
            end
            assert.equal('a header name must be a token, not "X: a??Y"',
                mistake(function(response) response:header("X: a\r\nY", "b") end))
        end)

        local host_fields = { "connection", "DATE", "Transfer-Encoding",
            "Keep-Alive", "Trailer", "Upgrade" }
        for _, name in ipairs(host_fields) do
            it("the host's header " .. name, function()
                assert.equal(("the header %s is the host's to set"):format(name),
                    mistake(function(response) response:header(name, "1") end))
            end)
        end

        it("bad cookie options", function()
            assert.equal("max_age of the cookie a must be an integer of seconds",
                mistake(function(response) response:cookie("a", "1", { max_age = "1" }) end))
        end)

        it("what JSON cannot hold", function()
            assert.equal("response.items[1] is a function",
                mistake(function(response) response:json { items = { print } } end))
            assert.equal("response.items[1] is a function",
                mistake(function(response) response:send { items = { print } } end))
        end)

        it("text that is none", function()
            assert.equal("the text must be a string, not nil",
                mistake(function(response) response:text() end))
            assert.equal("the text must be a string, not table",
                mistake(function(response) response:html {} end))
            assert.equal("a body must be a table, a string or nil, not a boolean",
                mistake(function(response) response:send(true) end))
        end)

        it("redirects with another status or without a target", function()
            assert.equal("a redirect is 301, 302, 303, 307 or 308, not 200",
                mistake(function(response) response:redirect("/", 200) end))
            assert.equal("the header Location must be a string or a number, not nil",
                mistake(function(response) response:redirect() end))
        end)

        it("a body where there can be none", function()
            for _, status in ipairs { 204, 205, 304 } do
                assert.equal(("an answer with status %d has no body"):format(status),
                    mistake(function(response) response:status(status):send "x" end))
            end
        end)
    end)

    it("names the handler's definition when a tail call hides the line", function()
        local definition
        local _, fault = answer(function(_, response)
            definition = here(-1)
            return response:status(99)
        end)
        assert.equal(definition .. ": a status must be an integer from 200 to 599, not 99", fault)
    end)

    describe("answers once only and names both places", function()
        it("for two sends", function()
            local first, second
            local response, fault = answer(function(_, response)
                response:send "first"
                first, second = here(-1), here(1)
                response:json {}
            end)
            assert.equal(200, response.status)
            assert.equal("first", response.body)
            assert.equal(second .. ": this request was already answered at " .. first, fault)
        end)

        it("for anything set after sending", function()
            for _, late in ipairs {
                function(response) response:status(201) end,
                function(response) response:header("X-A", "1") end,
                function(response) response:add_header("X-A", "1") end,
                function(response) response:cookie("a", "1") end,
                function(response) response:send() end,
                function(response) response:text "" end,
                function(response) response:html "" end,
                function(response) response:redirect "/" end,
                function(response) response:no_content() end,
            } do
                local first
                local _, fault = answer(function(_, response)
                    response:send "first"
                    first = here(-1)
                    late(response)
                end)
                assert.equal(("%s:%d: this request was already answered at %s"):format(HERE,
                    debug.getinfo(late, "S").linedefined, first), fault)
            end
        end)

        it("for a value returned after sending", function()
            for _, value in ipairs { {}, "x", 200, true } do
                local first, definition
                local got, fault = answer(function(_, response)
                    definition = here(-1)
                    response:send "first"
                    first = here(-1)
                    return value
                end)
                assert.equal("first", got.body)
                assert.equal(("%s: the handler of GET /x returned a %s, but the request was "
                    .. "already answered at %s"):format(definition, type(value), first), fault)
            end
        end)

        it("for a send after the handler returned", function()
            local kept
            answer(function(_, response)
                kept = response
                return "x"
            end)
            local is_fine, message = pcall(function() kept:send "y" end)
            assert.is_false(is_fine)
            assert.equal(here(-2)
                .. ": this request was already answered at the return of its handler",
                message)
        end)
    end)

    describe("answers 500, naming the handler's definition,", function()
        local function complaint(...)
            local values, definition = { n = select("#", ...), ... }, nil
            local response, fault = answer(function()
                definition = here(-1)
                return unpack(values, 1, values.n)
            end)
            assert.equal(500, response.status)
            local start = definition .. ": the handler of GET /x "
            assert.equal(start, fault:sub(1, #start))
            return fault:sub(#start + 1)
        end

        it("when it neither returned nor sent anything", function()
            assert.equal("returned nothing and sent nothing", complaint())
            assert.equal("returned nothing and sent nothing", complaint(nil))
        end)

        it("when it returned nil and a code", function()
            assert.equal('returned nil, "timeout" and sent nothing', complaint(nil, "timeout"))
            assert.equal("returned nil, 42 and sent nothing", complaint(nil, 42))
        end)

        it("when it returned something that is no body", function()
            for _, value in ipairs { true, false, print, coroutine.create(function() end) } do
                local expected = "failed to answer: a body must be a table, a string or nil, not a "
                    .. type(value)
                assert.equal(expected, complaint(value))
                assert.equal(expected, complaint(200, value))
            end
            assert.equal("failed to answer: a body must be a table, a string or nil, not a number",
                complaint(200, 5))
        end)

        it("when it returned a bad status", function()
            assert.equal("failed to answer: a status must be an integer from 200 to 599, not 42",
                complaint(42))
        end)

        it("when it returned what JSON cannot hold", function()
            assert.equal("failed to answer: response.a.b is a function",
                complaint { a = { b = print } })
        end)

        it("when it returned bad headers", function()
            assert.equal("failed to answer: headers must be a table, not a string",
                complaint(200, "x", "text/plain"))
            assert.equal("failed to answer: the header X-A has a control character at byte 1",
                complaint(200, "x", { ["X-A"] = "\r\n" }))
            assert.equal("failed to answer: the header Date is the host's to set",
                complaint(200, "x", { Date = "today" }))
            assert.equal("failed to answer: the header X-A must be a string or a number, "
                .. "not boolean",
                complaint(200, "x", { ["X-A"] = true }))
        end)

        it("when it returned a body where there can be none", function()
            assert.equal("failed to answer: an answer with status 204 has no body",
                complaint(204, "x"))
            assert.equal("failed to answer: an answer with status 204 has no body",
                complaint(204, {}))
        end)
    end)
end)
