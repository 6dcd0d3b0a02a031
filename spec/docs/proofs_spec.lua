-- Every spec and test that a table with the column "proof" names must exist.
local PAGES = { "docs/http-rules.md", "docs/tls.md" }
local ALIASES = { rules = "spec/support/http_corpus.lua", tls = "spec/host/tls_spec.lua" }

local texts = {}

local function read(path)
    if not texts[path] then
        local file = assert(io.open(path), "there is no " .. path)
        texts[path] = file:read "*a"
        file:close()
    end
    return texts[path]
end

local function check_proof(path, title)
    path = ALIASES[path] or path
    assert(read(path):find(title, 1, true), path .. " has no " .. title)
end

-- The last cells of the rows below each head that ends in "proof".
local function proofs_of(page)
    local proofs = {}
    for rows in read(page):gmatch("| proof |\n|[^\n]+\n(.-)\n%f[^|\n]") do
        for row in (rows .. "\n"):gmatch("(|[^\n]+|)\n") do
            proofs[#proofs + 1] = row:match("| ([^|]+) |$")
        end
    end
    return proofs
end

for _, page in ipairs(PAGES) do
    describe(page, function()
        local proofs = proofs_of(page)

        it("has a proof in every row", function()
            assert.is_true(#proofs > 10)
            for _, proof in ipairs(proofs) do
                assert.matches('^`[^`]+` "[^"]+"', proof)
            end
        end)

        for _, proof in ipairs(proofs) do
            for path, title in proof:gmatch('`([^`]+)` "([^"]+)"') do
                it(("%s: %s"):format(path, title), function()
                    check_proof(path, title)
                end)
            end
        end
    end)
end
