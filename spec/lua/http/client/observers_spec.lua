local observers = require "perigee.http.client.observers"

describe("perigee.http.client.observers", function()
    it("tells each of an attempt and of what came of it", function()
        local told = {}
        local function first(attempt)
            told[#told + 1] = "first " .. attempt.method
            return function(response, code)
                told[#told + 1] = ("first %s %s"):format(tostring(response), code)
            end
        end
        local function second(attempt)
            told[#told + 1] = "second " .. attempt.method
        end
        assert.is_false(observers.are_there())
        observers.install(first)
        observers.install(second)
        assert.is_true(observers.are_there())
        observers.begin({ method = "GET" })(nil, "refused")
        assert.same({ "first GET", "second GET", "first nil refused" }, told)
        observers.remove(first)
        observers.remove(first)
        observers.remove(second)
        assert.is_false(observers.are_there())
    end)
end)
