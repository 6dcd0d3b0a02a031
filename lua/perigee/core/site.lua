--- Where tasks were started: one record for each line of code that starts tasks, so that a task
-- costs a look-up and not a text.
local host = require "host"

local site = {}

local place = host.place

-- A script may load chunks under ever new names, and what is kept for them must end somewhere.
local MOST_SITES = 4096

local sites, count = {}, 0 -- source -> line -> record

local function add(source, line, level)
    if count == MOST_SITES then
        sites, count = {}, 0
    end
    local record = {
        at = ("%s:%d"):format(source:gsub("^[@=]", ""), line),
        -- As it was when this line first started a task.
        traceback = debug.traceback("", level + 1),
    }
    sites[source] = sites[source] or {}
    sites[source][line] = record
    count = count + 1
    return record
end

--- The record { at = "file:line", traceback = } of the function at `level`: 1 is the caller of
-- this, 2 its caller.
function site.here(level)
    local source, line = place(level + 1)
    local lines = sites[source]
    return lines and lines[line] or add(source, line, level + 1)
end

return site
