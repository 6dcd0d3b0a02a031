--- Strings: a page built from pieces, then taken apart again and counted.
local ROWS, ROUNDS = 2000, 150

local function build(rows)
    local parts = { "<table>" }
    for row = 1, rows do
        parts[#parts + 1] = ("<tr><td>%d</td><td>%s</td></tr>"):format(row, "name-" .. row % 97)
    end
    parts[#parts + 1] = "</table>"
    return table.concat(parts, "\n")
end

local function count_names(page)
    local counts, distinct = {}, 0
    for name in page:gmatch("<td>(name%-%d+)</td>") do
        distinct = distinct + (counts[name] and 0 or 1)
        counts[name] = (counts[name] or 0) + 1
    end
    return distinct
end

return function()
    for _ = 1, ROUNDS do
        local page = build(ROWS):gsub("tr>", "row>")
        assert(count_names(page) == 97)
    end
end
