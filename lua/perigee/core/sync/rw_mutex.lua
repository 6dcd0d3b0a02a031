--- A lock for one writer or many readers. A writer that waits keeps new readers out, so writers do
-- not starve; readers that came before the next writer go in together.
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local rw_mutex = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

-- What those who wait want: it is in their field `a`.
local READ, WRITE = "read", "write"

function metatable:__tostring()
    return ("rwmutex (%s)"):format(self.is_written and "written"
        or self.reader_count > 0 and self.reader_count .. " readers" or "unlocked")
end

function rw_mutex.new()
    return setmetatable({ is_written = false, reader_count = 0, waiters = queue.new() },
        metatable)
end

-- Lets in whoever is first and may go in.
local function admit(self)
    local first = self.waiters.next
    while first ~= self.waiters and not self.is_written do
        if first.a == READ then
            self.reader_count = self.reader_count + 1
        elseif self.reader_count == 0 then
            self.is_written = true
        else
            return
        end
        scheduler.end_wait(queue.take(self.waiters), true)
        first = self.waiters.next
    end
end

function methods:try_lock()
    if self.is_written or self.reader_count > 0 then
        return false
    end
    self.is_written = true
    return true
end

function methods:try_rlock()
    if self.is_written or not queue.is_empty(self.waiters) then
        return false
    end
    self.reader_count = self.reader_count + 1
    return true
end

--- Waits until the caller is the only one. Returns true; or nil, "canceled" or "timeout" when the
-- task's context ended first.
function methods:lock()
    if self:try_lock() then
        return true
    end
    local is_ok, reason = queue.wait(self.waiters, "sync.RWMutex.Lock", WRITE)
    if not is_ok then
        -- Readers that waited for this writer only.
        admit(self)
    end
    return is_ok, reason
end

--- Waits until nobody writes or waits to write before the caller. Returns as lock does.
function methods:rlock()
    if self:try_rlock() then
        return true
    end
    local is_ok, reason = queue.wait(self.waiters, "sync.RWMutex.RLock", READ)
    return is_ok, reason
end

function methods:unlock()
    if not self.is_written then
        error("sync: Unlock of unlocked RWMutex", 2)
    end
    self.is_written = false
    admit(self)
end

function methods:runlock()
    if self.reader_count == 0 then
        error("sync: RUnlock of unlocked RWMutex", 2)
    end
    self.reader_count = self.reader_count - 1
    admit(self)
end

return rw_mutex
