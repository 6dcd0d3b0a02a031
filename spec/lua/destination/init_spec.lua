--- perigee.destination: which instance a call goes to, what is tried again, what is refused. Time
-- is virtual, and instances are functions.
local context = require "perigee.context"
local destination = require "perigee.destination"
local hop = require "perigee.core.hop"
local perigee = require "perigee"
local registry = require "perigee.registry"
local testing = require "perigee.testing"

local it = require "spec.support.under_seeds"(it)

describe("perigee.destination", function()
    local known, opened

    before_each(function()
        testing.virtual_clock()
        known, opened = registry.open "embedded", {}
    end)

    after_each(function()
        for _, one in ipairs(opened) do
            one:close()
        end
        known:close()
    end)

    local function register(...)
        for _, id in ipairs { ... } do
            known:register({ service = "users", id = id, address = "10.0.0.1:80" }):wait(1)
        end
    end

    local function open(options)
        local one = destination.open("users", options, known)
        opened[#opened + 1] = one
        return one
    end

    -- A request whose attempts are answered by `answers`, functions by id, or one for all.
    local function request_of(answers, options)
        local request = { method = "Get", log = {} }
        for name, value in pairs(options or {}) do
            request[name] = value
        end
        function request.attempt(instance, attempt)
            request.log[#request.log + 1] = instance.id
            local answer = type(answers) == "table" and answers[instance.id] or answers
            return answer(attempt, instance)
        end
        return request
    end

    local function fail_with(code)
        return function()
            return nil, code, "it fails"
        end
    end

    local function refuse(attempt)
        attempt.is_unsent = true
        return nil, "refused", "nobody is there"
    end

    local function name_of(_, instance)
        return instance.id
    end

    it("returns what an instance answers, and nil values too", function()
        register("a")
        local one = open()
        assert.equal("a", one:call(request_of(name_of)))
        assert.same({ n = 4 }, { n = select("#", one:call(request_of(function() end))),
            one:call(request_of(function() end)) })
        assert.same({ nil, "failed", "text", "data" }, { one:call(request_of(function()
            return nil, "failed", "text", "data"
        end)) })
        assert.equal(4, destination.counters().users.instances.a.requests)
        assert.equal(0, destination.counters().users.failures)
    end)

    it("says that there is nobody, and for how long", function()
        local one = open()
        local _, code, detail = one:call(request_of(name_of))
        assert.equal("not_found", code)
        assert.equal("no instances of users (registry says 0 for 0 s)", detail)
        perigee.sleep(62)
        assert.equal("no instances of users (registry says 0 for 62 s)",
            select(3, one:call(request_of(name_of))))
        register("a")
        assert.equal("a", one:call(request_of(name_of)))
    end)

    it("lets an error of the attempt pass, and gives its place back", function()
        register("a")
        local one = open { bulkhead = { calls = 1, queued = 0 } }
        for _ = 1, 3 do
            assert.error_matches(function()
                one:call(request_of(function() error("it breaks", 0) end))
            end, "^it breaks$")
        end
        assert.equal("a", one:call(request_of(name_of)))
        assert.equal(0, destination.counters().users.in_flight)
    end)

    describe("elsewhere", function()
        it("goes what has not run, whatever it is, to each once and three at most", function()
            register("a", "b", "c", "d")
            local one = open { ejection = false }
            local request = request_of(refuse)
            assert.equal("refused", select(2, one:call(request)))
            assert.equal(3, #request.log)
            assert.is_true(request.log[1] ~= request.log[2] and request.log[2] ~= request.log[3]
                and request.log[1] ~= request.log[3])
            local counters = destination.counters().users
            assert.equal(2, counters.elsewhere)
            assert.equal(0, counters.retries)
            assert.equal(1, counters.failures)
        end)

        it("goes nothing when there is nobody else", function()
            register("a")
            local request = request_of(refuse)
            open():call(request)
            assert.same({ "a" }, request.log)
        end)

        it("goes nothing that may have run", function()
            register("a", "b")
            local request = request_of(fail_with "closed", { is_idempotent = true })
            open():call(request)
            assert.equal(1, #request.log)
        end)

        it("goes what comes next when one takes no connection", function()
            register("a", "b", "c")
            local one = open { policy = "round_robin" }
            local answers = { a = refuse, b = name_of, c = name_of }
            for _ = 1, 6 do
                one:call(request_of(answers))
            end
            local asked = request_of(answers)
            for _ = 1, 10 do
                one:call(asked)
            end
            for _, id in ipairs(asked.log) do
                assert.not_equal("a", id)
            end
            assert.is_true(destination.counters().users.instances.a.is_ejected)
            assert.equal(1, destination.counters().users.instances.a.ejections)
            perigee.sleep(6)
            local later = request_of(name_of)
            for _ = 1, 40 do
                one:call(later)
            end
            assert.matches("a", table.concat(later.log))
        end)
    end)

    describe("retries", function()
        local function attempts_of(options, request_options, code)
            local one = open(options)
            local request = request_of(fail_with(code or "closed"), request_options)
            one:call(request)
            return #request.log
        end

        it("are off unless asked for, and only for what may be made twice", function()
            register("a", "b", "c")
            assert.equal(1, attempts_of({}, { is_idempotent = true }))
            assert.equal(1, attempts_of({ retries = true }, {}))
            assert.equal(3, attempts_of({ retries = true }, { is_idempotent = true }))
            assert.equal(2, attempts_of({ retries = { attempts = 2 } }, { is_idempotent = true }))
            assert.equal(4, attempts_of({}, { is_idempotent = true,
                retries = { attempts = 4 } }))
            assert.equal(1, attempts_of({ retries = true }, { is_idempotent = true,
                retries = false }))
        end)

        it("are made of what says that the instance is ill, and of nothing else", function()
            register("a", "b", "c")
            local wanted = { closed = 3, timeout = 3, unavailable = 3, refused = 3, eof = 3,
                failed = 1, not_found = 1, invalid = 1, canceled = 1, full = 1, malformed = 1 }
            for code, count in pairs(wanted) do
                assert.equal(count, attempts_of({ retries = true }, { is_idempotent = true },
                    code), code)
            end
        end)

        it("go to another instance, and to one that was tried when there is no other", function()
            register("a", "b")
            local request = request_of(fail_with "closed", { is_idempotent = true })
            open { retries = true }:call(request)
            assert.not_equal(request.log[1], request.log[2])
            assert.equal(3, #request.log)
        end)

        it("wait by chance, and as long as the instance says", function()
            register("a")
            local one = open { retries = true }
            local started = perigee.now()
            one:call(request_of(fail_with "closed", { is_idempotent = true }))
            assert.is_true(perigee.now() - started <= 0.1)
            started = perigee.now()
            one:call(request_of(function(attempt)
                attempt.retry_after_s = attempt.number == 1 and 7 or nil
                return nil, "unavailable"
            end, { is_idempotent = true }))
            assert.is_true(perigee.now() - started >= 7)
            local request = request_of(function(attempt)
                attempt.retry_after_s = -1
                return nil, "unavailable"
            end, { is_idempotent = true })
            one:call(request)
            assert.equal(1, #request.log)
        end)

        it("share the time there is, and end with it", function()
            register("a")
            local times = {}
            local one = open { retries = true }
            local request = request_of(function(attempt)
                times[#times + 1] = attempt.deadline - perigee.now()
                perigee.sleep(attempt.deadline - perigee.now())
                return nil, "timeout"
            end, { is_idempotent = true, timeout_s = 9 })
            local started = perigee.now()
            assert.equal("timeout", select(2, one:call(request)))
            assert.equal(3, #times)
            assert.is_true(times[1] == 3 and times[2] > 2.9 and times[2] <= 3)
            assert.is_true(perigee.now() - started <= 9.001)
            -- A pause that would last too long is not begun.
            request = request_of(function(attempt)
                attempt.retry_after_s = 10
                return nil, "unavailable"
            end, { is_idempotent = true, timeout_s = 9 })
            started = perigee.now()
            one:call(request)
            assert.equal(started, perigee.now())
        end)

        it("end with the context of the task", function()
            register("a")
            local one = open { retries = true }
            local within = context.with_timeout(context.current(), 5)
            within:run(function()
                local started = perigee.now()
                local request = request_of(function(attempt)
                    assert.equal(5, math.floor(within:deadline() - started + 0.5))
                    assert.is_true(attempt.deadline <= within:deadline())
                    return nil, "closed"
                end, { is_idempotent = true, timeout_s = 100 })
                one:call(request)
                assert.equal(3, #request.log)
            end)
        end)

        it("stop when the budget is spent, and come back with successes", function()
            register("a")
            local one = open { retries = true, breaker = false, ejection = false }
            local request = request_of(fail_with "closed", { is_idempotent = true })
            for _ = 1, 20 do
                one:call(request)
            end
            -- Ten tokens: the fifth failure is the first that may not be followed.
            assert.equal(20 + 3, #request.log)
            local counters = destination.counters().users
            assert.equal(3, counters.retries)
            assert.equal(19, counters.budget_exhausted)
            for _ = 1, 100 do
                one:call(request_of(name_of))
            end
            request.log = {}
            one:call(request)
            assert.equal(3, #request.log)
        end)

        it("have no end but their own where the budget is off", function()
            register("a")
            local one = open { retries = true, breaker = false, ejection = false,
                budget = false }
            local request = request_of(fail_with "closed", { is_idempotent = true })
            for _ = 1, 50 do
                one:call(request)
            end
            assert.equal(150, #request.log)
            assert.equal(0, destination.counters().users.tokens)
        end)

        it("are not made of what is a retry itself", function()
            register("a", "b")
            local one = open { retries = true }
            local again = hop.with_previous_attempts(context.current(), 1)
            local request = request_of(fail_with "closed", { is_idempotent = true })
            again:run(function()
                one:call(request)
            end)
            assert.equal(1, #request.log)
        end)

        it("tell how many there were before", function()
            register("a", "b")
            local one, seen = open { retries = true }, {}
            one:call(request_of(function(attempt)
                seen[#seen + 1] = attempt.previous
                return nil, "closed"
            end, { is_idempotent = true }))
            assert.same({ 0, 1, 2 }, seen)
        end)

        it("are not made once an answer is passed on", function()
            register("a", "b")
            local one = open { retries = true }
            local request = request_of(function(attempt)
                assert.is_true(attempt:may_be_followed())
                assert.is_true(attempt:claim())
                return nil, "closed"
            end, { is_idempotent = true })
            one:call(request)
            assert.equal(1, #request.log)
        end)
    end)

    describe("the breaker", function()
        local function fail_often(one, method, count)
            for _ = 1, count do
                one:call(request_of(fail_with "closed", { method = method }))
            end
        end

        it("refuses calls of a method whose calls fail, and says so", function()
            register("a")
            local one = open()
            fail_often(one, "Get", 200)
            local counters = destination.counters().users
            assert.is_true(counters.rejected_by_breaker > 50)
            assert.equal(200, counters.rejected_by_breaker + counters.instances.a.requests)
            local code, detail
            repeat
                local _
                _, code, detail = one:call(request_of(fail_with "closed"))
            until code == "rejected"
            assert.matches("^rejected by breaker for users/Get %(%d+ %%%)$", detail)
            assert.equal("a", one:call(request_of(name_of, { method = "Set" })))
            assert.is_true(counters.breakers.Get.refusal > 0.9)
        end)

        it("does not open for who takes no connection while another does", function()
            register("a", "b", "c")
            local one = open { ejection = false }
            local answers = { a = refuse, b = refuse, c = name_of }
            for _ = 1, 300 do
                assert.equal("c", one:call(request_of(answers)))
            end
            answers.c = refuse
            fail_often(one, "Get", 1)
            for _ = 1, 300 do
                one:call(request_of(answers))
            end
            assert.is_true(destination.counters().users.breakers.Get.refusal > 0.2)
        end)

        it("is off where it was turned off", function()
            register("a")
            local one = open { breaker = false }
            fail_often(one, "Get", 100)
            assert.equal(0, destination.counters().users.rejected_by_breaker)
            local other = open()
            for _ = 1, 100 do
                other:call(request_of(fail_with "closed", { breaker = false }))
            end
            assert.equal(0, destination.counters().users.rejected_by_breaker)
        end)

        it("does not open for mistakes of callers, nor for who gives up", function()
            register("a")
            local one = open()
            for _ = 1, 200 do
                one:call(request_of(fail_with "failed"))
                one:call(request_of(fail_with "canceled"))
                one:call(request_of(fail_with "full"))
            end
            assert.equal(0, destination.counters().users.rejected_by_breaker)
        end)

        it("closes by itself when answers come again", function()
            register("a")
            local one = open { ejection = false }
            fail_often(one, "Get", 200)
            for _ = 1, 600 do
                perigee.sleep(0.1)
                one:call(request_of(name_of))
            end
            assert.equal(0, destination.counters().users.breakers.Get.refusal)
        end)

        it("keeps a bounded number of methods", function()
            register("a")
            local one = open()
            for i = 1, 300 do
                one:call(request_of(name_of, { method = "M" .. i }))
            end
            local count = 0
            for _ in pairs(destination.counters().users.breakers) do
                count = count + 1
            end
            assert.equal(101, count)
        end)
    end)

    describe("the bulkhead", function()
        -- Calls that last until the channel is closed; what each returned is in the list.
        local function start(one, count, options)
            local gate, results = perigee.chan(), {}
            for i = 1, count do
                perigee.go(function()
                    results[i] = { one:call(request_of(function()
                        gate:recv()
                        return i
                    end, options)) }
                end)
            end
            perigee.sleep(0.001)
            return gate, results
        end

        it("lets so many run, so many wait, and refuses the next", function()
            register("a")
            local one = open { bulkhead = { calls = 2, queued = 3 } }
            local gate, results = start(one, 6)
            assert.same({ nil, "full",
                "rejected by bulkhead for users: 2 calls are under way and 3 wait" }, results[6])
            local counters = destination.counters().users
            assert.equal(2, counters.in_flight)
            assert.equal(3, counters.queued)
            assert.equal(1, counters.rejected_by_bulkhead)
            gate:close()
            perigee.sleep(0.001)
            for i = 1, 5 do
                assert.equal(i, results[i][1])
            end
            assert.equal(0, destination.counters().users.queued)
        end)

        it("lets nobody wait longer than they have", function()
            register("a")
            local one = open { bulkhead = { calls = 1, queued = 3 } }
            local gate = start(one, 1)
            local started = perigee.now()
            local _, code = one:call(request_of(name_of, { timeout_s = 2 }))
            assert.equal("timeout", code)
            assert.equal(2, perigee.now() - started)
            gate:close()
            assert.equal("a", one:call(request_of(name_of)))
        end)

        it("gives the place of who gave up waiting to nobody twice", function()
            register("a")
            local one = open { bulkhead = { calls = 1, queued = 3 } }
            local gate = start(one, 1)
            local waiting = perigee.go(function()
                return one:call(request_of(name_of))
            end)
            perigee.sleep(0.001)
            waiting:cancel()
            assert.equal("canceled", select(3, waiting:join()))
            gate:close()
            perigee.sleep(0.001)
            for _ = 1, 3 do
                assert.equal("a", one:call(request_of(name_of)))
            end
            assert.equal(0, destination.counters().users.in_flight)
        end)
    end)

    describe("hedging", function()
        -- Attempts that take as long as `seconds` says for each, by its number.
        local function slow(seconds, ends)
            return function(attempt)
                local is_over, reason = perigee.sleep(seconds[attempt.number])
                ends[#ends + 1] = is_over and attempt.number or reason
                if not is_over then
                    return nil, reason
                end
                return attempt.number
            end
        end

        local function hedged(seconds, options)
            local ends, one = {}, open(options or { hedge = { after_s = 0.2 } })
            local started = perigee.now()
            local value, code = one:call(request_of(slow(seconds, ends),
                { is_idempotent = true }))
            local took_s = perigee.now() - started
            perigee.sleep(10)
            return value, code, took_s, ends
        end

        it("asks a second one when the first is slow, and cancels who is not first", function()
            register("a", "b")
            local value, _, took_s, ends = hedged { 1, 0.1 }
            assert.equal(2, value)
            assert.is_true(math.abs(took_s - 0.3) < 0.001)
            assert.same({ 2, "canceled" }, ends)
            assert.equal(1, destination.counters().users.hedges)
            assert.equal(0, destination.counters().users.in_flight)
            value, _, took_s, ends = hedged { 0.25, 1 }
            assert.equal(1, value)
            assert.is_true(math.abs(took_s - 0.25) < 0.001)
            assert.same({ 1, "canceled" }, ends)
        end)

        it("asks nobody while the first is quick, or has failed", function()
            register("a", "b")
            local _, _, _, ends = hedged { 0.1, 1 }
            assert.same({ 1 }, ends)
            local request = request_of(fail_with "closed", { is_idempotent = true })
            open { hedge = { after_s = 0.1 } }:call(request)
            assert.equal(1, #request.log)
            assert.equal(0, destination.counters().users.hedges)
        end)

        it("takes the other when one fails", function()
            register("a", "b")
            local function answer(attempt)
                perigee.sleep(attempt.number == 1 and 0.5 or 0.6)
                if attempt.number == 1 then
                    return nil, "closed"
                end
                return "second"
            end
            assert.equal("second", open { hedge = { after_s = 0.1 } }:call(request_of(answer,
                { is_idempotent = true })))
        end)

        it("is off unless asked for, for what may be made twice, and where two are", function()
            register("a")
            local _, _, _, ends = hedged { 1 }
            assert.same({ 1 }, ends)
            register("b")
            _, _, _, ends = hedged({ 1, 0.1 }, {})
            assert.same({ 1 }, ends)
            ends = {}
            open { hedge = { after_s = 0.2 } }:call(request_of(slow({ 1, 0.1 }, ends)))
            assert.same({ 1 }, ends)
            ends = {}
            hop.with_previous_attempts(context.current(), 1):run(function()
                open { hedge = { after_s = 0.2 } }:call(request_of(slow({ 1, 0.1 }, ends),
                    { is_idempotent = true }))
            end)
            assert.same({ 1 }, ends)
        end)

        it("waits for the p95 of the last minute, when enough is known", function()
            register("a", "b")
            local one, ends = open { hedge = true }, {}
            for _ = 1, 30 do
                one:call(request_of(slow({ 0.1 }, ends), { is_idempotent = true }))
            end
            assert.equal(0, destination.counters().users.hedges)
            local started = perigee.now()
            assert.equal(2, one:call(request_of(slow({ 9, 0.01 }, ends), { is_idempotent = true })))
            local took_s = perigee.now() - started
            assert.is_true(took_s > 0.1 and took_s < 0.14, tostring(took_s))
        end)

        it("has the budget of retries, so hedges stay few", function()
            register("a", "b")
            local one, ends = open { hedge = { after_s = 0.1 } }, {}
            for _ = 1, 200 do
                one:call(request_of(slow({ 0.3, 0.3 }, ends), { is_idempotent = true }))
            end
            local counters = destination.counters().users
            assert.is_true(counters.hedges >= 5 and counters.hedges <= 30,
                tostring(counters.hedges))
            assert.equal(200, counters.hedges + counters.budget_exhausted)
        end)

        it("has one attempt pass its answer on", function()
            register("a", "b")
            local claims = {}
            local value = open { hedge = { after_s = 0.1 } }:call(request_of(function(attempt)
                perigee.sleep(attempt.number == 1 and 0.2 or 0.05)
                claims[attempt.number] = attempt:claim()
                if not claims[attempt.number] then
                    return nil, "canceled"
                end
                -- What is passed on may take its time, and nobody else comes first any more.
                perigee.sleep(3)
                return attempt.number
            end, { is_idempotent = true }))
            perigee.sleep(5)
            assert.equal(2, value)
            assert.same({ false, true }, claims)
        end)

        it("ends with the context of the task, and with an error of an attempt", function()
            register("a", "b")
            local ends, one = {}, open { hedge = { after_s = 0.1 } }
            local code
            context.with_timeout(context.current(), 0.5):run(function()
                code = select(2, one:call(request_of(slow({ 9, 9 }, ends),
                    { is_idempotent = true })))
            end)
            assert.equal("timeout", code)
            perigee.sleep(1)
            assert.same({ "timeout", "timeout" }, ends)
            assert.equal(0, destination.counters().users.in_flight)
            assert.error_matches(function()
                one:call(request_of(function()
                    perigee.sleep(0.2)
                    error("it breaks", 0)
                end, { is_idempotent = true }))
            end, "^it breaks$")
        end)
    end)

    -- What fn raises, without the place, which is in this file.
    local function raised_by(fn)
        local is_ok, problem = pcall(fn)
        assert.is_false(is_ok)
        return problem:match("init_spec%.lua:%d+: (.*)$")
    end

    it("says what is wrong with its options, in the line that gives them", function()
        local function problem_of(options)
            return raised_by(function()
                destination.open("users", options, known)
            end):match("^destination%.open: (.*)$")
        end
        assert.matches("^there is no option 'retry'; there are breaker, budget,",
            problem_of { retry = true })
        assert.equal("retries.attempts must be a whole number from 1, got 0",
            problem_of { retries = { attempts = 0 } })
        assert.equal("retries has no setting 'count'; there are attempts",
            problem_of { retries = { count = 2 } })
        assert.equal("bulkhead must be a table of settings, true or false, got 5",
            problem_of { bulkhead = 5 })
        assert.matches("^health must say what is asked", problem_of { health = true })
        assert.matches("^health needs a path", problem_of { health = { path = "/a", tcp = true } })
        assert.matches("^health needs a path", problem_of { health = {} })
        assert.matches("^there is no policy 'best', only", problem_of { policy = "best" })
        assert.equal("destination.open takes the name of a service, got 5", raised_by(function()
            destination.open(5)
        end))
        assert.matches("^destination:call: retries%.attempts must be a whole number",
            raised_by(function()
                register("a")
                open():call(request_of(name_of, { retries = { attempts = "x" } }))
            end))
        assert.matches("^destination:call takes", raised_by(function()
            open():call({})
        end))
    end)

    it("picks by key where the policy does, and misses none", function()
        register("a", "b", "c")
        local one = open { policy = "consistent_hash", bulkhead = { calls = 1, queued = 0 } }
        local first = one:call(request_of(name_of, { key = "k" }))
        for _ = 1, 10 do
            assert.equal(first, one:call(request_of(name_of, { key = "k" })))
            assert.matches("consistent_hash picks by key, a string, got nil", raised_by(function()
                one:call(request_of(name_of))
            end))
        end
    end)

    it("is opened for a service, not for a call", function()
        local problem
        for _ = 1, 1001 do
            local is_ok, message = pcall(open)
            problem = not is_ok and message or problem
        end
        assert.matches("destination%.open: 1000 are open; open one for a service", problem)
            table.remove(opened):close()
        open()
    end)

    it("takes what was configured where nothing else is said", function()
        register("a", "b")
        destination.configure("users", { retries = true })
        local request = request_of(fail_with "closed", { is_idempotent = true })
        open():call(request)
        assert.equal(3, #request.log)
        request.log = {}
        open({}):call(request)
        assert.equal(1, #request.log)
        destination.configure("users", {})
        assert.matches("^destination%.configure: there is no option 'x'", raised_by(function()
            destination.configure("users", { x = 1 })
        end))
    end)
end)
