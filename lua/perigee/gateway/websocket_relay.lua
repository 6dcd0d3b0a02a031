--- A WebSocket between a client and an instance: bytes pass as they are, and only where frames end
-- is looked at, so that either side can be told why it is over.
local scheduler = require "perigee.core.scheduler"
local tunnel = require "perigee.http.tunnel"
local websocket_frames = require "perigee.http.websocket_frames"

local websocket_relay = {}
local methods = {}
local metatable = { __index = methods }

local GOING_AWAY, TOO_LARGE, BAD_GATEWAY = 1001, 1009, 1014

-- How long both ends have to close once the client was told.
local CLOSE_TIMEOUT_S = 5

-- There is one at a time: for an idle time, or for the time to close.
local function set_timer(self, deadline, fn)
    if self.timer then
        scheduler.cancel_timer(self.timer)
    end
    self.timer = deadline and scheduler.at(deadline, fn, self)
end

-- Outside of tasks: both connections end now.
local function cut(self)
    self.timer = nil
    self.asked:cut()
    tunnel.close(self.opened.peer)
end

-- What goes to the client last.
local function say(self, code)
    self.is_told = true
    set_timer(self, scheduler.now() + CLOSE_TIMEOUT_S, cut)
    return websocket_frames.close(code)
end

-- The client's answer to a close passes like all else it sends, so that the instance hears of it.
local function up(self, bytes)
    self.heard_at = scheduler.now()
    if not bytes then
        return nil
    end
    local passed, problem = self.client_frames:pass(bytes)
    if problem then
        self:leave(TOO_LARGE)
        return nil
    end
    return passed
end

-- The instance has ended its side.
local function end_down(self)
    local is_explained = self.is_told or self.instance_frames.has_closed
        or self.client_frames.has_closed or not self.instance_frames:is_between()
    return not is_explained and say(self, BAD_GATEWAY) or nil
end

-- The rest of a frame, and behind it the close that waits for its end.
local function finish_frame(self, bytes)
    local rest = self.instance_frames:finish_frame(bytes)
    return self.instance_frames:is_between() and rest .. say(self, self.close_code) or rest
end

local function down(self, bytes)
    self.heard_at = scheduler.now()
    if not bytes then
        return end_down(self)
    elseif self.is_told then
        return ""
    elseif self.close_code then
        return finish_frame(self, bytes)
    end
    local passed, problem = self.instance_frames:pass(bytes)
    return problem and passed .. say(self, TOO_LARGE) or passed
end

-- Outside of tasks, when neither side may have sent anything for idle_s.
local function on_idle_due(self)
    local due = self.heard_at + self.idle_s
    self.timer = nil
    if scheduler.now() < due then
        set_timer(self, due, on_idle_due)
    else
        self:leave(GOING_AWAY)
    end
end

local function tell(self, bytes)
    self.asked:write(bytes)
end

--- The client is told `code` where the frame that is under way ends, and all ends when it has
-- answered or its time for that is over.
function methods:leave(code)
    if self.is_told or self.close_code then
        return
    end
    self.close_code = code
    if self.instance_frames:is_between() then
        scheduler.spawn(tell, self, say(self, code)).name = "close of a WebSocket"
    else
        set_timer(self, scheduler.now() + CLOSE_TIMEOUT_S, cut)
    end
end

--- Passes what comes until both ends are closed.
-- @param asked the exchange of perigee.service.exchange
-- @param answer, opened of tunnel.ask
-- @param options { idle_s =, max_message = }
function websocket_relay.run(asked, answer, opened, options)
    local self = setmetatable({
        asked = asked,
        opened = opened,
        idle_s = options.idle_s,
        client_frames = websocket_frames.new(options.max_message),
        instance_frames = websocket_frames.new(options.max_message),
        heard_at = scheduler.now(),
        close_code = nil, -- what the client is to be told
        is_told = false,
        timer = nil,      -- of an idle time, or of the time to close
    }, metatable)
    set_timer(self, self.heard_at + self.idle_s, on_idle_due)
    if asked:pass_websocket(tunnel.lines(answer), self) then
        tunnel.join(asked, opened, {
            up = function(bytes) return up(self, bytes) end,
            down = function(bytes) return down(self, bytes) end,
        })
    else
        tunnel.close(opened.peer)
    end
    set_timer(self, nil)
end

return websocket_relay
