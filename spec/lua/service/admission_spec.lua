local admission = require "perigee.service.admission"
local quotas = require "perigee.core.quotas"
local testing = require "perigee.testing"
local perigee = require "perigee"

describe("perigee.service.admission", function()
    local begun, refused

    before_each(function()
        begun, refused = {}, {}
        quotas.refusals = {}
    end)

    local function admit(gate, subject)
        return gate:admit(function(which)
            begun[#begun + 1] = which
        end, subject, function(status, message, after_s)
            refused[#refused + 1] = { status, message, after_s }
        end)
    end

    it("lets so many begin at once, so many wait in order, and refuses the rest", function()
        local gate = admission.new({ concurrency = 2, queue = 2 })
        assert.is_true(admit(gate, "a"))
        assert.is_true(admit(gate, "b"))
        assert.is_nil(admit(gate, "c"))
        assert.is_nil(admit(gate, "d"))
        assert.equal(2, gate:queued())
        assert.is_false(admit(gate, "e"))
        assert.same({ { 503, "the service works on 2 requests at once, and 2 wait", 1 } }, refused)
        gate:release()
        assert.same({ "c" }, begun)
        assert.is_nil(admit(gate, "f"))
        gate:release()
        gate:release()
        assert.same({ "c", "d", "f" }, begun)
        assert.equal(0, gate:queued())
        gate:release()
        assert.is_true(admit(gate, "g"))
        assert.same({ concurrency = 1 }, quotas.refusals)
    end)

    it("takes so many a second, and a burst", function()
        testing.virtual_clock()
        local gate = admission.new({ rate = 2, burst = 3 })
        for _ = 1, 3 do
            assert.is_true(admit(gate))
            gate:release()
        end
        assert.is_false(admit(gate))
        assert.same({ { 429, "the service takes 2 requests a second", 1 } }, refused)
        perigee.sleep(0.5)
        assert.is_true(admit(gate))
        assert.is_false(admit(gate))
        perigee.sleep(10)
        for _ = 1, 3 do
            assert.is_true(admit(gate))
        end
        assert.is_false(admit(gate))
    end)

    it("says when a slow rate has room again", function()
        testing.virtual_clock()
        local gate = admission.new({ rate = 0.1 })
        assert.is_true(admit(gate))
        assert.is_false(admit(gate))
        assert.equal(10, refused[1][3])
    end)
end)
