--- What the admin port has of the log: its last events, those to come, and from which level events
-- are written.
local http = require "perigee.http"
local json = require "perigee.json"
local log = require "perigee.log"
local log_feed = require "perigee.supervisor.log_feed"
local log_settings = require "perigee.core.log_settings"

local DEFAULT_COUNT, MOST_COUNT = 200, 2000
local MOST_WATCHERS = 16

-- An answer that says nothing for so long is given a sign of life, so that a client that is gone is
-- found out.
local SILENCE_S = 10

local LEVEL_TIMEOUT_S = 2

local watcher_count = 0

local function level_problem(level)
    return level ~= nil and not log_feed.is_level(level)
        and ("level must be debug, info, warn or error, got '%s'"):format(level)
end

-- The feed that a request asks for, and how many of the last events; or nil and an answer.
local function open_feed(supervisor, query)
    local count = tonumber(query.limit or DEFAULT_COUNT)
    local problem = level_problem(query.level)
        or not (count and count >= 0 and count <= MOST_COUNT and count % 1 == 0)
        and ("limit must be from 0 to %d"):format(MOST_COUNT)
    if problem then
        return nil, http.error(400, problem)
    end
    return log_feed.new(log_feed.sources(supervisor), supervisor.settings.worker.service.log.format,
        { service = query.service, level = query.level }), count
end

local function last_of(events, count)
    local list = json.array()
    for i = math.max(1, #events - count + 1), #events do
        list[#list + 1] = events[i]
    end
    return list
end

local function send_all(stream, events)
    for _, event in ipairs(events) do
        if not stream:send({ event = "log", data = json.encode(event) }) then
            return false
        end
    end
    return true
end

local function follow(feed, count, response)
    local stream = response:events()
    local is_heard = send_all(stream, last_of(feed:read(), count))
    while is_heard do
        local events = feed:wait(SILENCE_S)
        if events[1] then
            is_heard = send_all(stream, events)
        else
            is_heard = stream:comment()
        end
    end
end

local function watch(feed, count, response)
    if watcher_count >= MOST_WATCHERS then
        return http.error(503, ("%d clients follow the log already"):format(MOST_WATCHERS))
    end
    watcher_count = watcher_count + 1
    local is_ok, reason = pcall(follow, feed, count, response)
    watcher_count = watcher_count - 1
    if not is_ok then
        error(reason, 0)
    end
end

-- An EventSource asks for an event stream; anybody else gets what there is.
local function show_log(supervisor, request, response)
    local feed, count = open_feed(supervisor, request.query)
    if not feed then
        return count
    elseif (request:header("accept") or ""):find("text/event-stream", 1, true) then
        return watch(feed, count, response)
    end
    return { events = last_of(feed:read(), count) }
end

-- `level` is nil to take back what was said before.
local function change_level(options, service, level)
    if service then
        options.levels[service] = level
        return
    end
    options.initial_level = options.initial_level or options.level
    options.level = level or options.initial_level
    log_settings.configure(options, log_settings.name)
end

local function set_level(supervisor, query)
    local service = query.service
    local level = query.level ~= "default" and query.level or nil
    local problem = query.level == nil and "level is missing" or level_problem(level)
    if problem then
        return http.error(400, problem)
    elseif service and not supervisor.catalog:get(service) then
        return http.error(404, ("there is no service '%s'"):format(service))
    end
    local options = supervisor.settings.worker.service.log
    change_level(options, service, level)
    supervisor.workers:call("log_levels", options, LEVEL_TIMEOUT_S)
    log.warn("the level of the log was changed", { of = service or "all",
        level = query.level })
    return { service = service, level = query.level }
end

--- Adds the routes: GET /logs, POST /log-level.
return function(app, supervisor)
    app:get("/logs", function(request, response)
        return show_log(supervisor, request, response)
    end)
    app:post("/log-level", function(request)
        return set_level(supervisor, request.query)
    end)
end
