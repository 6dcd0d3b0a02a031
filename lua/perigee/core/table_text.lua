--- Rows of text as columns. Pure.
local table_text = {}

local function width_of(rows, column)
    local width = 0
    for _, row in ipairs(rows) do
        width = math.max(width, #(row[column] or ""))
    end
    return width
end

--- `rows` are arrays of texts, the first one the headings. Returns lines, each with two spaces
-- before it.
function table_text.format(rows)
    local widths, lines = {}, {}
    for column = 1, #rows[1] do
        widths[column] = width_of(rows, column)
    end
    for _, row in ipairs(rows) do
        local cells = {}
        for column, text in ipairs(row) do
            cells[column] = column == #row and text or text .. (" "):rep(widths[column] - #text)
        end
        lines[#lines + 1] = "  " .. table.concat(cells, "  ")
    end
    return table.concat(lines, "\n") .. "\n"
end

return table_text
