local ranges = require "perigee.http.ranges"

-- Of a representation of 1000 bytes: "none" for what is ignored, "" for 416.
local CASES = {
    { "bytes=0-0", "0-0" },
    { "bytes=0-499", "0-499" },
    { "bytes=500-", "500-999" },
    { "bytes=-500", "500-999" },
    { "bytes=-1", "999-999" },
    { "bytes=-5000", "0-999" },
    { "bytes=0-99999999999999999999999", "0-999" },
    { "bytes=999-", "999-999" },
    { "BYTES=1-2", "1-2" },
    { "bytes= 1-2 ,\t 500-501 ", "1-2,500-501" },
    { "bytes=,,1-2,,", "1-2" },
    { "bytes=500-501,1-2", "1-2,500-501" },
    { "bytes=0-99,50-149", "0-149" },
    { "bytes=0-99,100-199", "0-199" },
    { "bytes=0-99,181-199", "0-99,181-199" },
    { "bytes=0-,0-,0-,0-", "0-999" },
    { "bytes=0-10,500-10000,-5", "0-10,500-999" },
    { "bytes=1000-,5-6", "5-6" },
    -- what is not there
    { "bytes=1000-", "" },
    { "bytes=1000-1001", "" },
    { "bytes=-0", "" },
    { "bytes=1000-,-0", "" },
    { "bytes=99999999999999999999999-", "" },
    -- what is no range
    { "bytes=2-1", "none" },
    { "bytes=5-6,2-1", "none" },
    { "bytes=", "none" },
    { "bytes=,", "none" },
    { "bytes=-", "none" },
    { "bytes=--1", "none" },
    { "bytes=1--2", "none" },
    { "bytes=a-b", "none" },
    { "bytes=1-2;3-4", "none" },
    { "bytes=0x1-2", "none" },
    { "bytes=1.5-2", "none" },
    { "bytes=+1-2", "none" },
    { "bytes=1 - 2", "none" },
    { "bytes 1-2", "none" },
    { "lines=1-2", "none" },
    { "1-2", "none" },
    { "", "none" },
    { "=1-2", "none" },
}

local function describe_list(list)
    if not list then
        return "none"
    end
    local texts = {}
    for i, range in ipairs(list) do
        texts[i] = range.first .. "-" .. range.last
    end
    return table.concat(texts, ",")
end

describe("perigee.http.ranges", function()
    for _, case in ipairs(CASES) do
        it(("reads %q"):format(case[1]), function()
            assert.equal(case[2], describe_list(ranges.parse(case[1], 1000)))
        end)
    end

    it("ignores more than 16", function()
        local list = {}
        for i = 1, 17 do
            list[i] = ("%d-%d"):format(i * 1000, i * 1000 + 1)
        end
        assert.is_nil(ranges.parse("bytes=" .. table.concat(list, ","), 1e6))
        assert.equal(16, #ranges.parse("bytes=" .. table.concat(list, ",", 1, 16), 1e6))
    end)

    it("never gives what overlaps, nor more than there is", function()
        math.randomseed(7)
        for _ = 1, 2000 do
            local list, size = {}, math.random(1, 3000)
            for i = 1, math.random(1, 16) do
                local first = math.random(0, 3000)
                list[i] = first .. "-" .. first + math.random(0, 300)
            end
            local last = -1
            for _, range in ipairs(ranges.parse("bytes=" .. table.concat(list, ","), size) or {}) do
                assert.is_true(range.first > last and range.last >= range.first)
                last = range.last
            end
            assert.is_true(last < size)
        end
    end)

    it("takes a time that grows with the text", function()
        local spaces = (" "):rep(200000)
        local began = os.clock()
        assert.is_nil(ranges.parse("bytes=x" .. spaces .. "y", 1000))
        assert.is_nil(ranges.parse("bytes=1-" .. spaces .. "y", 1000))
        assert.is_nil(ranges.parse("bytes=" .. ("9"):rep(200000), 1000))
        assert.is_nil(ranges.parse("bytes=" .. ("1-2,"):rep(50000), 1000))
        assert.is_true(os.clock() - began < 1)
    end)

    it("ignores ranges of nothing", function()
        assert.is_nil(ranges.parse("bytes=0-", 0))
        assert.is_nil(ranges.parse("bytes=-5", 0))
    end)

    it("knows large files", function()
        local list = ranges.parse("bytes=5000000000-", 6e9)
        assert.equal("bytes 5000000000-5999999999/6000000000", ranges.content_range(list[1], 6e9))
        assert.equal("bytes */6000000000", ranges.content_range(nil, 6e9))
    end)
end)
