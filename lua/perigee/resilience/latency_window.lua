--- Quantiles of the latencies of the last minute: a histogram whose bounds grow by a quarter of an
-- octave, so what it says is a fifth too long at most, in slices that are forgotten one by one.
local latency_window = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local SLICE_S, SLICES = 10, 6

-- From 100 us; the last takes everything above a quarter of an hour.
local LEAST_S, STEPS_PER_OCTAVE, BUCKETS = 1e-4, 4, 96

-- Fewer say nothing.
local LEAST_COUNT = 20

local log2 = math.log(2)

local function new_slice(number)
    local slice = { number = number, count = 0 }
    for i = 1, BUCKETS do
        slice[i] = 0
    end
    return slice
end

--- Makes one without latencies.
function latency_window.new()
    return setmetatable({ slices = {} }, metatable)
end

local function slice_at(self, now)
    local number = math.floor(now / SLICE_S)
    local place = number % SLICES + 1
    local slice = self.slices[place]
    if not slice or slice.number ~= number then
        slice = new_slice(number)
        self.slices[place] = slice
    end
    return slice
end

local function bucket_of(latency_s)
    local octaves = math.log(math.max(latency_s, LEAST_S) / LEAST_S) / log2
    return math.min(BUCKETS, math.floor(octaves * STEPS_PER_OCTAVE) + 1)
end

--- Takes one latency, in seconds.
function methods:add(now, latency_s)
    local slice, bucket = slice_at(self, now), bucket_of(latency_s)
    slice[bucket] = slice[bucket] + 1
    slice.count = slice.count + 1
end

local function total_of(self, newest)
    local total, count = new_slice(0), 0
    for _, slice in pairs(self.slices) do
        if slice.number > newest - SLICES then
            count = count + slice.count
            for i = 1, BUCKETS do
                total[i] = total[i] + slice[i]
            end
        end
    end
    return total, count
end

--- The latency that the share `quantile` of all does not exceed; nil when there were fewer than 20.
function methods:quantile(now, quantile)
    local total, count = total_of(self, math.floor(now / SLICE_S))
    if count < LEAST_COUNT then
        return nil
    end
    local passed, bucket = 0, 0
    repeat
        bucket = bucket + 1
        passed = passed + total[bucket]
    until passed >= quantile * count or bucket == BUCKETS
    return LEAST_S * 2 ^ (bucket / STEPS_PER_OCTAVE)
end

return latency_window
