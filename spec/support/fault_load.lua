--- Clients that ask a host without pause while something goes wrong, and an account of what that
-- did to them.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local perigee = require "perigee"

local methods = {}
local metatable = { __index = methods }

local fault_load = {}

local TIMEOUT_S = 20
local PAUSE_S = 0.001

local function note(self, opened_at, asked_at, answer, code)
    if answer and answer.status == 200 then
        self.answers[#self.answers + 1] = { asked_at = asked_at,
            took_s = perigee.now() - asked_at }
    else
        self.losses[#self.losses + 1] = { opened_at = opened_at,
            code = answer and tostring(answer.status) or code }
    end
end

-- A connection and when it was opened; or nothing, and that is a loss.
local function open(self)
    local opened_at = perigee.now()
    local connection, code = client.connect(self.running.http)
    if not connection then
        note(self, opened_at, opened_at, nil, code or "refused")
        return nil
    end
    return { connection = connection, opened_at = opened_at }
end

-- Asks once. Returns what can be asked again, or nil.
local function ask(self, opened, is_keeping)
    local asked_at = perigee.now()
    local answer, code = opened.connection:request({ target = self.target,
        timeout_s = TIMEOUT_S })
    note(self, opened.opened_at, asked_at, answer, code)
    if answer and is_keeping and answer:header("connection") ~= "close" then
        return opened
    end
    opened.connection:close()
end

local function run(self, is_keeping)
    local opened
    while not self.is_over do
        opened = opened or open(self)
        opened = opened and ask(self, opened, is_keeping)
        perigee.sleep(PAUSE_S)
    end
    if opened then
        opened.connection:close()
    end
    self.left_count = self.left_count - 1
end

--- Starts `count` clients of a host of spec.support.host that ask for `target`: every second one
-- keeps its connection, the others open one for each request. Waits for the first answers.
function fault_load.start(running, count, target)
    local self = setmetatable({ running = running, target = target, client_count = count,
        left_count = count, is_over = false,
        answers = {}, -- { asked_at=, took_s= }
        losses = {},  -- { opened_at= when its connection was, code= }
    }, metatable)
    for i = 1, count do
        perigee.go(run, self, i % 2 == 0)
    end
    self:wait_for_answers(10 * count)
    return self
end

--- Waits for so many more answers.
function methods:wait_for_answers(count)
    local before = #self.answers
    eventually(function()
        return #self.answers >= before + count
    end, "the clients have more answers")
end

--- Ends the clients.
function methods:stop()
    self.is_over = true
    eventually(function() return self.left_count == 0 end, "the clients are done")
end

--- How many requests were lost in all, and of those on a connection that was opened after
-- `fault_at`.
function methods:lost(fault_at)
    local late_count = 0
    for _, loss in ipairs(self.losses) do
        late_count = late_count + (loss.opened_at > fault_at and 1 or 0)
    end
    return #self.losses, late_count
end

--- The longest that a request had to wait which was made after `fault_at`: in seconds.
function methods:slowest_s(fault_at)
    local slowest_s = 0
    for _, answer in ipairs(self.answers) do
        if answer.asked_at > fault_at then
            slowest_s = math.max(slowest_s, answer.took_s)
        end
    end
    return slowest_s
end

return fault_load
