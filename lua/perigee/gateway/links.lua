--- Streams to instances that are kept for the next request. One that ends, or says something
-- unasked, is closed at once, so that an instance which stops need not wait for it.
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"

local links = {}
local methods = {}
local metatable = { __index = methods }

-- Less than servers wait, so that it is mostly this side that ends one.
local IDLE_S = 30
local MOST_IDLE = 256 -- of one address

function links.new()
    return setmetatable({ idle = {} }, metatable) -- address -> links, the longest idle first
end

local function close(link)
    link.is_idle = false
    link.stream:close()
end

local function close_expired(list)
    local oldest = scheduler.now() - IDLE_S
    while list[1] and (list[1].idle_since < oldest or #list > MOST_IDLE) do
        close(table.remove(list, 1))
    end
end

-- Outside of tasks: whatever has come of an idle one, it cannot be used.
local function on_news(link)
    if not link.is_idle then
        return
    end
    local list = link.list
    for i = #list, 1, -1 do
        if list[i] == link then
            table.remove(list, i)
        end
    end
    close(link)
end

--- One that was kept; nil when there is none.
function methods:take(address)
    local list = self.idle[address]
    local count = list and #list or 0
    if count == 0 then
        return nil
    end
    -- The one that was used last: the others may then grow old and go.
    local link = list[count]
    list[count] = nil
    link.is_idle = false
    return link
end

--- A new one; or nil, code.
function methods:open(address, deadline)
    local opened, code = stream.connect(address, deadline)
    if not opened then
        return nil, code
    end
    local list = self.idle[address]
    if not list then
        list = {}
        self.idle[address] = list
    end
    return { stream = opened, list = list, is_idle = false, idle_since = 0 }
end

--- Keeps one whose answer was taken.
function methods.keep(_, link)
    local list = link.list
    link.is_idle, link.idle_since = true, scheduler.now()
    list[#list + 1] = link
    local _, code = link.stream:poll(on_news, link)
    if code ~= "again" then
        on_news(link)
    end
    close_expired(list)
end

--- Closes what is idle of addresses that are not in `present`, a set.
function methods:forget(present)
    for address, list in pairs(self.idle) do
        if not present[address] then
            self.idle[address] = nil
            for i = #list, 1, -1 do
                close(list[i])
                list[i] = nil
            end
        end
    end
end

return links
