local limits = require "perigee.service.limits"

describe("perigee.service.limits", function()
    local function refuse(given, pattern)
        local is_fit, message = limits.check(given)
        assert.is_nil(is_fit)
        assert.matches(pattern, message)
    end

    it("reads sizes", function()
        assert.equal(64 * 1024 * 1024, limits.parse_size("64MB"))
        assert.equal(1024, limits.parse_size("1 KB"))
        assert.equal(2 ^ 30, limits.parse_size("1GB"))
        assert.equal(12, limits.parse_size("12"))
        assert.equal(1.5, limits.parse_size(1.5))
        for _, text in ipairs({ "", "MB", "-1", "1.5MB", "1TB", "1mb", "0x10" }) do
            assert.is_nil(limits.parse_size(text))
        end
        assert.is_nil(limits.parse_size(0))
        assert.is_nil(limits.parse_size(-1))
    end)

    it("takes all there are", function()
        assert.is_true(limits.check({ memory = "64MB", body = 1024, drain = 0.5, rate = 0.5,
            burst = 10, concurrency = 1, queue = 0, tasks = 100, timers = 0, messages = 5,
            websockets = 1, cpu_s = 0.5 }))
    end)

    it("says what each must be", function()
        refuse({ memroy = 1 }, "^limits%.memroy is not a limit: did you mean limits%.memory%?$")
        refuse({ frobnicate = 1 }, "^limits%.frobnicate is not a limit; there are body, burst")
        refuse({ memory = "much" }, "^limits%.memory must be a size such as \"64MB\", got much$")
        refuse({ drain = -1 }, "^limits%.drain must be seconds, got %-1$")
        refuse({ drain = 0 / 0 }, "^limits%.drain must be seconds")
        refuse({ tasks = 1.5 }, "^limits%.tasks must be a whole number from 0, got 1%.5$")
        refuse({ tasks = {} }, "^limits%.tasks must be a whole number from 0, got a table$")
        refuse({ rate = 0 }, "^limits%.rate must be a number a second, above 0, got 0$")
        refuse({ rate = 1 / 0 }, "^limits%.rate must be a number a second")
    end)

    it("is described whole in docs/limits.md", function()
        local text = assert(io.open("docs/limits.md")):read("*a")
        for _, name in ipairs(limits.NAMES) do
            assert.matches("\n|[^|]*`" .. name .. "`[^|]*|", text)
        end
    end)

    it("holds a service to the tighter of its own limits and its operator's", function()
        assert.same({ memory = 2048, tasks = 5, rate = 10, queue = 3 },
            limits.effective({ memory = "4KB", tasks = 5, queue = 3 },
                { memory = "2KB", tasks = 10, rate = 10 }))
    end)
end)
