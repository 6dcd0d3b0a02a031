--- Tables that stand for what MessagePack has and Lua has not: bytes that are no text, extensions
-- and timestamps. Their metatables tell them from other tables.
local marks = {
    binary_mark = { __name = "msgpack.binary" },
    extension_mark = { __name = "msgpack.extension" },
    timestamp_mark = { __name = "msgpack.timestamp" },
}

--- Bytes that are sent as bin, not str: { bytes = }.
function marks.binary(bytes)
    return setmetatable({ bytes = bytes }, marks.binary_mark)
end

--- An extension of an application, `kind` -128 to 127: { kind =, bytes = }.
function marks.extension(kind, bytes)
    return setmetatable({ kind = kind, bytes = bytes }, marks.extension_mark)
end

--- A point in time: { seconds = since 1970, nanoseconds = }.
function marks.timestamp(seconds, nanoseconds)
    return setmetatable({ seconds = seconds, nanoseconds = nanoseconds }, marks.timestamp_mark)
end

return marks
