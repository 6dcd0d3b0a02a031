--- gob, the encoding of Go's net/rpc (encoding/gob): messages to values and back.
--
-- A message is uint(size) and a body. Who has the stream splits and joins them: what is taken and
-- given here are bodies.
local infer = require "perigee.rpc.infer"
local decoder = require "perigee.rpc.gob.decoder"
local encoder = require "perigee.rpc.gob.encoder"

return {
    --- A decoder for one direction of one connection: `decoder(max_values)`.
    decoder = decoder.new,
    --- An encoder for one declared type: `compile(type)`, see perigee.rpc.gob.encoder.
    compile = encoder.compile,
    --- The type of a value nobody declared: `infer(value, what)`.
    infer = infer,
}
