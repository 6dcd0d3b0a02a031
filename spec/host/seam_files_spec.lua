--- What the seam says of files, at the edges.
local seam = require "host"
local temporary = require "spec.support.temporary"

describe("the seam's read_file", function()
    local folder

    before_each(function()
        folder = temporary.new()
    end)

    after_each(function()
        folder:destroy()
    end)

    local function read(size, limit)
        local text = ("x"):rep(size)
        folder:write("file", text)
        local bytes, code = seam.read_file(folder:join("file"), limit)
        if bytes then
            assert.equal(text, bytes)
        end
        return bytes and #bytes, code
    end

    it("gives the whole of a file of any size up to the limit", function()
        for _, size in ipairs({ 0, 1, 4094, 4095, 4096, 4097, 100000 }) do
            assert.equal(size, (read(size, 100000)))
        end
    end)

    it("refuses what is larger than the limit", function()
        for _, limit in ipairs({ 0, 1, 4095, 4096, 4097, 99999 }) do
            assert.equal(limit, (read(limit, limit)))
            assert.same({ nil, "too_large" }, { read(limit + 1, limit) })
        end
    end)

    it("reads files that tell no size", function()
        assert.matches("^Name:", seam.read_file("/proc/self/status", 100000))
        -- Larger than what is read at first.
        assert.is_true(#seam.read_file("/proc/self/smaps", 10000000) > 4096)
    end)

    it("says why a file cannot be read", function()
        assert.same({ nil, "not_found" }, { seam.read_file(folder:join("missing"), 10) })
        assert.is_nil((seam.read_file(folder.path, 10)))
    end)
end)
