local connection = require "perigee.http.client.connection"
local request_writer = require "perigee.http.client.request_writer"
local scripted_stream = require "spec.lua.http.client.scripted_stream"

local HEAD = "HTTP/1.1 200 OK\r\n"
local SIZED = HEAD .. "Content-Length: 5\r\n\r\n"
local CHUNKED = HEAD .. "Transfer-Encoding: chunked\r\n\r\n"

local MESSAGE = request_writer.compose({ target = "/" }, "a.test", false)

-- Begins an exchange over a stream with this answer. Returns it, the connection, the stream and a
-- table that counts how often the exchange said that it is over.
local function begin(answer)
    local stream, told = scripted_stream.new { answer }, { count = 0 }
    local made = connection.new(stream, { address = "a.test", now = function()
        return 100
    end })
    local begun, code, detail = made:begin(MESSAGE, nil, function(given)
        assert.equal(made, given)
        told.count = told.count + 1
    end)
    return begun, made, stream, told, code, detail
end

local function read_all(begun)
    local pieces = {}
    local piece, code, detail = begun:read()
    while piece do
        assert.is_true(piece ~= "")
        pieces[#pieces + 1] = piece
        piece, code, detail = begun:read()
    end
    return pieces, code, detail
end

describe("perigee.http.client.exchange", function()
    it("has the head before anything of the body has come", function()
        local begun, made, _, told = begin { SIZED, "he", "llo" }
        assert.equal(200, begun.head.status)
        assert.is_nil(begun.head.body)
        assert.same({ 0, false }, { told.count, made:is_reusable() })
        assert.same({ "he", "llo" }, (read_all(begun)))
        assert.same({ 1, true }, { told.count, made:is_reusable() })
        assert.same({}, (read_all(begun)))
    end)

    it("is over at once when all has come", function()
        local begun, made, _, told = begin { SIZED .. "hello" }
        assert.same({ 1, true, true }, { told.count, made:is_reusable(), begun.is_over })
        assert.same({ "hello" }, (read_all(begun)))
    end)

    it("reads nothing that nobody asks for", function()
        local begun, _, stream = begin { SIZED, "he", "llo" }
        assert.equal(2, #stream.incoming)
        assert.equal("he", begun:read())
        assert.equal(1, #stream.incoming)
    end)

    it("gathers what was not taken", function()
        local begun = begin { SIZED .. "h", "ell", "o" }
        assert.equal("h", begun:read())
        assert.equal("ello", begun:gather().body)
    end)

    it("has the trailers behind the body", function()
        local begun = begin { CHUNKED, "5\r\nhello\r\n", "0\r\nA: 1\r\nB:  2 \r\n\r\n" }
        assert.same({ "hello" }, (read_all(begun)))
        assert.equal("A: 1\r\nB: 2\r\n", begun:trailer_lines())
        assert.equal("", (begin { SIZED .. "hello" }):trailer_lines())
    end)

    it("ends with the connection when that is the end of the body", function()
        local begun, made = begin { HEAD .. "\r\nhe", "llo", code = "eof" }
        assert.same({ "he", "llo" }, (read_all(begun)))
        assert.is_false(made:is_reusable())
    end)

    it("tells that it broke off, once and again", function()
        local begun, _, stream, told = begin { SIZED, "he", code = "eof" }
        local pieces, code, detail = read_all(begun)
        assert.same({ { "he" }, "eof", "the connection ended inside the body" },
            { pieces, code, detail })
        assert.same({ nil, "eof", "the connection ended inside the body" }, { begun:read() })
        assert.same({ nil, "eof", "the connection ended inside the body" }, { begun:gather() })
        assert.same({ true, 1 }, { stream.is_closed, told.count })
    end)

    it("gives up the connection when it is closed before its end", function()
        local begun, _, stream, told = begin { SIZED, "he" }
        begun:close()
        begun:close()
        assert.same({ true, 1 }, { stream.is_closed, told.count })
        assert.same({ nil, "closed", "the response was closed" }, { begun:read() })
    end)

    it("keeps the connection when it is closed at its end", function()
        local begun, made = begin { SIZED .. "hello" }
        begun:close()
        assert.is_true(made:is_reusable())
    end)

    it("does not begin without a head", function()
        local begun, _, stream, told, code, detail = begin { HEAD, code = "eof" }
        assert.same({ nil, "eof", "the connection ended inside the head" },
            { begun, code, detail })
        assert.same({ true, 0 }, { stream.is_closed, told.count })
    end)

    it("gives the same however the bytes are split", function()
        local answers = {
            SIZED .. "hello",
            CHUNKED .. "3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nA: 1\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n" .. CHUNKED .. "5\r\nhello\r\n0\r\n\r\n",
            HEAD .. "\r\nhello",
            CHUNKED .. "3\r\nhel\r\nX",
        }
        local function outcome(pieces)
            pieces.code = "eof"
            local begun, made, _, _, code = begin(pieces)
            if not begun then
                return code
            end
            local read, reason = read_all(begun)
            return ("%d %s %s %s %s"):format(begun.head.status, table.concat(read),
                tostring(reason), begun:trailer_lines(), tostring(made:is_reusable()))
        end
        for _, bytes in ipairs(answers) do
            local whole = outcome { bytes }
            for first = 1, #bytes - 1 do
                for second = first, #bytes, 7 do
                    assert.equal(whole, outcome { bytes:sub(1, first),
                        bytes:sub(first + 1, second), bytes:sub(second + 1) })
                end
            end
        end
    end)
end)
