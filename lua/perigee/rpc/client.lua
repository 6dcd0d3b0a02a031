--- Calls to RPC servers: those of Perigee, of Go, and whoever else speaks a protocol of theirs.
-- One client has one connection, which all tasks share.
local dial_options = require "perigee.rpc.client.dial_options"
local dialler = require "perigee.rpc.client.dialler"
local notation = require "perigee.rpc.client.notation"
local scheduler = require "perigee.core.scheduler"

local begin_wait, check_yieldable = scheduler.begin_wait, scheduler.check_yieldable
local prepare_wait = scheduler.prepare_wait

local client = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("rpc client of %s"):format(self.dialler.options.address)
end

--- Makes a client of the server at `address`, "tcp://host:port" or "unix:///path". It connects when
-- it is first called, and again when the connection has ended.
-- @param options { codec = "msgpack" or "gob", http = true for Go's DialHTTP or its path, timeout_s
-- = of a call, 30; 0 for none; ... } as docs/rpc.md says
-- @return the client; an error in the caller's line tells what is wrong
function client.dial(address, options)
    local checked, problem = dial_options.check(address, options)
    if not checked then
        error("rpc.dial: " .. problem, 2)
    end
    return setmetatable({ dialler = dialler.new(checked) }, metatable)
end

local function check_method(method)
    if type(method) ~= "string" or method == "" then
        error(("the method must be text such as Calculator.Add, got %s"):format(
            tostring(method)), 4)
    end
end

-- Waits for the answer of a call that was sent.
local function await(link, task, number, deadline)
    local is_ok, result = begin_wait(task, "rpc call", deadline)
    if is_ok then
        return true, result
    elseif is_ok == false then
        return nil, result.code, result.detail, result.data
    end
    link:abandon(number, task)
    return nil, result, result == "timeout" and link:timeout_text() or "the call was cancelled"
end

local function invoke(self, method, args, options)
    check_method(method)
    local checked = options and notation.check(options)
    local timeout_s = checked and checked.timeout_s
    local deadline = timeout_s and scheduler.now() + timeout_s
    local link, body, code, detail = self.dialler.link
    if not link then
        link, code, detail = self.dialler:get(deadline)
        if not link then
            return nil, code, detail
        end
    end
    body, code, detail = link.codec:encode(args, checked)
    if not body then
        return nil, code, detail
    end
    check_yieldable()
    local task, reason = prepare_wait(deadline)
    if not task then
        return nil, reason, "the task's context has ended"
    end
    code, detail = link:obstacle()
    if code then
        return nil, code, detail
    end
    return await(link, task, link:send_call(task, method, body, deadline), deadline)
end

local function conclude(self, options, is_ok, value, detail, data)
    if not is_ok then
        return nil, value, detail, data
    elseif options and options.reply then
        return self.dialler.codec.fit(notation.check(options).reply, value)
    end
    return value
end

--- Calls a method and waits for its result.
-- @param method such as "Calculator.Add"
-- @param args the argument; nil for none
-- @param options { timeout_s =, args = and reply = types in the notation of docs/rpc.md } or nil
-- @return the result, which may be nil; or nil, code, detail, data: "failed" with the server's
-- message, "not_found", "timeout", "canceled", "closed", "full", "invalid", "unavailable", or what
-- connecting says
function methods:call(method, args, options)
    return conclude(self, options, invoke(self, method, args, options))
end

--- Ends the connection, and the calls in flight with "closed". Later ones fail.
function methods:close()
    self.dialler:close()
end

return client
