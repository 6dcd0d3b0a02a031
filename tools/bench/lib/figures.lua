--- What a program of tools/bench has measured, as tables of Markdown and beside its goals: a file
-- of lines "KIND NAME SERVER NUMBER", of which the median is taken where there are several of one,
-- and other lines for what went wrong.
local figures = {}
figures.__index = figures

function figures.read(path)
    local self = setmetatable({ numbers = {}, failures = {} }, figures)
    for line in io.lines(path) do
        local kind, name, server, number = line:match("^(%S+) (%S+) (%S+) (%S+)$")
        if kind and tonumber(number) and kind ~= "failed" then
            local key = kind .. name .. server
            self.numbers[key] = self.numbers[key] or {}
            table.insert(self.numbers[key], tonumber(number))
        else
            self.failures[#self.failures + 1] = line
        end
    end
    return self
end

--- nil when it was not measured.
function figures:median(kind, name, server)
    local list = self.numbers[kind .. name .. server]
    if not list then
        return nil
    end
    table.sort(list)
    local middle = (#list + 1) / 2
    return (list[math.floor(middle)] + list[math.ceil(middle)]) / 2
end

local function print_cells(title, cells)
    for i, cell in ipairs(cells) do
        cells[i] = (" %9s |"):format(cell)
    end
    print(("| %-56s |"):format(title) .. table.concat(cells))
end

local function print_rule(count)
    print("| --- |" .. (" --- |"):rep(count))
end

local function print_row(self, servers, row)
    local cells = {}
    for i, server in ipairs(servers) do
        local figure = self:median(row[2], row[3], server)
        cells[i] = figure and row[4]:format(figure) or "-"
    end
    print_cells(row[1], cells)
end

--- @param rows lists of title, kind, name and the format of a number
function figures:print_table(servers, rows)
    print_cells("", { unpack(servers) })
    print_rule(#servers)
    for _, row in ipairs(rows) do
        print_row(self, servers, row)
    end
end

--- How far a ratio is from its goal; positive when it missed it.
local function miss_of(goal, ratio)
    if goal.least then
        return 1 - ratio / goal.least
    end
    return ratio / goal.most - 1
end

-- nil when one of the two was not measured.
local function ratio_of(self, goal)
    local figure = self:median(goal[2], goal[3], "perigee")
    local other = 1
    if goal[4] then
        other = self:median(goal[2], goal.other_name or goal[3], goal[4])
    end
    return figure and other and figure / other
end

--- Goals are Perigee's figure over another server's, at least or at most: lists of title, kind,
-- name and the other server or nil, with `least` or `most`, and `other_name` when the other
-- server's figure goes by another name.
function figures:print_goals(goals)
    print_cells("of the others' figures", { "figure", "goal", "" })
    print_rule(3)
    for _, goal in ipairs(goals) do
        local ratio = ratio_of(self, goal)
        if ratio then
            local miss = miss_of(goal, ratio)
            print_cells(goal[1], { ("%.3g"):format(ratio),
                (goal.least and ">= %.4g" or "<= %.4g"):format(goal.least or goal.most),
                miss <= 0 and "reached" or ("missed by %.1f %%"):format(miss * 100) })
        end
    end
end

function figures:print_failures()
    for _, line in ipairs(self.failures) do
        print(line)
    end
end

return figures
