--- What is known of all instances: the list of each service, kept up to date by a backend's answers
-- and events, and handed on to those who watch.
--
-- A list is sorted by id and never changed: a change makes a new one, so whoever holds one may keep
-- it. An empty answer about a service that had instances is not believed at once: registries that
-- have just started, or lost their data, give such. The old list stays, as suspect, for a time.
-- So do instances that are said to be gone when the registry was away: nobody could tell it to keep
-- them.
local channel = require "perigee.core.channel"
local instance = require "perigee.registry.instance"
local scheduler = require "perigee.core.scheduler"
local select_module = require "perigee.core.select"

local SUSPECT_S = 60

local NONE = {}

local methods = {}
local metatable = { __index = methods }

local known = {}

--- Makes an empty one. `options`: on_change(service, list) is called for every new list;
-- suspect_s is how long an empty answer is not believed, 60; doubt_s how long an instance stays
-- whose end is doubtful.
function known.new(options)
    options = options or {}
    return setmetatable({
        services = {},        -- name -> { list, suspect_since, timer, held = id -> timer }
        watchers = {},        -- name -> set of watchers
        suspect_s = options.suspect_s or SUSPECT_S,
        on_change = options.on_change,
        doubt_s = options.doubt_s,
        is_complete = false,  -- all services are known: an answer came, or a snapshot was read
        complete = {},        -- name -> true: this one is
        good_at = false,      -- when the registry was last heard, in seconds of perigee.now()
    }, metatable)
end

local function offer(watcher, list)
    channel.try_recv(watcher.changes)
    channel.try_send(watcher.changes, list)
end

local function announce(self, name, list)
    if self.on_change then
        self.on_change(name, list)
    end
    for watcher in pairs(self.watchers[name] or NONE) do
        offer(watcher, list)
    end
end

local function clear_suspicion(entry)
    if entry.timer then
        scheduler.cancel_timer(entry.timer)
    end
    entry.timer, entry.suspect_since = nil, nil
end

-- An instance that was said to be gone is there after all, or is let go of.
local function release(entry, id)
    local timer = entry.held and entry.held[id]
    if timer then
        scheduler.cancel_timer(timer)
        entry.held[id] = nil
    end
end

local function release_all(entry)
    for id in pairs(entry.held or NONE) do
        release(entry, id)
    end
end

local function set_list(self, name, list)
    local entry = self.services[name]
    if entry then
        clear_suspicion(entry)
    end
    if #list == 0 then
        release_all(entry or NONE)
        self.services[name] = nil
    elseif entry then
        entry.list = list
    else
        self.services[name] = { list = list }
    end
    announce(self, name, list)
end

local function suspect(self, name, entry)
    if entry.suspect_since then
        return
    end
    entry.suspect_since = scheduler.now()
    entry.timer = scheduler.at(entry.suspect_since + self.suspect_s, function()
        entry.timer = nil
        set_list(self, name, NONE)
    end)
end

local function is_before(a, b)
    return a.id < b.id
end

local function are_same_lists(a, b)
    if #a ~= #b then
        return false
    end
    for i = 1, #a do
        if a[i] ~= b[i] and not (a[i].id == b[i].id and instance.are_same(a[i], b[i])) then
            return false
        end
    end
    return true
end

--- Sets the instances of a service, and believes it. The list is sorted and not changed any more.
function methods:set(name, list)
    local entry = self.services[name]
    if #list > 0 or entry then
        set_list(self, name, list)
    end
end

--- Takes all instances of one service, as a registry answered. The list is the caller's no more.
function methods:replace(name, list)
    local entry = self.services[name]
    if #list == 0 then
        if entry then
            suspect(self, name, entry)
        end
        return
    end
    table.sort(list, is_before)
    if not entry or not are_same_lists(entry.list, list) then
        set_list(self, name, list)
    else
        clear_suspicion(entry)
    end
end

--- Takes all instances of all services: name -> list. A service that is not among them has none.
function methods:replace_all(lists)
    for name in pairs(self.services) do
        if not lists[name] then
            self:replace(name, {})
        end
    end
    for name, list in pairs(lists) do
        self:replace(name, list)
    end
end

-- The place of an id in a sorted list, or where it would stand; and whether it is there.
local function find(list, id)
    local low, high = 1, #list
    while low <= high do
        local middle = math.floor((low + high) / 2)
        if list[middle].id < id then
            low = middle + 1
        else
            high = middle - 1
        end
    end
    return low, list[low] ~= nil and list[low].id == id
end

local function copy_list(list)
    local copied = {}
    for i = 1, #list do
        copied[i] = list[i]
    end
    return copied
end

--- Takes the news that an instance is there, or has changed.
function methods:put(record)
    local entry = self.services[record.service]
    local old = entry and entry.list or NONE
    local place, is_there = find(old, record.id)
    release(entry or NONE, record.id)
    if is_there and instance.are_same(old[place], record) then
        clear_suspicion(entry)
        return
    end
    local list = copy_list(old)
    if is_there then
        list[place] = record
    else
        table.insert(list, place, record)
    end
    set_list(self, record.service, list)
end

local function remove(self, name, entry, id)
    local place, is_there = find(entry.list, id)
    if is_there then
        local list = copy_list(entry.list)
        table.remove(list, place)
        set_list(self, name, list)
    end
end

-- Whoever lives is registered again before doubt_s is over.
local function hold(self, name, entry, id)
    entry.held = entry.held or {}
    entry.held[id] = entry.held[id] or scheduler.at(scheduler.now() + self.doubt_s, function()
        entry.held[id] = nil
        remove(self, name, entry, id)
    end)
end

--- Takes the news that an instance is gone. News are believed, also of the last one, unless they
-- are doubtful, as those of a time when the registry was away.
function methods:remove(name, id, is_doubtful)
    local entry = self.services[name]
    if entry and is_doubtful then
        hold(self, name, entry, id)
    elseif entry then
        remove(self, name, entry, id)
    end
end

-- Who watches a service that has no instances has not been told so.
local function offer_none(self, name)
    if not self.services[name] then
        for watcher in pairs(self.watchers[name] or NONE) do
            offer(watcher, NONE)
        end
    end
end

--- Says that what is known is all there is, of one service or, without a name, of all.
function methods:mark_complete(name)
    if name and not self:is_known(name) then
        self.complete[name] = true
        offer_none(self, name)
    elseif not name and not self.is_complete then
        self.is_complete = true
        for watched in pairs(self.watchers) do
            offer_none(self, watched)
        end
    end
end

--- Says that the registry was heard just now.
function methods:mark_good()
    self.good_at = scheduler.now()
end

--- Whether anything was heard of a service, be it that there are no instances.
function methods:is_known(name)
    return self.is_complete or self.complete[name] == true
end

--- Waits until something is known of a service. Returns true; or nil and "timeout", "canceled" or
-- "closed".
function methods:wait(name, timeout_s)
    if self:is_known(name) then
        return true
    end
    local watcher = self:watch(name)
    local chosen, code, is_open = select_module.select {
        { watcher.changes, "recv" },
        timeout = timeout_s,
    }
    watcher:close()
    if chosen == 1 and is_open then
        return true
    end
    return nil, chosen == 1 and "closed" or chosen or code
end

--- The names of all services with instances, sorted.
function methods:list()
    local names = {}
    for name in pairs(self.services) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

--- The instances of a service, and { age_s = since the registry was heard, nil when it never was;
-- suspect_s = since when it says there are none, if it does }.
function methods:instances(name)
    local entry = self.services[name]
    local now = scheduler.now()
    return entry and entry.list or NONE, {
        age_s = self.good_at and now - self.good_at or nil,
        suspect_s = entry and entry.suspect_since and now - entry.suspect_since or nil,
    }
end

local watcher_methods = {}
local watcher_metatable = { __index = watcher_methods }

--- Watches a service. `watcher.changes` is a channel that always has the latest list which was not
-- received yet; the present one comes first, if one is known.
function methods:watch(name)
    local watcher = setmetatable({ changes = channel.new(1), known = self, name = name },
        watcher_metatable)
    self.watchers[name] = self.watchers[name] or {}
    self.watchers[name][watcher] = true
    if self:is_known(name) then
        offer(watcher, (self:instances(name)))
    end
    return watcher
end

--- Waits for a list that was not received yet. Returns it; or nil and "closed", "canceled" or
-- "timeout".
function watcher_methods:next()
    local list, is_ok, code = self.changes:recv()
    if not is_ok then
        return nil, code
    end
    return list
end

--- Ends the watch: its channel is closed.
function watcher_methods:close()
    local watchers = self.known.watchers[self.name]
    if watchers and watchers[self] then
        watchers[self] = nil
        if next(watchers) == nil then
            self.known.watchers[self.name] = nil
        end
        self.changes:close()
    end
end

--- Ends every watch.
function methods:close()
    for _, watchers in pairs(self.watchers) do
        for watcher in pairs(watchers) do
            watcher.changes:close()
        end
    end
    self.watchers = {}
    for _, entry in pairs(self.services) do
        clear_suspicion(entry)
        release_all(entry)
    end
end

return known
