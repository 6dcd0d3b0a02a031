local nearest = require "perigee.service.nearest"

describe("perigee.service.nearest", function()
    local WORDS = { "http", "mount", "start", "stop", "save" }

    it("finds the word that differs by the fewest letters", function()
        assert.equal("http", nearest("htpp", WORDS))
        assert.equal("http", nearest("htt", WORDS))
        assert.equal("mount", nearest("moutn", WORDS))
        assert.equal("mount", nearest("mountt", WORDS))
        assert.equal("stop", nearest("stopp", WORDS))
    end)

    it("finds the word itself", function()
        assert.equal("start", nearest("start", WORDS))
    end)

    it("finds nothing when none is close", function()
        assert.is_nil(nearest("frobnicate", WORDS))
        assert.is_nil(nearest("handler", WORDS))
        assert.is_nil(nearest("x", {}))
    end)

    it("allows more differences in longer words", function()
        assert.equal("max-connections", nearest("maximum-connection", { "max-connections" }))
    end)

    it("prefers the first of two that are as close", function()
        assert.equal("cat", nearest("bat", { "cat", "hat" }))
    end)
end)
