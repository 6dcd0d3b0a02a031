--- Connections to one address, kept for the next request.
-- At most `limit` are open at once. More requests wait for their turn, the first to come first,
-- until their deadline; when too many wait, the next is refused.
local connection = require "perigee.http.client.connection"
local request_writer = require "perigee.http.client.request_writer"
local scheduler = require "perigee.core.scheduler"

local DEFAULT_LIMIT = 32

-- Less than servers wait, so that it is mostly this side that ends a connection.
local DEFAULT_IDLE_S = 30
local MAX_WAITING = 1024

-- What a request on a kept connection meets when the server had closed it meanwhile.
local is_staleness = { eof = true, closed = true }

local methods = {}
local metatable = { __index = methods }

local pool = {}

--- Says what is wrong with the options of a pool; nil when nothing is.
function pool.problem(options)
    local limit, idle_s = options.limit or DEFAULT_LIMIT, options.idle_s or DEFAULT_IDLE_S
    if type(limit) ~= "number" or limit < 1 or limit % 1 ~= 0 then
        return "limit must be a number of connections"
    elseif type(idle_s) ~= "number" or idle_s ~= idle_s or idle_s < 0 then
        return "idle_s must be a number of seconds"
    end
    return nil
end

local function remove(list, entry)
    for i = 1, #list do
        if list[i] == entry then
            table.remove(list, i)
            return
        end
    end
end

local function wait_for_turn(self, deadline)
    if #self.waiting == MAX_WAITING then
        return nil, "full", "too many requests wait for a connection"
    end
    local task = scheduler.current()
    local entry = { task = task, wait_id = task.wait_id }
    self.waiting[#self.waiting + 1] = entry
    local is_woken, code = scheduler.wait(deadline)
    if not is_woken then
        remove(self.waiting, entry)
        return nil, code, "no connection became free in time"
    end
    return true
end

-- Counts a request in, when its turn has come.
local function enter(self, deadline)
    if self.busy_count == self.limit then
        return wait_for_turn(self, deadline)
    end
    self.busy_count = self.busy_count + 1
    return true
end

-- Hands the turn to the first that still waits.
local function leave(self)
    while self.waiting[1] do
        local entry = table.remove(self.waiting, 1)
        if scheduler.wake(entry.task, entry.wait_id, true) then
            return
        end
    end
    self.busy_count = self.busy_count - 1
end

local close_expired

local function expire(self)
    self.timer = false
    close_expired(self)
end

-- Also when nobody asks for anything any more.
local function set_timer(self)
    local first = self.idle[1]
    if first and not self.timer and self.idle_s < math.huge then
        self.timer = scheduler.at(scheduler.now() + first.since + self.idle_s - self.now(), expire,
            self)
    end
end

function close_expired(self)
    local idle, oldest = self.idle, self.now() - self.idle_s
    while idle[1] and idle[1].since <= oldest do
        table.remove(idle, 1).connection:close()
    end
    set_timer(self)
end

-- The connection that was used last: the others may then grow old and go.
local function take_idle(self)
    close_expired(self)
    while self.idle[1] do
        local kept = table.remove(self.idle).connection
        if kept:is_quiet() then
            return kept
        end
        kept:close()
    end
    return nil
end

local function keep(self, kept)
    if self.is_closed or #self.idle >= self.max_idle then
        kept:close()
    elseif kept:is_reusable() then
        self.idle[#self.idle + 1] = { connection = kept, since = self.now() }
    end
    close_expired(self)
end

--- Makes a pool.
-- @param connect function(deadline, limits of the request) -> connection | nil, code, detail
-- @param options {address, now, limit, idle_s, max_idle}
function pool.new(connect, options)
    local self = setmetatable({
        connect = connect,
        now = options.now,
        authority = request_writer.authority(options.address),
        limit = options.limit or DEFAULT_LIMIT,
        max_idle = options.max_idle or math.huge,
        idle_s = options.idle_s or DEFAULT_IDLE_S,
        busy_count = 0,
        idle = {},    -- {connection, since}, the longest idle first
        waiting = {}, -- {task, wait_id}, the first to come first
        repeat_count = 0, -- requests that were sent once more
        is_closed = false,
        on_over = false,
        timer = false, -- that closes what is idle for too long
    }, metatable)
    function self.on_over(used)
        keep(self, used)
        leave(self)
    end
    return self
end

-- Begins an exchange, after which the connection is kept and the turn is another's.
local function begin_on(self, used, message, deadline)
    local begun, code, detail, is_unanswered = used:begin(message, deadline, self.on_over)
    if not begun then
        keep(self, used)
    end
    return begun, code, detail, is_unanswered
end

-- Returns the exchange; or nil, code, detail and whether not a byte of the request was sent.
local function begin(self, message, deadline)
    local used = take_idle(self)
    if used then
        local begun, code, detail, is_unanswered = begin_on(self, used, message, deadline)
        local may_repeat = is_unanswered and message.is_idempotent and is_staleness[code]
        if begun or not may_repeat then
            return begun, code, detail, false
        end
        self.repeat_count = self.repeat_count + 1
    end
    local fresh, code, detail = self.connect(deadline, message.limits)
    if not fresh then
        return nil, code, detail, true
    end
    local begun
    begun, code, detail = begin_on(self, fresh, message, deadline)
    return begun, code, detail, false
end

local function check(self, request)
    local problem = request_writer.problem(request)
    if problem then
        error(problem, 3)
    elseif self.is_closed then
        return nil, "closed", "the pool is closed"
    end
    return true
end

-- Returns the exchange and its message; or nil, nil, and as pool:request.
local function begin_in_turn(self, request, deadline)
    local is_in, code, detail = enter(self, deadline)
    if not is_in then
        return nil, nil, code, detail
    end
    local message = request_writer.compose(request, self.authority, false)
    local begun, is_unsent
    begun, code, detail, is_unsent = begin(self, message, deadline)
    if not begun then
        leave(self)
    end
    return begun, message, code, detail, is_unsent
end

--- Makes a request on a kept connection or a new one, and waits for the head of its response. When
-- a kept one ends before a byte of the response came, an idempotent request is sent once more, on a
-- new connection.
-- @param request as for connection:request
-- @return the exchange (perigee.http.client.exchange), which has to be read to its end or closed;
-- or nil, code, detail and is_unsent as pool:request
function methods:begin(request)
    local is_ok, code, detail = check(self, request)
    if not is_ok then
        return nil, code, detail
    end
    local begun, _, is_unsent
    begun, _, code, detail, is_unsent = begin_in_turn(self, request,
        connection.deadline(request, self.now))
    return begun, code, detail, is_unsent
end

--- The same, and waits for the whole response.
-- @return the response; or nil, code, detail, and whether not a byte of the request was sent: also
-- "full" when too many wait, and what connecting answers
function methods:request(request)
    local is_ok, code, detail = check(self, request)
    if not is_ok then
        return nil, code, detail
    end
    local deadline = connection.deadline(request, self.now)
    local begun, message, is_unsent
    begun, message, code, detail, is_unsent = begin_in_turn(self, request, deadline)
    if not begun then
        return nil, code, detail, is_unsent
    end
    local response
    response, code, detail = connection.finish(begun, message, deadline)
    return response, code, detail, false
end

--- Closes the idle connections, and the others when their requests are over. Later requests fail.
function methods:close()
    self.is_closed = true
    if self.timer then
        scheduler.cancel_timer(self.timer)
        self.timer = false
    end
    for _, entry in ipairs(self.idle) do
        entry.connection:close()
    end
    self.idle = {}
end

return pool
