--- A stream without a peer: what is read follows from what was written.
-- The i-th write brings answers[i]: an array of pieces to read one by one, and, if the stream ends
-- then, the `code` that reads give behind them. With `write_code` the write itself fails.
-- Where there is nothing to read, time is over.
local scheduler = require "perigee.core.scheduler"

local scripted_stream = {}
scripted_stream.__index = scripted_stream

function scripted_stream.new(answers)
    return setmetatable({
        answers = answers,
        written = {},
        incoming = {},
        end_code = nil,
        deadline = nil, -- of the last call that may wait
        is_closed = false,
    }, scripted_stream)
end

--- Lets `piece` arrive without a request.
function scripted_stream:hear(piece)
    self.incoming[#self.incoming + 1] = piece
end

function scripted_stream:write(bytes, deadline)
    assert(not self.is_closed, "written to after its close")
    self.written[#self.written + 1] = bytes
    self.deadline = deadline
    local answer = self.answers[#self.written] or {}
    for _, piece in ipairs(answer) do
        self:hear(piece)
    end
    self.end_code = answer.code
    if answer.write_code then
        return nil, answer.write_code
    end
    return true
end

function scripted_stream:read(deadline)
    assert(not self.is_closed, "read from after its close")
    self.deadline = deadline
    if not self.incoming[1] and scheduler.current() then
        scheduler.yield() -- as a real one does, so that others can write
    end
    if self.incoming[1] then
        return table.remove(self.incoming, 1)
    end
    return nil, self.end_code or "timeout"
end

function scripted_stream:poll()
    assert(not self.is_closed, "read from after its close")
    if self.incoming[1] then
        return table.remove(self.incoming, 1)
    end
    return nil, self.end_code or "again"
end

function scripted_stream:close()
    assert(not self.is_closed, "closed twice")
    self.is_closed = true
end

return scripted_stream
