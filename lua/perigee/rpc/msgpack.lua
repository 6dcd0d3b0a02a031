--- MessagePack: values to bytes and back. Nil is decoded as json.null, so that no list has a hole;
-- integers beyond 2^53 are int64 or uint64.
local marks = require "perigee.rpc.msgpack.marks"
local put = require "perigee.rpc.msgpack.writer"
local read = require "perigee.rpc.msgpack.reader"
local type_check = require "perigee.rpc.type_check"
local buffer = require "string.buffer"

local msgpack = {
    --- What Lua has no value for: `binary(bytes)`, `extension(kind, bytes)`, `timestamp(seconds,
    -- nanoseconds)`. Timestamps and extensions are decoded as these, bin as a string.
    binary = marks.binary, extension = marks.extension, timestamp = marks.timestamp,
}

local MAX_VALUES = 1000000
local MAX_SPARE_SIZE = 65536

-- Taken while in use: a metamethod of what is encoded may wait, or encode something itself.
local spare

-- Failures of the data are results; others are mistakes of this code.
local function rethrow_other(problem)
    if type(problem) ~= "table" then
        error(problem, 0)
    end
end

--- Encodes a value. A table whose keys are 1..n is an array, any other a map, the empty one too:
-- see json.array.
-- @param wanted a type of perigee.rpc.types that the value must fit, or nil. With it, a float is
-- sent as one though it is integral, `bytes` as bin, a time as a timestamp, a list as an array.
-- @param what the name of the value in messages, "reply" by default
-- @return the bytes; or nil, "invalid", message
function msgpack.encode(value, wanted, what)
    local out = spare or buffer.new()
    spare = nil
    local is_ok, code, detail = msgpack.append(out, value, wanted, what)
    local bytes = is_ok and out:tostring() or nil
    if #out <= MAX_SPARE_SIZE then
        spare = out:reset()
    end
    return bytes, code, detail
end

--- Encodes a value as msgpack.encode does, and appends the bytes to a string.buffer, which after a
-- failure holds a part of them.
-- @return true; or nil, "invalid", message
function msgpack.append(out, value, wanted, what)
    if wanted then
        local is_ok, message = type_check.check_exactly(wanted, value, what or "reply")
        if not is_ok then
            return nil, "invalid", message
        end
    end
    local is_ok, problem = pcall(put, out, value, wanted, 0)
    if is_ok then
        return true
    end
    rethrow_other(problem)
    return nil, "invalid", ("%s holds %s, which MessagePack cannot send"):format(what or "reply",
        problem.problem)
end

-- Nothing but this reads, and it neither waits nor calls anybody.
local state = { values_left = 0 }

--- Decodes the value that begins at `position`, for a stream of values.
-- @param max_values how many tables and elements it may have, 1,000,000 by default
-- @return the value and the position behind it; or nil, code, detail, where code is "incomplete"
-- when more bytes may make it a value, "malformed" or "too_large" when none can
function msgpack.decode_next(bytes, position, max_values)
    state.values_left = max_values or MAX_VALUES
    local is_ok, value, following = pcall(read, bytes, position, state, 0)
    if is_ok then
        return value, following
    end
    rethrow_other(value)
    return nil, value.code, value.detail
end

--- Decodes bytes that hold one value and nothing else, from `position` on, 1 by default.
-- @return the value; or nil, "malformed" or "too_large", detail
function msgpack.decode(bytes, max_values, position)
    local value, following, detail = msgpack.decode_next(bytes, position or 1, max_values)
    if value == nil then
        return nil, following == "incomplete" and "malformed" or following, detail
    elseif following <= #bytes then
        return nil, "malformed", "bytes follow the value"
    end
    return value
end

return msgpack
