--- A sum over the last seconds, in buckets: what is older than the window is forgotten a bucket at
-- a time. Adding and asking take the same few steps however much was added.
local rolling_sum = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

--- Makes one over the last `window_s` seconds in `count` buckets.
function rolling_sum.new(window_s, count)
    local buckets = {}
    for i = 1, count do
        buckets[i] = 0
    end
    return setmetatable({ buckets = buckets, count = count, bucket_s = window_s / count, sum = 0,
        number = -math.huge }, metatable)
end

local function clear(self)
    for i = 1, self.count do
        self.buckets[i] = 0
    end
    self.sum = 0
end

-- Makes the bucket of `now` the current one; those in between are empty. A clock that went back
-- changes nothing.
local function advance(self, now)
    local number = math.floor(now / self.bucket_s)
    if number - self.number >= self.count then
        clear(self)
    else
        for passed = self.number + 1, number do
            local i = passed % self.count + 1
            self.sum = self.sum - self.buckets[i]
            self.buckets[i] = 0
        end
    end
    self.number = math.max(self.number, number)
end

--- Adds `n` at the time `now`, in seconds.
function methods:add(now, n)
    advance(self, now)
    local i = self.number % self.count + 1
    self.buckets[i] = self.buckets[i] + n
    self.sum = self.sum + n
end

--- The sum of what was added in the window that ends `now`.
function methods:total(now)
    advance(self, now)
    return self.sum
end

return rolling_sum
