--- Frames that pass, whichever way their bytes are split.
local websocket_frames = require "perigee.http.websocket_frames"
local websocket_peer = require "spec.support.websocket_peer"

local BINARY, PING = 128 + websocket_peer.BINARY, 128 + websocket_peer.PING

-- What has passed of `pieces`, and the problem if there was one.
local function pass_all(frames, pieces)
    local passed = {}
    for _, piece in ipairs(pieces) do
        local bytes, problem = frames:pass(piece)
        passed[#passed + 1] = bytes
        if problem then
            return table.concat(passed), problem
        end
    end
    return table.concat(passed)
end

local function split(bytes, size)
    local pieces = {}
    for position = 1, #bytes, size do
        pieces[#pieces + 1] = bytes:sub(position, position + size - 1)
    end
    return pieces
end

describe("websocket_frames", function()
    local text = websocket_peer.frame(BINARY, ("a"):rep(5))
        .. websocket_peer.frame(PING, "") .. websocket_peer.frame(BINARY, ("b"):rep(200))
        .. websocket_peer.frame(BINARY, ("c"):rep(70000))

    it("passes everything, and knows where frames end", function()
        for _, size in ipairs({ 1, 2, 3, 7, 100, 1000000 }) do
            local frames = websocket_frames.new(70000)
            local passed, problem = pass_all(frames, split(text, size))
            assert.is_nil(problem)
            assert.is_true(passed == text)
            assert.is_true(frames:is_between())
            assert.is_false(frames.has_closed)
        end
    end)

    it("holds a head back until it is complete", function()
        local frames = websocket_frames.new(1000)
        local frame = websocket_peer.frame(BINARY, ("b"):rep(200))
        assert.equal("", (frames:pass(frame:sub(1, 7))))
        assert.is_true(frames:is_between())
        assert.equal(frame:sub(1, 9), (frames:pass(frame:sub(8, 9))))
        assert.is_false(frames:is_between())
        assert.equal(frame:sub(10), frames:finish_frame(frame:sub(10) .. "xyz"))
        assert.is_true(frames:is_between())
    end)

    it("refuses a message that is too large where it begins, also one in several frames", function()
        for _, size in ipairs({ 1, 3, 1000 }) do
            local frames = websocket_frames.new(10)
            local fine = websocket_peer.frame(websocket_peer.BINARY, ("a"):rep(6))
                .. websocket_peer.frame(PING, "p")
                .. websocket_peer.frame(128, ("a"):rep(4))
            local passed, problem = pass_all(frames, split(fine
                .. websocket_peer.frame(websocket_peer.BINARY, ("a"):rep(6))
                .. websocket_peer.frame(128, ("a"):rep(5)), size))
            assert.equal("too_large", problem)
            assert.equal(#fine + 12, #passed)
            assert.is_true(frames:is_between())
        end
    end)

    it("refuses what claims to be endless, and control frames that are large", function()
        for _, frame in ipairs({ "\130\127\255\255\255\255\255\255\255\255",
            "\137\126\0\200" .. ("x"):rep(200) }) do
            local passed, problem = websocket_frames.new(2 ^ 40):pass(frame)
            assert.equal("", passed)
            assert.equal("too_large", problem)
        end
    end)

    it("notes a close frame, and makes one", function()
        local frames = websocket_frames.new(10)
        assert.equal("\136\2\3\244", frames:pass(websocket_frames.close(1012)))
        assert.is_true(frames.has_closed)
    end)
end)
