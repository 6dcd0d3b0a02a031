--- What a service computes, and what its heap holds, in all workers: for the admin port.
local folded = require "perigee.profile.folded"
local http = require "perigee.http"
local json = require "perigee.json"
local workers = require "perigee.supervisor.workers"

local profile = {}

local DEFAULT_S, LONGEST_S = 5, 60
local DEFAULT_INTERVAL_MS, SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS = 1, 1, 1000

-- How much longer than the profile itself its answer may take.
local ANSWER_S = 5

-- For walking one heap.
local HEAP_S = 20

local STACK_LIMIT = 10000

local is_busy = false -- one profile at a time

-- A number of a query within its bounds; or nil and what is wrong.
local function read_number(query, name, default, least, most)
    local value = tonumber(query[name] or default)
    if not value or not (value >= least and value <= most) then
        return nil, ("%s must be a number from %g to %g"):format(name, least, most)
    end
    return value
end

-- What the workers said, in the order of their slots, each with its number; or { worker=, error= }.
local function in_order(results)
    local list = json.array()
    for i, result in ipairs(workers.in_order(results)) do
        list[i] = result.value or { error = result.detail or result.code }
        list[i].worker = result.slot
    end
    return list
end

local function merge(service, results)
    local all, list, dropped = folded.new(STACK_LIMIT), in_order(results), 0
    for _, one in ipairs(list) do
        for _, stack in ipairs(one.stacks or {}) do
            all:add(stack.stack, stack.count)
        end
        dropped = dropped + (one.dropped or 0)
        one.stacks = nil
    end
    return { service = service, samples = all.total, dropped = dropped, workers = list,
        stacks = json.array(all:list()) }
end

-- What each worker says, unless a profile is under way. Raises an answer with the problem.
local function ask(supervisor, op, body, timeout_s)
    if not supervisor.catalog:get(body.service) then
        error(http.error(404, ("there is no service '%s'"):format(body.service)))
    elseif is_busy then
        error(http.error(409, "another profile is under way; ask again when it has ended"))
    end
    is_busy = true
    local is_ok, results = pcall(supervisor.workers.call, supervisor.workers, op, body, timeout_s)
    is_busy = false
    return is_ok and results or error(results, 0)
end

--- Samples a service. `query` = { seconds=, interval_ms= }, both optional texts.
-- @return { service=, samples=, dropped=, interval_ms=, stacks = { { stack=, count= }, ... },
-- workers = { { worker=, generation=, seconds=, samples=, error= }, ... } }
function profile.sample(supervisor, service, query)
    local seconds, problem = read_number(query, "seconds", DEFAULT_S, 0.1, LONGEST_S)
    local interval_ms, other = read_number(query, "interval_ms", DEFAULT_INTERVAL_MS,
        SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS)
    if not (seconds and interval_ms) then
        error(http.error(400, problem or other))
    end
    local results = ask(supervisor, "profile", { service = service, seconds = seconds,
        interval_ms = interval_ms }, seconds + ANSWER_S)
    local merged = merge(service, results)
    merged.interval_ms = interval_ms
    return merged
end

--- Counts what a service's heap holds, in each worker: see perigee.service.heap.
-- @return { service=, workers = { { worker=, generation=, types=, holders=, ... }, ... } }
function profile.count_heap(supervisor, service)
    local results = ask(supervisor, "heap", { service = service, seconds = HEAP_S },
        HEAP_S + ANSWER_S)
    local list = in_order(results)
    for _, one in ipairs(list) do
        one.types, one.holders = json.array(one.types), json.array(one.holders)
    end
    return { service = service, workers = list }
end

return profile
