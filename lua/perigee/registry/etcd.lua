--- The registry in etcd: an instance is the key PREFIX/SERVICE/ID with its record as JSON, and all
-- instances of one registry hang on one lease.
local context = require "perigee.core.context"
local etcd_client = require "perigee.registry.etcd_client"
local etcd_watch = require "perigee.registry.etcd_watch"
local instance = require "perigee.registry.instance"
local revision = require "perigee.registry.revision"
local task = require "perigee.core.task"

local methods = {}
local metatable = { __index = methods }

local etcd = {}

--- Makes the backend. `options`: addresses, prefix, ttl_s, user, password, silence_s.
function etcd.new(options)
    return setmetatable({
        name = "etcd",
        client = etcd_client.new(options),
        prefix = options.prefix,
        ttl_s = options.ttl_s,
        silence_s = options.silence_s,
        lease = false,
        heard_at = false,    -- the revision of the last answer to a beat or an announcement
        returned_at = false, -- that of the first one after etcd was away; true while it is unknown
    }, metatable)
end

local function key_of(self, record)
    return self.prefix .. record.service .. "/" .. record.id
end

local function note_revision(self, at)
    self.heard_at = at or false
    if self.returned_at == true and at then
        self.returned_at = at
    end
end

-- See perigee.registry.keeper for these five.

function methods:note_return()
    self.returned_at = self.heard_at or true
end

local function take_lease(self)
    if self.lease then
        return self.lease
    end
    local lease, code, detail = self.client:grant(self.ttl_s)
    self.lease = lease or false
    return lease, code, detail
end

function methods:announce(record)
    local lease, code, detail = take_lease(self)
    if not lease then
        return nil, code, detail
    end
    local at
    at, code, detail = self.client:put(key_of(self, record), instance.encode(record), lease)
    if code == "not_found" and self.lease == lease then
        -- The lease is gone; a put with it would fail for ever.
        self.lease = false
    end
    note_revision(self, at)
    return at and true, code, detail
end

function methods:beat(records)
    if not self.lease then
        return instance.ids(records)
    end
    local is_alive, code, detail = self.client:keep_alive(self.lease)
    if is_alive == nil then
        return nil, code, detail
    end
    note_revision(self, code)
    if is_alive then
        return {}
    end
    self.lease = false
    return instance.ids(records)
end

-- What hangs on the own lease is what others see of this registry.
function methods:verify(records)
    if not self.lease then
        return instance.ids(records)
    end
    local keys, code, detail = self.client:keys_of_lease(self.lease)
    if not keys then
        return nil, code, detail
    end
    local lost = {}
    for _, record in ipairs(records) do
        if not keys[key_of(self, record)] then
            lost[#lost + 1] = record.id
        end
    end
    return lost
end

function methods:withdraw(record)
    return self.client:delete(key_of(self, record))
end

--- Withdraws everything at once.
function methods:withdraw_all()
    local lease = self.lease
    if not lease then
        return true
    end
    self.lease = false
    local is_ok, code, detail = self.client:revoke(lease)
    return is_ok, code, detail
end

--- Ends the watch and the connections.
function methods:close()
    if self.watching then
        self.watching:cancel()
    end
    self.client:close()
end

--- Whether what is said to have ended in this revision may only have been unable to say that it is
-- there: nobody could, or this host had no word from etcd either.
function methods:is_doubtful(at)
    return self.keeper:is_away() or self.returned_at == true
        or self.returned_at and not revision.is_before(self.returned_at, at)
end

--- Fills `known` from now on, with all services.
function methods:discover(known)
    if not self.watching then
        local watch = etcd_watch.new({ client = self.client, prefix = self.prefix, known = known,
            silence_s = self.silence_s, is_doubtful = function(at)
                return self:is_doubtful(at)
            end })
        self.watching = context.background():run(task.go, watch.run, watch)
        self.watching.name = "registry watch"
    end
end

--- The names of all services; nil: those that are known are all.
function methods.list()
    return nil
end

return etcd
