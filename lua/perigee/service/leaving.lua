--- What becomes of a service's requests when it goes: streams of events end as soon as the host
-- begins to leave, because their clients come back by themselves; whatever else outlasts the drain
-- deadline is answered or cut.
local census = require "perigee.core.census"
local cut = require "perigee.core.cut"
local host = require "host"
local lazy = require "perigee.core.lazy"
local task_record = require "perigee.core.task_record"

local calls = lazy "perigee.service.calls"

local leaving = {}

local UNAVAILABLE = -32002

local TEXT = "The service was stopped while it worked on this request.\n"
local LINES = "Content-Type: text/plain; charset=utf-8\r\n"

-- The live tasks that answer requests, WebSockets and calls.
local function list_answering()
    local list = {}
    census.each(function(task)
        if task_record.kind_of(task) then
            list[#list + 1] = task
        end
    end)
    return list
end

-- Which kind of perigee.core.cut a task is; nil when its answer has ended.
local function kind_of(task)
    local asked = task.site
    if task_record.kind_of(task).name == "call" then
        return "calls"
    elseif asked.is_websocket then
        return "websockets"
    elseif asked.is_left then
        return nil
    end
    return asked.is_begun and "streams" or "requests"
end

--- Ends the streams of server-sent events, and each that is still to come when it sends. Their
-- handlers learn it as they learn that a client has gone, and nobody waits for them: they may sleep
-- for long.
function leaving.end_event_streams(state)
    state.is_leaving = true
    for _, task in ipairs(list_answering()) do
        local asked = task.site
        if asked.is_event_stream and not asked.is_left then
            asked.is_left = true
            asked:finish("")
            state.in_flight = state.in_flight - 1
            state.end_turn()
        end
    end
    state.on_idle()
end

local finish = {
    -- Nobody knows whether what its handler answers now would be whole.
    requests = function(task)
        task.site:respond(503, LINES, TEXT)
    end,
    streams = function(task)
        task.site:cut()
    end,
    calls = function(task)
        host.call_fail(calls.id_of(task),
            "perigee: the service was stopped while it worked on this call", UNAVAILABLE)
    end,
    websockets = function() end,
}

--- At the drain deadline: answers 503 for requests, fails calls and cuts what is half out. Returns
-- the counts of what was cut; with the requests that still wait for their turn, which the host
-- answers when the isolate is closed.
function leaving.cut_all(state)
    local counts = cut.none()
    for _, task in ipairs(list_answering()) do
        local kind = kind_of(task)
        if kind then
            counts[kind] = counts[kind] + 1
            finish[kind](task)
        end
    end
    local waiting_count = state.in_flight - counts.requests - counts.streams - counts.calls
    counts.requests = counts.requests + math.max(0, waiting_count)
    return counts
end

return leaving
