--- What clients say of the representation they want: Range, conditions, codings, dates and names of
-- files. Whatever they say, what comes out is in bounds.
local accept_encoding = require "perigee.http.accept_encoding"
local date = require "perigee.http.date"
local file_name = require "perigee.http.file_name"
local preconditions = require "perigee.http.preconditions"
local ranges = require "perigee.http.ranges"

local SIZES = { 1, 2, 10, 1000, 2 ^ 40 }
local STATE = { tag = '"a-b"', modified = 784111777, now = 1795600000 }
local STATUSES = { [304] = true, [412] = true }

local function check_ranges(text, size)
    local last = nil
    local list = ranges.parse(text, size)
    assert(list == nil or #list <= 16)
    for _, range in ipairs(list or {}) do
        assert(range.first >= 0 and range.first <= range.last and range.last < size)
        assert(range.first % 1 == 0 and range.last % 1 == 0)
        -- Apart in the order they are in, which is theirs or the client's.
        assert(last == nil or range.first > last)
        last = range.last
    end
end

local function check_conditions(text)
    for _, name in ipairs({ "if-match", "if-none-match", "if-modified-since",
        "if-unmodified-since" }) do
        local status = preconditions.check("GET", function(asked)
            return asked == name and text or nil
        end, STATE)
        assert(status == nil or STATUSES[status])
    end
    assert(type(preconditions.allows_range(text, STATE)) == "boolean")
end

local function check_date(text)
    local seconds = date.parse(text, STATE.now)
    assert(seconds == nil or seconds % 1 == 0 and date.parse(date.format(seconds)) == seconds)
end

local function check_name(text)
    local name = file_name.of({ path = "/" .. text, mount = "/" }, true)
    if name then
        for segment in (name .. "/"):gmatch("([^/]*)/") do
            assert(segment ~= "." and segment ~= ".." and not segment:find("%z"))
        end
        assert(name:sub(1, 1) ~= "/" and not name:find("//", 1, true))
    end
end

return function(bytes)
    for _, size in ipairs(SIZES) do
        check_ranges(bytes, size)
        check_ranges("bytes=" .. bytes, size)
    end
    check_conditions(bytes)
    local coding = accept_encoding.choose(bytes, { "br", "gzip" })
    assert(coding == nil or coding == "br" or coding == "gzip" or coding == "identity")
    check_date(bytes)
    check_name(bytes)
end
