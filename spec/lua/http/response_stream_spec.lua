local http = require "perigee.http"
local testing = require "perigee.testing"

-- Answers one request with `handler`; returns the response and the message in the log, if any.
local function answer(handler, method)
    local client = testing.client(handler)
    local response = client:request(method or "GET", "/x")
    return response, client.faults[1]
end

local function written(response)
    response:write "a"
    response:write "b"
end

describe("an answer in pieces", function()
    it("is what was written", function()
        local response, fault = answer(function(_, response)
            response:status(201):header("X-A", "b")
            assert(response:write "hello " == response)
            assert(response:is_answered())
            response:write ""
            response:write "world"
        end)
        assert.is_nil(fault)
        assert.equal(201, response.status)
        assert.equal("b", response.headers["x-a"])
        assert.equal("text/plain; charset=utf-8", response.headers["content-type"])
        assert.equal("hello world", response.body)
        assert.is_false(response.is_cut)
    end)

    it("keeps a Content-Type that was set", function()
        local response = answer(function(_, response)
            response:header("Content-Type", "application/octet-stream"):write "a"
        end)
        assert.same({ "application/octet-stream" }, response.headers:get_all "Content-Type")
    end)

    it("may be returned, or nothing", function()
        local response, fault = answer(function(_, response) return response:write "a" end)
        assert.is_nil(fault)
        assert.equal("a", response.body)
    end)

    it("is not the place for another answer", function()
        for _, handler in ipairs {
            function(_, response) written(response) return "more" end,
            function(_, response) written(response) response:send "more" end,
            function(_, response) written(response) response:header("X-A", "b") end,
            function(_, response) written(response) error(http.error(404)) end,
        } do
            local response, fault = answer(handler)
            assert.equal(200, response.status)
            assert.equal("ab", response.body)
            assert.is_true(response.is_cut)
            assert.matches("answered", fault)
        end
    end)

    it("is cut by an error", function()
        local response, fault = answer(function(_, response)
            response:write "a"
            error "oops"
        end)
        assert.equal("a", response.body)
        assert.is_true(response.is_cut)
        assert.matches("oops", fault)
    end)

    it("cannot follow a whole one", function()
        local response, fault = answer(function(_, response)
            response:send "whole"
            response:write "a"
        end)
        assert.equal("whole", response.body)
        assert.matches("already answered at .*response_stream_spec.lua:%d+", fault)
    end)

    it("has no body where a status allows none", function()
        for _, status in ipairs { 204, 205, 304 } do
            local response, fault = answer(function(_, response)
                response:status(status):write "a"
            end)
            assert.equal(500, response.status)
            assert.matches(("status %d has no body"):format(status), fault)
        end
    end)

    it("is a head for HEAD, whose writer is told to stop", function()
        local response, fault = answer(function(_, response)
            local is_written, code = response:write "a"
            assert(is_written == nil and code == "closed")
        end, "HEAD")
        assert.is_nil(fault)
        assert.equal(200, response.status)
        assert.equal("", response.body)
        assert.is_false(response.is_cut)
    end)

    it("takes strings only", function()
        local _, fault = answer(function(_, response) response:write(12) end)
        assert.matches("what is written must be a string, not number", fault)
    end)

    describe("with a Content-Length", function()
        it("has just so many bytes", function()
            local response, fault = answer(function(_, response)
                response:header("content-length", 2)
                written(response)
            end)
            assert.is_nil(fault)
            assert.equal("ab", response.body)
            assert.is_false(response.is_cut)
        end)

        it("is cut with fewer", function()
            local response, fault = answer(function(_, response)
                response:header("Content-Length", 3)
                written(response)
            end)
            assert.is_true(response.is_cut)
            assert.matches("ended too early: less was written than the Content%-Length of 3", fault)
        end)

        it("is cut with more", function()
            local response, fault = answer(function(_, response)
                response:header("Content-Length", 1)
                written(response)
            end)
            assert.is_true(response.is_cut)
            assert.equal("a", response.body)
            assert.matches("more was written than the Content%-Length of 1", fault)
        end)

        it("must be a number of bytes", function()
            for _, length in ipairs { "1", -1, 0.5, 2 ^ 53 } do
                local response, fault = answer(function(_, response)
                    response:header("Content-Length", length)
                end)
                assert.equal(500, response.status)
                assert.matches("Content%-Length must be a number of bytes", fault)
            end
        end)

        it("must be that of a whole body too", function()
            local response, fault = answer(function(_, response)
                response:header("Content-Length", 3)
                return "ab"
            end)
            assert.equal(500, response.status)
            assert.matches("Content%-Length was set to 3, but the body has 2 bytes", fault)
            assert.equal("ab", answer(function(_, answered)
                return answered:header("Content-Length", 2):text "ab"
            end).body)
        end)
    end)

    describe("finished before its handler", function()
        it("has trailers", function()
            local response, fault = answer(function(_, response)
                written(response)
                assert(response:finish { ["X-Sum"] = 7 } == response)
            end)
            assert.is_nil(fault)
            assert.equal("ab", response.body)
            assert.equal("7", response.trailers["x-sum"])
        end)

        it("may be empty", function()
            local response, fault = answer(function(_, response)
                response:status(202):finish()
            end)
            assert.is_nil(fault)
            assert.equal(202, response.status)
            assert.equal("", response.body)
        end)

        it("takes no more", function()
            local response, fault = answer(function(_, response)
                response:write "a"
                response:finish()
                response:write "b"
            end)
            assert.equal("a", response.body)
            assert.matches("this answer was finished at .*response_stream_spec.lua:%d+", fault)
        end)

        it("refuses trailers that would come too late to be obeyed", function()
            for _, name in ipairs { "Content-Length", "set-cookie", "Transfer-Encoding" } do
                local response, fault = answer(function(_, response)
                    written(response)
                    response:finish { [name] = "1" }
                end)
                assert.is_true(response.is_cut)
                assert.matches("cannot be a trailer", fault)
            end
            local _, fault = answer(function(_, response) response:finish { ["X-A"] = "a\nb" } end)
            assert.matches("control character", fault)
        end)
    end)

    it("is over for other tasks when its handler has returned", function()
        local kept
        answer(function(_, response)
            kept = response
            response:write "a"
        end)
        local is_written, code = kept:write "b"
        assert.is_nil(is_written)
        assert.equal("closed", code)
    end)
end)
