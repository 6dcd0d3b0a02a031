-- A method that streams: each number goes out when it is made. A client that does not keep up is
-- waited for, and one that goes away ends the task.
--
-- $ curl -N -H 'Content-Type: application/json' -d 3 http://127.0.0.1:8080/rpc/Countdown.From
-- 3
-- 2
-- 1
-- {"result":"liftoff"}
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local Countdown = {}

Countdown.From = rpc.stream {
    args = "int",
    item = "int",
    doc = "Counts down to 1, a number every 10 ms",
    fn = function(first, _, send)
        for number = first, 1, -1 do
            local is_sent, reason = send(number)
            if not is_sent then
                return nil, reason
            end
            perigee.sleep(0.01)
        end
        return "liftoff"
    end,
}

return { rpc = { Countdown = Countdown } }
