local hash = require "perigee.balancer.hash"

describe("the hash", function()
    it("is FNV-1a with MurmurHash3's last step", function()
        assert.equal(2872998923, hash(""))
        assert.equal(2415076764, hash("users-1"))
        assert.equal(2506980016, hash("users-1", 1))
        assert.equal(3092073223, hash("a longer key of many words", 160))
    end)

    it("differs with the text and the seed", function()
        assert.not_equal(hash("users-1"), hash("users-2"))
        assert.not_equal(hash("users-1"), hash("users-1", 1))
    end)

    it("is a whole number of 32 bits", function()
        for i = 1, 1000 do
            local value = hash("key " .. i, i)
            assert.is_true(value >= 0 and value < 2 ^ 32 and value % 1 == 0)
        end
    end)

    it("spreads keys that differ in their last byte only", function()
        local counts = {}
        for i = 0, 255 do
            local bucket = hash("key " .. string.char(i)) % 16
            counts[bucket] = (counts[bucket] or 0) + 1
        end
        for bucket = 0, 15 do
            assert.is_true(counts[bucket] > 4 and counts[bucket] < 36, tostring(counts[bucket]))
        end
    end)

    it("changes half of its bits with one bit of the key", function()
        local changed, total = 0, 0
        for i = 1, 500 do
            for position = 0, 7 do
                local before = hash("k" .. string.char(i % 256))
                local after = hash("k" .. string.char(bit.bxor(i % 256, bit.lshift(1, position))))
                local difference = bit.bxor(bit.tobit(before), bit.tobit(after))
                for index = 0, 31 do
                    changed = changed + bit.band(bit.rshift(difference, index), 1)
                end
                total = total + 32
            end
        end
        assert.is_true(math.abs(changed / total - 0.5) < 0.02, tostring(changed / total))
    end)
end)
