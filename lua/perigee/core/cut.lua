--- What a drain deadline cuts: counts by kind, as plain data { requests=, streams=, calls=,
-- websockets= }.
local cut = {}

-- In the order they are told of. A stream is an answer that is sent in pieces.
local KINDS = { "requests", "streams", "calls", "websockets" }
local TITLES = { websockets = "WebSockets" }

--- Counts of nothing.
function cut.none()
    return { requests = 0, streams = 0, calls = 0, websockets = 0 }
end

--- Adds `counts`, which may be nil, to `total`.
function cut.add(total, counts)
    for _, kind in ipairs(counts and KINDS or {}) do
        total[kind] = total[kind] + counts[kind]
    end
end

--- "requests, calls and WebSockets"; nil when nothing was cut.
function cut.title(counts)
    local titles = {}
    for _, kind in ipairs(KINDS) do
        if counts[kind] > 0 then
            titles[#titles + 1] = TITLES[kind] or kind
        end
    end
    local last = table.remove(titles)
    return titles[1] and table.concat(titles, ", ") .. " and " .. last or last
end

--- The counts as fields of a line of the log, each name with `prefix` in front.
function cut.fields(counts, prefix)
    local fields = {}
    for _, kind in ipairs(KINDS) do
        fields[prefix .. kind] = counts[kind]
    end
    return fields
end

return cut
