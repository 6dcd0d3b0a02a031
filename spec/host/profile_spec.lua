local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"
local together = require "spec.support.together"

local SERVICES = {
    ["burner.lua"] = [[
        local http = require "perigee.http"
        local app = http.router()
        local kept = {}
        local function waste_time(rounds)
            local sum = 0
            for i = 1, rounds do
                sum = sum + i % 7
            end
            return sum
        end
        local function answer()
            return "wasted " .. waste_time(3000000)
        end
        app:get("/burn", answer)
        app:get("/quick", function() return "quick" end)
        app:get("/inside", function()
            return coroutine.wrap(function() return answer() end)()
        end)
        app:get("/keep", function()
            for i = 1, 5000 do
                kept[#kept + 1] = { number = i, text = "kept " .. #kept }
            end
            return tostring(#kept)
        end)
        return { http = app }
    ]],
    ["idle.lua"] = "return {}",
    ["endless.lua"] = [[
        local function go_round()
            local i = 0
            while true do i = i + 1 end
        end
        return { http = function() go_round() end }
    ]],
}

-- Asks for `target` again and again until `fn` has returned, and gives what that did. `check` sees
-- every answer.
local function under_load(running, target, fn, check)
    local is_over, result, status = false, nil, nil
    local function ask()
        repeat
            local answer = running:get(target)
            if check then
                check(answer)
            end
        until is_over
    end
    together({ function()
        result, status = fn()
        is_over = true
    end, ask, ask })
    return result, status
end

local function count_of(stacks, pattern)
    local seen = 0
    for _, one in ipairs(stacks) do
        if one.stack:find(pattern) then
            seen = seen + one.count
        end
    end
    return seen
end

describe("a profile", function()
    after_each(host.stop_all)

    local function start(workers)
        return host.start({ services = SERVICES, workers = workers })
    end

    local function sample(running, service, query)
        return running:ask("POST", "/profile/" .. service .. "?" .. (query or "seconds=0.5"))
    end

    -- On a busy machine the service may hardly get to compute while it is watched.
    local function sample_until(running, service, is_enough)
        local report
        eventually(function()
            report = sample(running, service)
            return is_enough(report)
        end, "there are samples enough")
        return report
    end

    it("shows the function that computes most as the widest", function()
        local running = start()
        local report = under_load(running, "/burner/burn", function()
            return sample_until(running, "burner", function(report)
                return report.samples >= 10
            end)
        end)
        assert.equal("burner", report.service)
        assert.equal(0, report.dropped)
        assert.is_true(count_of(report.stacks, ";waste_time %S+burner%.lua:4$")
            > report.samples * 0.6, json.encode(report))
        assert.equal(1, report.workers[1].generation)
    end)

    it("shows a script's own coroutine on top of its task", function()
        local running = start()
        under_load(running, "/burner/inside", function()
            return sample_until(running, "burner", function(report)
                return count_of(report.stacks, "^function perigee/core/scheduler.*;dispatch "
                    .. ".*script_coroutines.*;waste_time") > 0
            end)
        end)
    end)

    it("is of all workers", function()
        local running = start(2)
        local report = under_load(running, "/burner/burn", function()
            return sample(running, "burner")
        end)
        assert.equal(2, #report.workers)
        local samples = 0
        for slot, worker in ipairs(report.workers) do
            assert.equal(slot, worker.worker)
            samples = samples + worker.samples
        end
        assert.equal(report.samples, samples)
    end)

    it("shows a service that never comes back, while its neighbour answers", function()
        local running = start()
        local endless = running:open()
        endless:write("GET /endless HTTP/1.1\r\nHost: spec\r\n\r\n")
        sample_until(running, "endless", function(report)
            return count_of(report.stacks, ";go_round %S+endless%.lua:1") > 0
        end)
        assert.equal("quick", running:body("/burner/quick"))
        endless:close()
    end)

    it("lets the service serve meanwhile", function()
        local running = start()
        local answers = 0
        under_load(running, "/burner/quick", function()
            return sample(running, "burner")
        end, function(answer)
            assert.equal("quick", answer.body)
            answers = answers + 1
        end)
        assert.is_true(answers > 0)
        assert.matches("^wasted %d+$", running:body("/burner/burn"))
    end)

    it("has nothing of a service that computes nothing, nor of its neighbours", function()
        local running = start()
        local report, status = under_load(running, "/burner/burn", function()
            return sample(running, "idle")
        end)
        assert.equal(200, status)
        assert.equal(0, count_of(report.stacks, "/services/"), json.encode(report))
    end)

    it("ends for a generation that is replaced, and the next can be sampled", function()
        local running = start()
        local report = under_load(running, "/burner/burn", function()
            local result
            together({ function()
                result = sample(running, "burner", "seconds=1")
            end, function()
                local _, status = running:ask("POST", "/reload/burner")
                assert.equal(200, status)
            end })
            return result
        end)
        assert.is_number(report.samples)
        assert.equal(200, select(2, sample(running, "burner", "seconds=0.1")))
        assert.equal("quick", running:body("/burner/quick"))
    end)

    it("is one at a time", function()
        local running, statuses = start(), {}
        local function ask()
            local _, status = sample(running, "burner", "seconds=1")
            statuses[status] = (statuses[status] or 0) + 1
        end
        together({ ask, ask, ask })
        assert.same({ [200] = 1, [409] = 2 }, statuses)
    end)

    it("is refused where its question makes no sense", function()
        local running = start()
        local answer, status = sample(running, "nobody")
        assert.equal(404, status)
        assert.matches("'nobody'", answer.error)
        for _, query in ipairs({ "seconds=0", "seconds=61", "seconds=x", "interval_ms=0.1",
            "interval_ms=nan" }) do
            answer, status = sample(running, "burner", query)
            assert.equal(400, status, query)
            assert.matches("must be a number from", answer.error)
        end
    end)
end)

describe("a heap", function()
    after_each(host.stop_all)

    local function holder_of(worker, pattern)
        for _, one in ipairs(worker.holders) do
            if one.path:find(pattern) then
                return one
            end
        end
    end

    it("shows who holds what has leaked", function()
        local running = host.start({ services = SERVICES })
        assert.equal("5000", running:body("/burner/keep"))
        local report = running:ask("POST", "/heap/burner")
        local worker = report.workers[1]
        assert.is_true(worker.is_complete)
        assert.equal(1, worker.generation)
        local leak = holder_of(worker, "%^kept%[%*%]$")
        assert.is_truthy(leak, json.encode(report))
        assert.equal(leak, worker.holders[1])
        assert.is_true(leak.count >= 10000 and leak.size > 500000)
        assert.is_true(worker.size <= worker.heap_size)
        assert.equal("table", worker.types[1].type)
        assert.is_true(worker.types[1].count >= 5000)
    end)

    it("is walked while the service serves", function()
        local running = host.start({ services = SERVICES })
        for _ = 1, 10 do
            running:body("/burner/keep")
        end
        local answers = 0
        local report = under_load(running, "/burner/quick", function()
            return running:ask("POST", "/heap/burner")
        end, function(answer)
            assert.equal("quick", answer.body)
            answers = answers + 1
        end)
        assert.is_true(report.workers[1].is_complete)
        assert.is_true(answers > 0)
    end)

    it("of a service close to its limit can be walked", function()
        local running = host.start({ services = { ["full.lua"] = [[
            local kept = {}
            return {
                limits = { memory = "4MB" },
                http = function()
                    for i = 1, 20000 do kept[i] = { i } end
                    return tostring(#kept)
                end,
            }
        ]] } })
        assert.equal("20000", running:body("/full"))
        local worker = running:ask("POST", "/heap/full").workers[1]
        assert.is_true(worker.is_complete)
        assert.is_truthy(holder_of(worker, "%^kept%[%*%]$"), json.encode(worker))
        assert.equal("20000", running:body("/full"))
    end)

    it("is told by worker, also where the service does not run", function()
        local running = host.start({ services = { ["one.lua"] = "return { replicas = 1 }" },
            workers = 2 })
        local errors = 0
        for _, worker in ipairs(running:ask("POST", "/heap/one").workers) do
            if worker.error then
                assert.matches("does not run in this worker", worker.error)
                errors = errors + 1
            end
        end
        assert.equal(1, errors)
    end)
end)

describe("perigee profile", function()
    local folder

    before_each(function()
        folder = temporary.new()
    end)

    after_each(function()
        host.stop_all()
        folder:destroy()
    end)

    local function run(running, ...)
        return program.run({ "profile", "--admin", running.admin, ... },
            { directory = folder.path })
    end

    it("writes a flame graph, and folded stacks", function()
        local running = host.start({ services = SERVICES })
        under_load(running, "/burner/burn", function()
            local status, output = run(running, "burner", "--seconds", "0.5")
            assert.equal(0, status)
            assert.matches("^burner%.svg: %d+ samples in 0%.5 s of 1 worker", output)
            assert.matches('data%-name="waste_time [^"]*burner%.lua:4"', folder:read("burner.svg"))
            status, output = run(running, "burner", "--seconds", "0.5", "--folded", "--output", "-")
            assert.equal(0, status)
            assert.matches("\n?[^\n]+;waste_time [^\n]*burner%.lua:4 %d+\n", output)
        end)
    end)

    it("tells what a heap holds", function()
        local running = host.start({ services = SERVICES })
        running:body("/burner/keep")
        local status, output = run(running, "burner", "--heap")
        assert.equal(0, status)
        assert.matches("^worker 1, generation 1: a heap of [%d.]+ MB", output)
        assert.matches("KB +%d+ +service%.http%S+ ^kept%[%*%]\n", output)
    end)

    it("says what is wrong", function()
        local running = host.start({ services = SERVICES })
        local status, _, log = run(running, "nobody")
        assert.equal(1, status)
        assert.matches("there is no service 'nobody'", log)
        for _, arguments in ipairs({ {}, { "a", "b" }, { "a", "--heap", "--folded" },
            { "a", "--seconds", "61" } }) do
            assert.equal(2, (run(running, unpack(arguments))))
        end
        status, _, log = run(running, "idle", "--seconds", "0.1", "--output", "none/x.svg")
        assert.equal(1, status)
        assert.matches("none/x%.svg", log)
    end)
end)
