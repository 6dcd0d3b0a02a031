--- Follows everything below a prefix of etcd: reads it all, then watches from the revision behind
-- that answer, for ever. The next revision comes only from answers and events that were taken in,
-- so that nothing between two watches is missed.
local backoff = require "perigee.registry.backoff"
local context = require "perigee.core.context"
local etcd_client = require "perigee.registry.etcd_client"
local http_client = require "perigee.http.client"
local instance = require "perigee.registry.instance"
local json = require "perigee.json"
local json_lines = require "perigee.registry.json_lines"
local log = require "perigee.log"
local revision = require "perigee.registry.revision"
local scheduler = require "perigee.core.scheduler"

local base64 = etcd_client.base64

local FIRST_RETRY_S, MOST_RETRY_S = 0.1, 5
local OPEN_S = 3

-- A peer that died unseen and one with nothing to say look alike: after so long a new watch is
-- opened.
local SILENCE_S = 60

-- A watch has no end, and what came of it is not kept.
local NO_LIMIT = 2 ^ 53

local methods = {}
local metatable = { __index = methods }

local etcd_watch = {}

--- Makes a watch; run it in a task. `options`: client, of perigee.registry.etcd_client; prefix,
-- which ends with "/"; known, of perigee.registry.known; silence_s; is_doubtful(revision), whether
-- an end in that revision is to be believed.
function etcd_watch.new(options)
    return setmetatable({
        client = options.client,
        prefix = options.prefix,
        known = options.known,
        silence_s = options.silence_s or SILENCE_S,
        is_doubtful = options.is_doubtful,
        next_revision = false,
        told = {},   -- keys whose value is no instance, which is said once
        is_away = false,
    }, metatable)
end

local function split_key(self, key)
    if key:sub(1, #self.prefix) == self.prefix then
        return key:match("^([^/]+)/([^/]+)$", #self.prefix + 1)
    end
end

-- The record of a key; nil when it is none, which is not this host's to repair.
local function record_of(self, key, value)
    local service, id = split_key(self, key)
    local record, problem = instance.decode(value)
    if record and (record.service ~= service or record.id ~= id) then
        problem = "it is not the instance that its key names"
    end
    if not problem then
        return record
    elseif not self.told[key] then
        self.told[key] = true
        log.warn(("registry: the value of %s is passed over: %s"):format(key, problem))
    end
end

local function read_all(self)
    local lists = {}
    local at, code, detail = self.client:range(self.prefix, function(key, value)
        local record = record_of(self, key, value)
        if record then
            lists[record.service] = lists[record.service] or {}
            table.insert(lists[record.service], record)
        end
    end)
    if not at then
        return nil, code, detail
    end
    self.known:replace_all(lists)
    self.known:mark_good()
    self.known:mark_complete()
    self.next_revision = revision.next(at)
    return true
end

local function take_event(self, event)
    local kv = event.kv
    local key = base64.decode(kv.key) or ""
    if event.type == "DELETE" then
        local service, id = split_key(self, key)
        if service then
            self.known:remove(service, id, self.is_doubtful(kv.mod_revision))
        end
    else
        local record = record_of(self, key, base64.decode(kv.value or "") or "")
        if record then
            self.known:put(record)
        end
    end
    if not revision.is_before(kv.mod_revision, self.next_revision) then
        self.next_revision = revision.next(kv.mod_revision)
    end
end

-- Why a watch ends with this message; nil when it goes on.
local function end_of_watch(self, message)
    local code = etcd_client.error_of(message)
    local result = message.result
    if code or type(result) ~= "table" then
        return code or "invalid"
    elseif result.canceled then
        return result.compact_revision and "compacted" or "refused"
    elseif result.created and revision.is_before(revision.next(result.header.revision),
        self.next_revision) then
        -- It has not got as far as what was seen already: its data were lost or restored.
        return "compacted"
    end
end

-- Takes one message. Returns true; or nil and why this watch ends.
local function take_message(self, message)
    local why = end_of_watch(self, message)
    if why then
        return nil, why
    end
    for _, event in ipairs(message.result.events or {}) do
        take_event(self, event)
    end
    self.known:mark_good()
    return true
end

local function take_line(self, line)
    local message = json.decode(line)
    if type(message) ~= "table" then
        return nil, "invalid"
    end
    local is_ok, is_taken, why = pcall(take_message, self, message)
    if not is_ok then
        return nil, "invalid"
    end
    return is_taken, why
end

local function watch_body(self)
    return json.encode({ create_request = {
        key = base64.encode(self.prefix),
        range_end = base64.encode(etcd_client.range_end(self.prefix)),
        start_revision = self.next_revision,
    } })
end

-- Ends the context of a watch that has been silent for too long.
local function guard(state, silence_s, cancel)
    local function look()
        local left_s = state.heard_at + silence_s - scheduler.now()
        if left_s <= 0 then
            cancel("silent")
        else
            state.timer = scheduler.at(scheduler.now() + left_s, look)
        end
    end
    state.heard_at = scheduler.now()
    look()
end

local function request_watch(self, endpoint, state)
    local lines = json_lines.new()
    local response, code, detail = http_client.request({
        address = endpoint.address, tls = self.client.endpoints.tls, method = "POST",
        target = "/v3/watch",
        body = watch_body(self), fields = self.client:fields(), timeout_s = OPEN_S,
        max_body = NO_LIMIT,
        on_head = function(head)
            return head.status == 200
        end,
        on_piece = function(bytes)
            state.heard_at = scheduler.now()
            for _, line in ipairs(lines:push(bytes) or { "" }) do
                local is_taken, why = take_line(self, line)
                if not is_taken then
                    state.why = why
                    return false
                end
            end
            return true
        end,
    })
    local last = lines:finish()
    if response and last and not state.why then
        local _, why = take_line(self, last)
        state.why = why
    end
    return response, code, detail
end

-- One watch, until it ends. Returns why: "compacted" when all must be read anew.
local function follow(self)
    local endpoint = self.client.endpoints:pick()
    local state = {}
    local inner, cancel = context.with_cancel(context.current())
    guard(state, self.silence_s, cancel)
    local response, code = inner:run(request_watch, self, endpoint, state)
    scheduler.cancel_timer(state.timer)
    local is_silent = inner:cause() == "silent"
    cancel()
    if state.why == "compacted" or is_silent then
        return state.why or "silent"
    end
    self.client.endpoints:note_failure(endpoint)
    return state.why or code or response and "ended"
end

local function note_away(self, code, detail)
    if not self.is_away then
        self.is_away = true
        log.warn(("registry: etcd cannot be asked, what was known stays: %s"):format(
            detail or code))
    end
end

local function note_back(self, retry)
    retry:reset()
    if self.is_away then
        self.is_away = false
        log.info("registry: etcd answers again")
    end
end

--- Follows until the task's context ends.
function methods:run()
    local retry = backoff.new(FIRST_RETRY_S, MOST_RETRY_S)
    while not context.current():err() do
        if not self.next_revision then
            local is_ok, code, detail = read_all(self)
            if is_ok then
                note_back(self, retry)
            else
                note_away(self, code, detail)
            end
        end
        local why = self.next_revision and follow(self)
        if why == "compacted" then
            self.next_revision = false
        elseif why == "unauthenticated" or why == "refused" then
            self.client.token, self.next_revision = false, false
        end
        if why ~= "silent" then
            scheduler.sleep(scheduler.now() + retry:next())
        end
    end
end

return etcd_watch
