--- Keeps instances registered, for ever: announces them, beats for them, and announces them again
-- when the registry has lost them or was away. One task does it for all.
--
-- A backend gives, each of them waiting no longer than some seconds:
--
--    announce(record) → true; or nil, code, detail         anew, whatever was there
--    beat(records)    → a list of ids that are lost; or nil, code, detail
--    verify(records)  → the same: what is there is looked at
--    withdraw(record) → true; or nil, code, detail
--    note_return(), if it likes to know: what was just asked of it went well after it was away
local backoff = require "perigee.registry.backoff"
local channel = require "perigee.core.channel"
local context = require "perigee.core.context"
local instance = require "perigee.registry.instance"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"
local select_module = require "perigee.core.select"
local task = require "perigee.core.task"

local FIRST_RETRY_S = 0.5
local VERIFY_S = 30
local BEATS_PER_TTL = 3
local BEAT_JITTER = 0.1

-- With so much of its time to live since the last beat, some are missing; they come every third.
local AWAY_TTLS = 0.5

-- The longest wait between two tries, so that all is there again within one when it is back.
local RETRY_TTLS = 0.5

-- Beats that fail for so many times to live: the registry has forgotten us by then.
local LOST_TTLS = 2

local methods = {}
local metatable = { __index = methods }

local keeper = {}

--- Makes a keeper. `options`: backend; ttl_s; name, of the registry for the log; spread_s = 0, a
-- random delay of up to so much before what was lost is announced again; verify_s.
function keeper.new(options)
    return setmetatable({
        backend = options.backend,
        name = options.name,
        ttl_s = options.ttl_s,
        spread_s = options.spread_s or 0,
        verify_s = options.verify_s or VERIFY_S,
        entries = {},       -- id -> { record, is_registered, due_at, retry, settled }
        poke = channel.new(1),
        good_at = false,    -- of the last beat or announcement that went well
        is_silent = false,  -- the failure of beats was told
    }, metatable)
end

local function new_retry(self)
    return backoff.new(FIRST_RETRY_S, math.max(FIRST_RETRY_S, RETRY_TTLS * self.ttl_s))
end

-- Of those that are registered.
local function registered_records(self)
    local records = {}
    for _, entry in pairs(self.entries) do
        if entry.is_registered then
            records[#records + 1] = entry.record
        end
    end
    return records
end

local function mark_lost(self, ids, why)
    local now = scheduler.now()
    for _, id in ipairs(ids) do
        local entry = self.entries[id]
        if entry and entry.is_registered then
            entry.is_registered = false
            entry.due_at = now + backoff.jitter(self.spread_s)
            log.warn(("registry: %s is registered again: %s"):format(id, why),
                { registry = self.name })
        end
    end
end

local function note_success(self, entry)
    entry.is_registered, entry.due_at = true, nil
    entry.retry:reset()
    if entry.failure then
        log.info(("registry: %s is registered"):format(entry.record.id), { registry = self.name })
        entry.failure = nil
    end
    if not entry.settled.is_closed then
        entry.settled:close()
    end
end

local function note_failure(self, entry, code, detail)
    local delay_s = entry.retry:next()
    entry.due_at = scheduler.now() + delay_s
    if not entry.failure then
        log.warn(("registry: %s cannot be registered, which is tried again for ever: %s"):format(
            entry.record.id, detail or code), { registry = self.name })
    end
    entry.failure = detail or code
end

local function due_entries(self)
    local due, now = {}, scheduler.now()
    for _, entry in pairs(self.entries) do
        if entry.due_at and entry.due_at <= now then
            due[#due + 1] = entry
        end
    end
    return due
end

local function note_good(self)
    if self:is_away() and self.backend.note_return then
        self.backend:note_return()
    end
    self.good_at = scheduler.now()
end

local function announce(self, entry)
    local record = entry.record
    local is_ok, code, detail = self.backend:announce(record)
    if not self.entries[record.id] and not self.is_closed then
        -- It was withdrawn while it was announced, and which came first nobody knows.
        self.backend:withdraw(record)
    elseif is_ok then
        note_good(self)
        note_success(self, entry)
    else
        note_failure(self, entry, code, detail)
    end
end

local function announce_due(self)
    for _, entry in ipairs(due_entries(self)) do
        if self.entries[entry.record.id] == entry then
            announce(self, entry)
        end
    end
end

local function plan_beat(self, delay_s)
    local period_s = delay_s or self.ttl_s / BEATS_PER_TTL
    self.beat_at = scheduler.now() + period_s * (1 - BEAT_JITTER)
        + backoff.jitter(2 * BEAT_JITTER * period_s)
end

local function note_silence(self, records, code, detail)
    if not self.is_silent then
        self.is_silent = true
        log.warn(("registry: no heartbeat reaches it: %s"):format(detail or code),
            { registry = self.name })
    end
    if scheduler.now() - (self.good_at or 0) > LOST_TTLS * self.ttl_s then
        mark_lost(self, instance.ids(records), "the registry was away")
    end
end

local function beat(self)
    local records = registered_records(self)
    if #records == 0 then
        plan_beat(self)
        return
    end
    local lost, code, detail = self.backend:beat(records)
    if not lost then
        note_silence(self, records, code, detail)
        plan_beat(self, self.beat_retry:next())
        return
    end
    self.is_silent = false
    note_good(self)
    self.beat_retry:reset()
    mark_lost(self, lost, "the registry has lost it")
    plan_beat(self)
end

-- What cannot be looked at now is looked at the next time; the beats tell of trouble.
local function verify(self)
    self.verify_at = scheduler.now() + self.verify_s
    local records = registered_records(self)
    if #records > 0 then
        mark_lost(self, self.backend:verify(records) or {}, "it is missing there")
    end
end

local function next_at(self)
    local at = math.min(self.beat_at, self.verify_at)
    for _, entry in pairs(self.entries) do
        at = math.min(at, entry.due_at or at)
    end
    return at
end

-- Waits for what is next. Returns false when the keeper shall end.
local function rest(self)
    local chosen = select_module.select {
        { self.poke, "recv" },
        timeout = math.max(0, next_at(self) - scheduler.now()),
    }
    return chosen ~= nil and not self.is_closed
end

local function run(self)
    plan_beat(self)
    self.verify_at = scheduler.now() + self.verify_s
    repeat
        announce_due(self)
        if self.beat_at <= scheduler.now() then
            beat(self)
        end
        if self.verify_at <= scheduler.now() then
            verify(self)
        end
    until not rest(self)
end

local function start(self)
    self.beat_retry = new_retry(self)
    self.task = context.background():run(task.go, run, self)
    self.task.name = "registry " .. self.name
end

--- Takes an instance into its care; one with the same id is replaced.
-- @return a channel that is closed once it is registered for the first time
function methods:add(record)
    local entry = {
        record = record, is_registered = false, due_at = scheduler.now(),
        retry = new_retry(self), settled = channel.new(1),
    }
    self.entries[record.id] = entry
    if not self.task then
        start(self)
    else
        channel.try_send(self.poke, true)
    end
    return entry.settled
end

--- Lets go of an instance: it beats no more from now on, and is withdrawn.
-- @return true; or nil, code, detail: then it ends with its time to live
function methods:remove(id)
    local entry = self.entries[id]
    if not entry then
        return true
    end
    self.entries[id] = nil
    return self.backend:withdraw(entry.record)
end

--- Whether this instance is registered, as far as is known.
function methods:is_registered(id)
    local entry = self.entries[id]
    return entry ~= nil and entry.is_registered
end

--- True while the registry is away, as far as beats tell.
function methods:is_away()
    return self.good_at ~= false and scheduler.now() - self.good_at > AWAY_TTLS * self.ttl_s
end

--- { registered =, wanted =, beat_age_s = } for status and metrics.
function methods:status()
    local wanted, registered = 0, 0
    for _, entry in pairs(self.entries) do
        wanted = wanted + 1
        registered = registered + (entry.is_registered and 1 or 0)
    end
    return { wanted = wanted, registered = registered,
        beat_age_s = self.good_at and scheduler.now() - self.good_at or nil }
end

--- Ends the beats, and returns the records it had: they are not withdrawn.
function methods:close()
    local records = {}
    for _, entry in pairs(self.entries) do
        records[#records + 1] = entry.record
    end
    self.entries, self.is_closed = {}, true
    if self.task then
        self.task:cancel()
    end
    return records
end

return keeper
