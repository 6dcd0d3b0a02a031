--- Checks the sizes of files, Lua functions and C lines: lua5.1 tools/check_sizes.lua [ROOT]
-- The length of C functions is clang-tidy's part and the width of Lua lines is luacheck's. Prints
-- one line for each thing that is too long and exits with 1.
package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local source = require "source"

local C_FILE_LINES = 600
local C_LINE_COLUMNS = 100
local LUA_FILE_LINES = 500
local LUA_FUNCTION_LINES = 50

-- Words that begin a block which `end` or `until` closes; `while` and `for` do it with their `do`.
local OPENS = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true }
local CLOSES = { ["end"] = true, ["until"] = true }

local root = arg[1] or "."
local problem_count = 0

local function report(path, line, ...)
    print(("%s:%d: "):format(path, line) .. string.format(...))
    problem_count = problem_count + 1
end

local function check_file(path, text, limit)
    local _, line_count = text:gsub("\n", "")
    if line_count > limit then
        report(path, limit + 1, "the file has %d lines of at most %d; it holds two ideas, split it",
            line_count, limit)
    end
end

-- clang-format breaks code but leaves comments as they are. Bytes that go on in a UTF-8 character
-- do not count.
local function check_lines(path, text)
    for line, content in source.lines(text) do
        local columns = #content:gsub("[\128-\191]", "")
        if columns > C_LINE_COLUMNS then
            report(path, line, "the line has %d columns of at most %d", columns, C_LINE_COLUMNS)
        end
    end
end

local function check_functions(path, text)
    local open = {}
    for line, code in source.lines(source.lua_code(text)) do
        for word in code:gmatch("[%a_][%w_]*") do
            if OPENS[word] then
                open[#open + 1] = { word = word, line = line }
            elseif CLOSES[word] then
                local block = table.remove(open)
                local length = line - block.line + 1
                if block.word == "function" and length > LUA_FUNCTION_LINES then
                    report(path, block.line, "the function has %d lines of at most %d",
                        length, LUA_FUNCTION_LINES)
                end
            end
        end
    end
end

for _, folder in ipairs { "host", "spec", "tools" } do
    for _, path in ipairs(source.files(root, folder, { ".c", ".h" })) do
        local text = source.read(root .. "/" .. path)
        check_file(path, text, C_FILE_LINES)
        check_lines(path, text)
    end
end
for _, folder in ipairs { "lua", "services", "examples", "tools" } do
    for _, path in ipairs(source.files(root, folder, { ".lua" })) do
        local text = source.read(root .. "/" .. path)
        check_file(path, text, LUA_FILE_LINES)
        check_functions(path, text)
    end
end
os.exit(problem_count == 0 and 0 or 1)
