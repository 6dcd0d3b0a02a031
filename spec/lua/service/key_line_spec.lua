local key_line = require "perigee.service.key_line"

local SOURCE = [[
local Orders = {}
local rpc = { Orders = 1 } -- Orders = of old
if Orders == rpc then
    rpc["Bills"] = 2
end
function rpc.Sent() end
local Reorders = 1
return { Total = 1, rpc = rpc,
    mount =
        "x" }]]

describe("perigee.service.key_line", function()
    for key, line in pairs({ Orders = 2, Bills = 4, Sent = 6, Total = 8, rpc = 8, mount = 9 }) do
        it("finds " .. key, function()
            assert.equal(line, key_line(SOURCE, key))
            assert.equal(line, key_line(SOURCE:gsub("\n", "\r\n"), key))
        end)
    end

    it("says nothing of a key that no line gives", function()
        for _, key in ipairs({ "orders", "Order", "", "of", 1, "a.b", "%w+", true }) do
            assert.is_nil(key_line(SOURCE, key))
        end
        assert.is_nil(key_line("", "rpc"))
    end)
end)
