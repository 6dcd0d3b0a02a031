--- The string functions of scripts say what Lua's own say: for patterns by hand, for random ones,
-- and however often they are interrupted.
local patterns = require "perigee.service.patterns"
local substitution = require "perigee.service.substitution"

local OURS = { find = patterns.find, match = patterns.match, gmatch = substitution.gmatch,
    gsub = substitution.gsub }

local ROUNDS = 20000

local function pack(...)
    return { n = select("#", ...), ... }
end

-- Where an error was raised is left out, and what the function is called there: both differ.
local function outcome(fn, ...)
    local result = pack(pcall(fn, ...))
    if not result[1] then
        result[2] = tostring(result[2]):gsub("^[^:]*:%d+: ", ""):gsub(" to '[^']*'", "")
    end
    return result
end

-- All that an iterator gives.
local function all_of(gmatch)
    return function(...)
        local list = {}
        local iterate = gmatch(...)
        for _ = 1, 50 do
            local found = pack(iterate())
            if found[1] == nil then
                break
            end
            list[#list + 1] = table.concat(found, "|", 1, found.n) .. "/" .. found.n
        end
        return table.concat(list, "\n")
    end
end

local PAIRS = {
    find = { string.find, OURS.find },
    match = { string.match, OURS.match },
    gmatch = { all_of(string.gmatch), all_of(OURS.gmatch) },
    gsub = { string.gsub, OURS.gsub },
}

local function compare(name, ...)
    local theirs, ours = outcome(PAIRS[name][1], ...), outcome(PAIRS[name][2], ...)
    local arguments = pack(...)
    for i = 1, arguments.n do
        arguments[i] = type(arguments[i]) == "string" and ("%q"):format(arguments[i])
            or tostring(arguments[i])
    end
    assert.same(theirs, ours, name .. "(" .. table.concat(arguments, ", ") .. ")")
end

local SUBJECTS = { "", "a", "abc", "aaa", "hello world", "  trim me  ", "(a(b)c)", "k=v; k2=v2",
    "a.b.c", "x\0y\0z", "THE (quick) fox", "\255\128", "[[x]]", "1,2,,3", "aXbXc", "%d", "^a$" }

local PATTERNS = { "", "a", "b*", "a-", "a?", ".", ".*", ".-", "(.)", "()", "(a)(b)?", "^a", "a$",
    "^$", "^", "$", "^.*$", "%w+", "%W", "%s*(.-)%s*$", "^%s*(.-)%s*$", "[a-c]", "[^a-c]+", "[]]",
    "[^]]", "[]-a]", "[%w_]+", "[a-]", "[%a-z]", "%b()", "%b", "%bx", "%bxx", "%f[%w]%w+", "%f",
    "%f[", "%fa", "(", ")", "(()", "%", "[", "[a", "[^", "[%", "[]", "%1", "(a)%1", "()%1",
    "((.)%2)", "(.)(.)%2%1", "(%w+)=(%w+)", "%%", "a.b", "a%.b", "%z", "%Z+", "[%z]", "[a%]b]+",
    "(a*(.)%w(%s*))", "%x+", "%p", "%g", "%G", "%c", "%u+", "%l+", "%L", "a+b", "a+", "(a-)b",
    "x-y", "\0", "a\0b", "[^\0]", "%a%", "a?b?c?", "(a?)*", "(a)*", "^(a)", "%d", "-", "*", "?a",
    "+", "^*", "^?", ("a?"):rep(30) .. ("a"):rep(3), ("a?"):rep(198), ("a?"):rep(199),
    ("a?"):rep(200), ("a*"):rep(199), ("a*"):rep(200), ("(a"):rep(33), ("()"):rep(32),
    ("()"):rep(33), ("x"):rep(100), ("a"):rep(65) }

describe("the string functions of scripts", function()
    for name in pairs(OURS) do
        it("have a " .. name .. " that says what Lua's own says", function()
            for _, subject in ipairs(SUBJECTS) do
                for _, pattern in ipairs(PATTERNS) do
                    if name == "gsub" then
                        for _, replacement in ipairs({ "", "<%0>", "%1", "%2", "%%", "%", "%x" }) do
                            compare(name, subject, pattern, replacement)
                        end
                        compare(name, subject, pattern, "x", 1)
                    else
                        compare(name, subject, pattern)
                    end
                end
            end
        end)
    end

    it("take positions as Lua's own do", function()
        for _, position in ipairs({ 0, 1, 2, 5, 6, 7, 100, -1, -3, -100, 1.5, -1.5, 2 ^ 31, 2 ^ 40,
            -2 ^ 40, 0 / 0, 1 / 0, -1 / 0, "2", "x", {}, true, false }) do
            for _, pattern in ipairs({ "l", "l+", "", "$", "^h", ("l"):rep(70) }) do
                compare("find", "hello", pattern, position)
                compare("find", "hello", pattern, position, true)
                compare("match", "hello", pattern, position)
            end
        end
    end)

    it("take numbers for texts, and refuse all else", function()
        for _, value in ipairs({ 12, 1.5, -0, true, print, {} }) do
            compare("find", value, "1")
            compare("find", "x1x", value)
            compare("match", value, "%d")
            compare("gmatch", value, "%d")
            compare("gmatch", "1", value)
            compare("gsub", value, "%d", "x")
            compare("gsub", "1", value, "x")
            compare("gsub", "1", "1", value)
            compare("gsub", "1", "1", "x", value)
        end
    end)

    it("replace by functions and tables", function()
        local by_name = { a = "A", b = 1, c = false, d = {}, x = true, y = print }
        local indexed = setmetatable({}, { __index = function(_, key) return key .. key end })
        for _, pattern in ipairs({ "%w", "(%w)", "()", "(%w)(%w)", "", "%w*", "^a", "b*" }) do
            for _, subject in ipairs({ "", "abc", "dab", "xyz" }) do
                compare("gsub", subject, pattern, by_name)
                compare("gsub", subject, pattern, indexed)
                compare("gsub", subject, pattern, function(...)
                    return select("#", ...) .. tostring((...))
                end, 2)
                compare("gsub", subject, pattern, function(x) return x == "b" and {} or nil end)
                compare("gsub", subject, pattern, function() error("from within") end)
            end
        end
    end)

    it("name the line that called them", function()
        for _, call in ipairs({
            function() local x = OURS.find("x", "[") return x end,
            function() local x = OURS.match("x", "%") return x end,
            function() local x = OURS.gsub("x", "(", "%1") return x end,
            function() local x = OURS.gsub("x", "x", "%2") return x end,
            function() local x = OURS.gsub("x", "(", print) return x end,
            function() local x = OURS.gsub("x", "x", function() return {} end) return x end,
            function() for _ in OURS.gmatch("x", "%") do end end,
        }) do
            local ok, message = pcall(call)
            assert.is_false(ok)
            assert.matches("^%S*patterns_spec%.lua:%d+: ", message)
        end
    end)

    it("agree with Lua's own on random patterns", function()
        local pieces = { "a", "b", ".", "%w", "%s", "[ab]", "[^a]", "(", ")", "()", "*", "+", "-",
            "?", "^", "$", "%b()", "%f[a]", "%1", "%", "[", "]", "\0", " " }
        local letters = { "a", "b", "c", " ", "(", ")", "\0", "aab" }
        math.randomseed(42)
        local function random_text(from, most)
            local parts = {}
            for i = 1, math.random(0, most) do
                parts[i] = from[math.random(#from)]
            end
            return table.concat(parts)
        end
        local names = { "find", "match", "gmatch", "gsub" }
        for _ = 1, ROUNDS do
            local name = names[math.random(4)]
            compare(name, random_text(letters, 12), random_text(pieces, 8),
                name == "gsub" and random_text({ "x", "%0", "%1", "%%" }, 3) or nil)
        end
    end)

    describe("that take long", function()
        local TEXT = ("a"):rep(400)

        it("say the same after many pieces", function()
            assert.same({ 1, 401 }, { OURS.find(TEXT .. "b", ".-b") })
            assert.same({ 1, 400, "a" }, { OURS.find(TEXT, "(a).-a$") })
            compare("find", TEXT, ".-.-b")
            compare("match", TEXT, "(.-)b")
            compare("gmatch", TEXT .. "b" .. TEXT, ".-b")
            compare("gsub", TEXT .. " " .. TEXT, ".-b", "x")
            compare("gsub", ("ab "):rep(60000), "(%w)(%w)", "%2%1")
            compare("gsub", ("ab "):rep(60000), "(%w)(%w)", { a = "x" })
            compare("gsub", ("a"):rep(200000) .. ("("):rep(1000), "%b()", "<%0>")
            compare("gsub", TEXT, "^.-.-b", "x")
            compare("match", ("("):rep(2000), "%b()")
            compare("find", ("x"):rep(1e6) .. "y", "x*y")
        end)

        it("expand captures of what took long", function()
            local text = TEXT .. "-" .. TEXT
            for _, replacement in ipairs({ "<%1>", "%0", "%%", "%", "%2" }) do
                compare("gsub", text, "(a-)a-b", replacement)
                compare("gsub", text .. "b", "(a-)-a-b", replacement)
            end
        end)

        it("find long plain texts in time that grows with them, not with their product", function()
            local needle = ("a"):rep(500000) .. "b"
            local began = os.clock()
            assert.is_nil(OURS.find(("a"):rep(1000000), needle, 1, true))
            assert.is_nil((OURS.find(("a"):rep(1000000), needle)))
            assert.is_true(os.clock() - began < 1)
            assert.same({ 3, 500003 }, { OURS.find("aa" .. needle .. "a", needle, 3) })
        end)
    end)
end)
