--- The registry of one host: a table. Nothing to install, nothing that can be away.
local embedded = {}

local methods = {}
local metatable = { __index = methods }

-- Nobody beats for a table; the keeper looks this often.
local TTL_S = 3600

function embedded.new()
    return setmetatable({ name = "embedded", ttl_s = TTL_S, records = {}, known = false },
        metatable)
end

-- See perigee.registry.keeper for these four.

function methods:announce(record)
    self.records[record.service .. "/" .. record.id] = record
    if self.known then
        self.known:put(record)
    end
    return true
end

function methods.beat()
    return {}
end

function methods.verify()
    return {}
end

function methods:withdraw(record)
    self.records[record.service .. "/" .. record.id] = nil
    if self.known then
        self.known:remove(record.service, record.id)
    end
    return true
end

function methods:withdraw_all(records)
    for _, record in ipairs(records) do
        self:withdraw(record)
    end
    return true
end

function methods.close()
end

--- Fills `known` from now on.
function methods:discover(known)
    if not self.known then
        self.known = known
        for _, record in pairs(self.records) do
            known:put(record)
        end
        known:mark_complete()
    end
    known:mark_good()
end

function methods.list()
    return nil
end

return embedded
