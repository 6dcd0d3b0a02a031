--- The instances that were known last, in a file: a host that starts while its registry is away
-- begins with those. Written behind changes, a second apart at most, in place of the old file at
-- once.
local host = require "host"
local json = require "perigee.json"
local log = require "perigee.log"
local registry = require "perigee.registry"
local scheduler = require "perigee.core.scheduler"

local MAX_SIZE = 64 * 1024 * 1024
local DELAY_S = 1

local methods = {}
local metatable = { __index = methods }

local snapshot = {}

local function decode(text)
    local value = json.decode(text)
    if type(value) ~= "table" then
        return nil
    end
    local lists = {}
    for name, entries in pairs(value) do
        local list = {}
        for _, entry in ipairs(type(entries) == "table" and entries or {}) do
            local record = registry.record(entry)
            if record and record.service == name then
                list[#list + 1] = record
            end
        end
        lists[name] = list
    end
    return lists
end

local function read(self)
    local text, code = host.read_file(self.path, MAX_SIZE)
    if not text then
        if code ~= "not_found" then
            log.warn(("registry: the snapshot %s cannot be read: %s"):format(self.path, code))
        end
        return
    end
    local lists = decode(text)
    if not lists then
        log.warn(("registry: the snapshot %s is not one: it is passed over"):format(self.path))
        return
    end
    for name, list in pairs(lists) do
        if #list > 0 then
            self.known:replace(name, list)
            self.known:mark_complete(name)
        end
    end
end

--- Begins with what the file has; then keeps it.
-- @param path of the file
-- @param known of perigee.registry
function snapshot.open(path, known)
    local self = setmetatable({ path = path, known = known, timer = false }, metatable)
    read(self)
    return self
end

local function write_file(path, text)
    local temporary = path .. ".new"
    local file, reason = io.open(temporary, "w")
    if not file then
        return nil, reason
    end
    local is_written = file:write(text)
    local is_closed = file:close()
    if not (is_written and is_closed) then
        os.remove(temporary)
        return nil, "the disk takes no more"
    end
    return os.rename(temporary, path)
end

local function write(self)
    self.timer = false
    local lists = {}
    for _, name in ipairs(self.known:list()) do
        lists[name] = self.known:instances(name)
    end
    local is_ok, reason = write_file(self.path, next(lists) and json.encode(lists) or "{}")
    if not is_ok then
        log.warn(("registry: the snapshot %s cannot be written: %s"):format(self.path, reason))
    end
end

--- Something is known that the file does not have.
function methods:note_change()
    if not self.timer then
        self.timer = scheduler.at(host.now() + DELAY_S, write, self)
    end
end

--- Writes what was not written yet. Nothing is written after that.
function methods:close()
    if self.timer then
        scheduler.cancel_timer(self.timer)
        write(self)
    end
    self.timer = true
end

return snapshot
