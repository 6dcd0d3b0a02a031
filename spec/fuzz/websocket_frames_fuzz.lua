-- The first byte says where the rest is split: however that is, the same passes.
local websocket_frames = require "perigee.http.websocket_frames"

local LIMIT = 300

local function pass(pieces)
    local frames, passed = websocket_frames.new(LIMIT), ""
    for _, piece in ipairs(pieces) do
        local bytes, problem = frames:pass(piece)
        passed = passed .. bytes
        if problem then
            assert(frames:is_between(), "what is refused begins where a frame ends")
            return passed, problem
        end
    end
    return passed, nil
end

return function(bytes)
    local at = bytes:byte(1) or 0
    local input = bytes:sub(2)
    local whole, problem = pass({ input })
    assert(input:sub(1, #whole) == whole, "bytes pass as they are")
    local split, same = pass({ input:sub(1, at), input:sub(at + 1) })
    assert(split == whole and same == problem, "a split changes what passes")
end
