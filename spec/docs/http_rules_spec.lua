-- Every spec and test that docs/http-rules.md names must exist.
local PAGE = "docs/http-rules.md"
local ALIASES = { rules = "spec/support/http_corpus.lua" }

local function read(path)
    local file = io.open(path)
    local text = file and file:read "*a"
    return text, file and file:close()
end

describe(PAGE, function()
    local text = read(PAGE)
    local texts = {}

    for row in text:gmatch("\n(|[^\n]+|)") do
        local proof = row:match("| ([^|]+) |$")
        for path, title in proof:gmatch('`([^`]+)` "([^"]+)"') do
            it(("%s: %s"):format(path, title), function()
                path = ALIASES[path] or path
                texts[path] = texts[path] or read(path)
                assert(texts[path], "there is no " .. path)
                assert(texts[path]:find(title, 1, true), path .. " has no " .. title)
            end)
        end
    end

    it("has a proof in every row", function()
        for row in text:gmatch("\n(| %d[^\n]+|)") do
            assert.matches('^`[^`]+` "[^"]+"', row:match("| ([^|]+) |$"), row)
        end
    end)
end)
