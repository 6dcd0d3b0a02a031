local context = require "perigee.core.context"
local happy_eyeballs = require "perigee.core.happy_eyeballs"
local perigee = require "perigee"
local testing = require "perigee.testing"

-- How attempts at each address end: { seconds until then, code or nil }.
local function make_attempts(outcomes)
    local log = { begun = {}, closed = {} }
    local started = perigee.now()
    local function attempt(address)
        local seconds, code = unpack(outcomes[address])
        log.begun[#log.begun + 1] = ("%s at %.2f"):format(address, perigee.now() - started)
        local is_ok, reason = perigee.sleep(seconds)
        if not is_ok then
            log.closed[#log.closed + 1] = address
            return nil, reason
        elseif code then
            return nil, code
        end
        return {
            address = address,
            close = function()
                log.closed[#log.closed + 1] = address
            end,
        }
    end
    return attempt, log
end

describe("perigee.core.happy_eyeballs", function()
    before_each(function()
        testing.virtual_clock()
    end)

    local function connect(addresses, outcomes, deadline)
        local attempt, log = make_attempts(outcomes)
        local opened, code = happy_eyeballs.connect(addresses, attempt, deadline)
        perigee.sleep(0) -- those that lost hear of it
        return opened and opened.address, code, log
    end

    it("takes families by turns, and keeps the order within each", function()
        assert.same({ "::1", "1.1", "::2", "1.2", "::3" },
            happy_eyeballs.order { "::1", "::2", "::3", "1.1", "1.2" })
        assert.same({ "1.1", "::1", "1.2", "1.3" },
            happy_eyeballs.order { "1.1", "1.2", "::1", "1.3" })
        assert.same({ "1.1" }, happy_eyeballs.order { "1.1" })
    end)

    it("tries one alone that answers at once", function()
        local address, _, log = connect({ "::1", "1.1" }, { ["::1"] = { 0.1 }, ["1.1"] = { 0 } })
        assert.equal("::1", address)
        assert.same({ "::1 at 0.00" }, log.begun)
    end)

    it("tries the other family after a quarter of a second", function()
        local address, _, log = connect({ "::1", "1.1" }, { ["::1"] = { 60 }, ["1.1"] = { 0.1 } })
        assert.equal("1.1", address)
        assert.same({ "::1 at 0.00", "1.1 at 0.25" }, log.begun)
        assert.same({ "::1" }, log.closed)
    end)

    it("takes the first when it answers after all", function()
        local address, _, log = connect({ "::1", "1.1" }, { ["::1"] = { 0.3 }, ["1.1"] = { 9 } })
        assert.equal("::1", address)
        assert.same({ "1.1" }, log.closed)
    end)

    it("tries the next at once when one has failed", function()
        local address, _, log = connect({ "::1", "::2", "1.1" }, {
            ["::1"] = { 0.1, "refused" }, ["1.1"] = { 0.1, "unreachable" }, ["::2"] = { 0 },
        })
        assert.equal("::2", address)
        assert.same({ "::1 at 0.00", "1.1 at 0.10", "::2 at 0.20" }, log.begun)
    end)

    it("tells why the first has failed when all have", function()
        local address, code = connect({ "::1", "1.1" }, {
            ["::1"] = { 0.1, "unreachable" }, ["1.1"] = { 0.1, "refused" },
        })
        assert.is_nil(address)
        assert.equal("unreachable", code)
    end)

    it("closes one that answers in the same turn as another", function()
        local address, _, log = connect({ "::1", "1.1" }, { ["::1"] = { 0.5 }, ["1.1"] = { 0.25 } })
        assert.equal(1, #log.closed)
        assert.is_true(address ~= log.closed[1])
    end)

    it("ends at the deadline", function()
        local started = perigee.now()
        local _, code, log = connect({ "::1", "1.1" }, { ["::1"] = { 60 }, ["1.1"] = { 60 } },
            perigee.now() + 2)
        assert.equal("timeout", code)
        assert.equal(2, perigee.now() - started)
        assert.same({ "::1", "1.1" }, log.closed)
    end)

    it("ends at a deadline before the second address has its turn", function()
        local _, code, log = connect({ "::1", "1.1" }, { ["::1"] = { 60 }, ["1.1"] = { 60 } },
            perigee.now() + 0.1)
        assert.equal("timeout", code)
        assert.same({ "::1 at 0.00" }, log.begun)
    end)

    it("ends with the context of the task", function()
        local inner, cancel = context.with_cancel(context.current())
        perigee.go(function()
            perigee.sleep(0.1)
            cancel()
        end)
        local attempt, log = make_attempts { ["::1"] = { 60 }, ["1.1"] = { 60 } }
        local _, code = inner:run(happy_eyeballs.connect, { "::1", "1.1" }, attempt)
        perigee.sleep(0)
        assert.equal("canceled", code)
        assert.same({ "::1 at 0.00" }, log.begun)
        assert.same({ "::1" }, log.closed)
    end)

    it("counts an attempt that raises an error as one that failed", function()
        local scheduler = require "perigee.core.scheduler"
        local on_failure, told = scheduler.on_failure, {}
        function scheduler.on_failure(_, failure)
            told[#told + 1] = failure
        end
        local opened, code = happy_eyeballs.connect({ "::1", "1.1" }, function(address)
            error("broken " .. address, 0)
        end)
        scheduler.on_failure = on_failure
        assert.same({ nil, "failed" }, { opened, code })
        assert.same({ "broken ::1", "broken 1.1" }, told)
    end)
end)
