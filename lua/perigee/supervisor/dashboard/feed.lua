--- What the dashboard shows, once a second, as server-sent events. A snapshot is made while
-- somebody follows, once for all; a reader that is slow gets fewer of them, never an old one.
local host = require "host"
local http = require "perigee.http"
local json = require "perigee.json"
local scheduler = require "perigee.core.scheduler"
local singleflight = require "perigee.core.sync.singleflight"
local status = require "perigee.supervisor.status"
local traffic = require "perigee.supervisor.dashboard.traffic"

local PERIOD_S = 1

-- A host with thousands of services, each of which is asked, takes its time: then there are fewer
-- snapshots, so that most of the time nobody is asked.
local PERIOD_OF_MAKING = 10

local MOST_FOLLOWERS = 32

local feed = {}
local methods = {}
local metatable = { __index = methods }

function feed.new(supervisor)
    return setmetatable({ supervisor = supervisor, flight = singleflight.new(), follower_count = 0,
        text = nil, made_at = -math.huge, period_s = PERIOD_S }, metatable)
end

local function make(self)
    local supervisor = self.supervisor
    local started = host.now()
    self.text = json.encode({ time = host.wall_time(), status = status.collect(supervisor),
        traffic = traffic.read(supervisor) })
    self.made_at = started
    self.period_s = math.max(PERIOD_S, PERIOD_OF_MAKING * (host.now() - started))
    return self.text
end

--- A snapshot that is fresh: the text of { time = seconds since 1970, status = as /status,
-- traffic = see perigee.supervisor.dashboard.traffic }.
function methods:snapshot()
    if host.now() - self.made_at < self.period_s / 2 then
        return self.text
    end
    return self.flight:run("snapshot", make, self)
end

local function send_all(self, response)
    local events = response:events()
    local due = host.now()
    while events:send({ event = "snapshot", data = self:snapshot() }) do
        due = math.max(due + self.period_s, host.now())
        if not scheduler.sleep(due) then
            return
        end
    end
end

--- Answers a request with snapshots until it is gone.
function methods:follow(response)
    if self.follower_count >= MOST_FOLLOWERS then
        return http.error(503, ("%d dashboards are open already"):format(MOST_FOLLOWERS),
            { ["Retry-After"] = 10 })
    end
    self.follower_count = self.follower_count + 1
    local is_ok, reason = pcall(send_all, self, response)
    self.follower_count = self.follower_count - 1
    if not is_ok then
        error(reason, 0)
    end
end

return feed
