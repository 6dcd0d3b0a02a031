--- Which instances to leave out for a while because they fail: at once after some failures in a
-- row, and in a sweep whoever has far less success than the others. Pure: whoever uses it says
-- what came of each call, and does the leaving out.
--
-- Members are any tables; what is known of one is forgotten with it.
local ejection = {}

-- Equal rates of success are equal up to this.
local ROUNDING = 1e-9

local methods = {}
local metatable = { __index = methods, __metatable = false }

-- As Envoy's, except for the share, which lets small groups eject one, too.
local DEFAULTS = {
    failures = 5,         -- in a row
    sweep_s = 10,
    least_requests = 100, -- of a member between two sweeps, or its rate says nothing
    least_members = 5,    -- with as many requests, or their mean says nothing
    deviations = 1.9,     -- below the mean of success
    base_s = 30,          -- the first ejection; each further one lasts so much longer
    most_s = 300,
    share = 0.5,          -- of all members, at most
    unreachable_s = 5,    -- whoever takes no connection
}

--- Makes one. `options` replace the defaults above.
function ejection.new(options)
    local self = { records = setmetatable({}, { __mode = "k" }), swept_at = false, count = 0 }
    for name, value in pairs(DEFAULTS) do
        self[name] = value
    end
    for name, value in pairs(options or {}) do
        if type(value) ~= "number" or not DEFAULTS[name] then
            error(("ejection.new: %s = %s is no setting with a number"):format(tostring(name),
                tostring(value)), 2)
        end
        self[name] = value
    end
    return setmetatable(self, metatable)
end

local function record_of(self, member)
    local record = self.records[member]
    if not record then
        record = { in_row = 0, requests = 0, failures = 0, times = 0, until_s = -math.huge }
        self.records[member] = record
    end
    return record
end

-- Whether one more may go.
local function has_room(self, members, now)
    local ejected = 0
    for i = 1, #members do
        if record_of(self, members[i]).until_s > now then
            ejected = ejected + 1
        end
    end
    return ejected + 1 <= #members * self.share
end

-- Returns until when `member` is out, or nil when it must stay.
local function eject(self, members, member, now)
    local record = record_of(self, member)
    if record.until_s > now or not has_room(self, members, now) then
        return nil
    end
    record.times = record.times + 1
    record.in_row = 0
    record.until_s = now + math.min(self.base_s * record.times, self.most_s)
    self.count = self.count + 1
    return record.until_s
end

--- What came of a call. Returns until when `member` is to be left out, and why; nothing mostly.
-- @param is_ok false when the instance is to blame; nil is no word about it
function methods:observe(members, member, is_ok, now)
    local record = record_of(self, member)
    -- Who is out already has answers of before still to come.
    if is_ok == nil or record.until_s > now then
        return
    end
    record.requests = record.requests + 1
    if is_ok then
        record.in_row = 0
        return
    end
    record.failures = record.failures + 1
    record.in_row = record.in_row + 1
    if record.in_row >= self.failures then
        local until_s = eject(self, members, member, now)
        return until_s, until_s and ("%d failures in a row"):format(self.failures)
    end
end

--- Nobody took the connection to `member`: it is to be left out at once, for a short time. Returns
-- as observe does.
function methods:lose(members, member, now)
    local record = record_of(self, member)
    if record.until_s > now or not has_room(self, members, now) then
        return
    end
    record.until_s = now + self.unreachable_s
    self.count = self.count + 1
    return record.until_s, "it takes no connection"
end

local function success_of(record)
    return 1 - record.failures / record.requests
end

-- Those with requests enough to be judged, and the rate of success below which one is out.
local function judge(self, members)
    local judged, sum, squares = {}, 0, 0
    for i = 1, #members do
        local record = record_of(self, members[i])
        if record.requests >= self.least_requests then
            judged[#judged + 1] = members[i]
            sum = sum + success_of(record)
            squares = squares + success_of(record) ^ 2
        end
    end
    if #judged < self.least_members then
        return {}, 0
    end
    local mean = sum / #judged
    local deviation = math.sqrt(math.max(0, squares / #judged - mean ^ 2))
    return judged, mean - self.deviations * deviation - ROUNDING
end

-- Counts begin anew. Whoever was in all the time and had no failure is trusted a little more.
local function begin_period(self, members, now)
    for i = 1, #members do
        local record = record_of(self, members[i])
        if record.failures == 0 and record.until_s <= now - self.sweep_s then
            record.times = math.max(0, record.times - 1)
        end
        record.requests, record.failures = 0, 0
    end
end

--- Compares the members with each other, once in sweep_s; may be called as often as one likes.
-- Returns a list of { member =, until_s =, reason = } to be left out; nil when it is not yet time.
function methods:sweep(members, now)
    self.swept_at = self.swept_at or now
    if now - self.swept_at < self.sweep_s then
        return nil
    end
    local judged, least = judge(self, members)
    local list = {}
    for _, member in ipairs(judged) do
        local success = success_of(record_of(self, member))
        local until_s = success < least and eject(self, members, member, now)
        if until_s then
            list[#list + 1] = { member = member, until_s = until_s,
                reason = ("%.1f %% success, less than %.1f %%"):format(success * 100, least * 100) }
        end
    end
    begin_period(self, members, now)
    self.swept_at = now
    return list
end

return ejection
