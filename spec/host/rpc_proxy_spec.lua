--- Services that call each other by proxies, in one worker and from one to another.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local stream = require "perigee.core.stream"

local CALCULATOR = [[
local context = require "perigee.context"
local log = require "perigee.log"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local gate = perigee.chan()
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Nothing()
end

function Calculator.Echo(value)
    return value
end

function Calculator.Divide()
    return nil, "divide by zero"
end

function Calculator.Raise()
    error("overflow")
end

function Calculator.Coded()
    return nil, rpc.error(7, "seven", { why = "so" })
end

function Calculator.Function()
    return function() end
end

function Calculator.Hang()
    log.info("hanging began")
    local _, _, reason = gate:recv()
    log.info("hanging ended", { reason = reason })
end

function Calculator.Remaining()
    local deadline = context.current():deadline()
    return deadline and deadline - perigee.now()
end

function Calculator.Twice(number)
    return rpc.service("Calculator"):call("Add", { A = number, B = number })
end

Calculator.Count = rpc.stream {
    args = "int", item = "int",
    fn = function(last, _, send)
        for number = 1, last do
            local is_sent, code = send(number)
            if not is_sent then
                log.info("counting ended", { number = number, code = code })
                return nil, code
            end
        end
        return "counted"
    end,
}

Calculator.Mean = rpc.method {
    args = "[]int", reply = "float64",
    fn = function(numbers)
        return (numbers[1] + numbers[2]) / 2
    end,
}

return { REPLICAS rpc = { Calculator = Calculator } }
]]

local CALLER = [[
local context = require "perigee.context"
local json = require "perigee.json"
local log = require "perigee.log"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local calculator = rpc.service("Calculator")
local cases = {}

function cases.values()
    return calculator:call("Add", { A = 10, B = 5 }), calculator:call("Nothing"),
        calculator:call("Echo", "text"), calculator:call("Echo", false),
        calculator:call("Echo", { list = { 1, 2, { deep = true } } }), calculator:call("Twice", 4),
        calculator:call("Echo", 9007199254740993LL) == 9007199254740993LL
end

function cases.divide() return calculator:call("Divide") end
function cases.raise() return calculator:call("Raise") end
function cases.coded() return calculator:call("Coded") end
function cases.result() return calculator:call("Function") end
function cases.method() return calculator:call("Sub") end
function cases.service() return rpc.service("Other"):call("Add") end
function cases.notify_service() return rpc.service("Other"):notify("Add") end
function cases.types() return calculator:call("Mean", { 1, "two" }) end
function cases.mean() return calculator:call("Mean", { 1, 2 }) end

local function sum_of(items)
    local sum = 0
    for item in items do
        sum = sum + item
    end
    return sum, items:result()
end

function cases.stream()
    local items = calculator:stream("Count", 1000)
    local sum, result = sum_of(items)
    local none, none_result = sum_of(calculator:stream("Count", 0, { credit = 1 }))
    return sum, result, none, none_result, calculator:call("Count", 3)
end

function cases.stream_failures()
    local wrong, failed = calculator:stream("Count", "x"), calculator:stream("Divide")
    local _, is_ok, code = wrong:recv()
    local _, code2, detail2 = select(2, sum_of(failed))
    local _, code3 = rpc.service("Other"):stream("Count")
    return is_ok, code, code2, detail2, code3, calculator:stream("Echo", 7):recv()
end

function cases.stream_close()
    local items = calculator:stream("Count", 1e6, { credit = 4 })
    local first = items:recv()
    items:close()
    local _, code = items:result()
    return first, code
end

function cases.stream_context()
    local inner, cancel = context.with_cancel(context.current())
    local items = inner:run(calculator.stream, calculator, "Count", 1e6, { credit = 4 })
    local first = items:recv()
    cancel()
    perigee.sleep(0)
    local _, code, detail = items:result()
    return first, code, detail
end

function cases.stream_select()
    local items, sum = calculator:stream("Count", 3), 0
    while true do
        local _, item, is_ok = perigee.select { { items, "recv" }, timeout = 10 }
        if not is_ok then
            return sum, (items:result())
        end
        sum = sum + item
    end
end

local function text_of_error(fn, ...)
    local _, message = pcall(fn, ...)
    return message
end

function cases.errors()
    return text_of_error(function()
        calculator:call("Add", { f = print })
    end), text_of_error(function()
        calculator:notify("Add", { f = print })
    end), text_of_error(function()
        calculator:go("Add", { f = print })
    end), text_of_error(function()
        calculator:call(nil)
    end), text_of_error(function()
        calculator:call("Add", 1, { timeout = 1 })
    end), text_of_error(function()
        rpc.service(12)
    end), text_of_error(function()
        calculator:use(12)
    end)
end

function cases.timeout() return calculator:call("Hang", nil, { timeout_s = 0.1 }) end

function cases.cancel()
    local inner, cancel = context.with_cancel(context.current())
    perigee.after_func(0.1, cancel)
    return inner:run(calculator.call, calculator, "Hang")
end

function cases.deadline()
    local inner = context.with_timeout(context.current(), 30)
    return inner:run(function()
        return calculator:call("Remaining"), calculator:call("Remaining", nil, { timeout_s = 20 }),
            calculator:call("Remaining", nil, { timeout_s = 40 })
    end)
end

function cases.future()
    local sum, failure = calculator:go("Add", { A = 1, B = 2 }), calculator:go("Divide")
    local text = tostring(sum)
    local a, b, c, d = sum:wait(), sum:wait(), failure:wait()
    return text, tostring(sum), a, b, tostring(c), d, sum:cancel()
end

function cases.future_timeout()
    local future = calculator:go("Hang")
    local _, code, detail = future:wait(0.01)
    local is_canceled = future:cancel()
    local _, canceled = future:wait()
    return code, detail, is_canceled, canceled
end

function cases.select()
    local hanging, sum = calculator:go("Hang"), calculator:go("Add", { A = 1, B = 2 })
    local number, value = perigee.select { { hanging }, { sum } }
    hanging:cancel()
    local failed, nothing, code = perigee.select { { hanging } }
    return number, value, failed, tostring(nothing), code
end

function cases.middleware()
    local wrapped, seen = rpc.service("Calculator"), {}
    wrapped:use(function(next)
        return function(method, args, call)
            seen[#seen + 1] = "a " .. method .. " " .. call.kind
            return next(method, args, call)
        end
    end, function(next)
        return function(method, args, call)
            seen[#seen + 1] = "b " .. tostring(call.options and call.options.timeout_s)
            if type(args) == "table" then
                args.A = args.A * 2
            end
            return next(method, args, call)
        end
    end)
    return wrapped:call("Add", { A = 1, B = 1 }, { timeout_s = 10 }),
        wrapped:go("Add", { A = 2, B = 2 }):wait(), wrapped:notify("Add", { A = 1, B = 1 }),
        (sum_of(wrapped:stream("Count", 3))), seen
end

function cases.many()
    local sum, group = 0, perigee.group()
    for number = 1, 1000 do
        group:go(function()
            local result = calculator:call("Add", { A = number, B = 1 })
            sum = sum + result
        end)
    end
    group:wait()
    return sum
end

function cases.hang() return calculator:call("Hang") end

function cases.full()
    local futures = {}
    for i = 1, 4 do
        futures[i] = calculator:go("Hang", nil, { timeout_s = 10 })
    end
    perigee.sleep(0)
    local _, code = calculator:call("Add", { A = 1, B = 1 })
    for i = 1, 4 do
        futures[i]:cancel()
        futures[i]:wait()
    end
    -- Those that are cancelled end in their own time.
    local sum, reason
    repeat
        sum, reason = calculator:call("Add", { A = 1, B = 1 })
    until reason ~= "unavailable"
    return code, sum
end

-- Without the nils at the end.
local function pack(...)
    local list, count = { ... }, select("#", ...)
    while list[count] == nil and count > 0 do
        count = count - 1
    end
    for i = 1, count do
        list[i] = list[i] == nil and json.null or list[i]
    end
    return list
end

local app = require("perigee.http").router()
app:get("/:case", function(request)
    return pack(cases[request.params.case]())
end)
local Front = { Hang = cases.hang }
return { REPLICAS http = app, mount = "/", rpc = { Front = Front } }
]]

local NULL = json.null

for _, workers in ipairs({ 1, 2 }) do
    describe(workers == 1 and "a call by proxy" or "a call by proxy to another worker", function()
        local running
        -- Of two services with one replica each worker has one.
        local replicas = workers == 1 and "" or "replicas = 1,"
        local caller = CALLER:gsub("REPLICAS", replicas)

        local function serve(flags)
            running = host.start({ flags = flags, workers = workers, services = {
                ["calculator.lua"] = CALCULATOR:gsub("REPLICAS", replicas),
                ["caller.lua"] = caller } })
        end

        local function in_flight()
            local count = 0
            for _, isolate in ipairs(running:service("calculator").isolates) do
                count = count + isolate.in_flight
            end
            return count
        end

        after_each(host.stop_all)

        local function case(name)
            return running:json("/" .. name)
        end

        -- On a busy machine a call may be given up before its method has begun.
        local function expect_ended()
            eventually(function()
                local _, began = running:log():gsub("hanging began", "")
                local _, ended = running:log():gsub("hanging ended  reason=canceled", "")
                return began == ended
            end, "every method that began has ended")
        end

        it("brings what the method returns", function()
            serve()
            assert.same({ 15, NULL, "text", false, { list = { 1, 2, { deep = true } } }, 8, true },
                case("values"))
            assert.same({ 1.5 }, case("mean"))
            assert.same({ 501500 }, case("many"))
        end)

        it("fails as the method does", function()
            serve()
            assert.same({ NULL, "failed", "divide by zero", }, case("divide"))
            assert.same({ NULL, "failed", "overflow" }, case("raise"))
            assert.same({ NULL, "failed", "seven", { code = 7, message = "seven",
                data = { why = "so" } } }, case("coded"))
            assert.same({ NULL, "failed", "reply is a function, which cannot be copied" },
                case("result"))
            assert.same({ NULL, "invalid", "args[2] must be an int, got string" }, case("types"))
            assert.same({ NULL, "not_found", "rpc: can't find method Calculator.Sub" },
                case("method"))
            for _, name in ipairs({ "service", "notify_service" }) do
                assert.same({ NULL, "not_found", "rpc: can't find service Other" }, case(name))
            end
        end)

        it("raises what is the caller's mistake in its line", function()
            serve()
            local texts = case("errors")
            for i = 1, 3 do
                assert.matches("caller%.lua:%d+: call of Calculator%.Add: args%.f is a function, "
                    .. "which cannot be copied$", texts[i])
            end
            assert.matches("caller%.lua:%d+: a method is called by its name, got nil$", texts[4])
            assert.matches("caller%.lua:%d+: a call has no option 'timeout'; there are ", texts[5])
            assert.matches("caller%.lua:%d+: rpc%.service takes the name of a service, got 12$",
                texts[6])
            assert.matches("caller%.lua:%d+: use takes functions", texts[7])
        end)

        it("ends at its timeout, and the method's task with it", function()
            serve()
            assert.same({ NULL, "timeout", "no answer to the call of Calculator.Hang in time" },
                case("timeout"))
            expect_ended()
        end)

        it("is cancelled with its task, and the method's task too", function()
            serve()
            assert.same({ NULL, "canceled", "the call of Calculator.Hang was canceled" },
                case("cancel"))
            expect_ended()
        end)

        it("takes its deadline along", function()
            serve()
            local left = case("deadline")
            for i, expected in ipairs({ 30, 20, 30 }) do
                assert.is_true(left[i] <= expected and left[i] > expected - 10)
            end
        end)

        it("is cancelled when its caller is gone", function()
            serve()
            local peer = assert(stream.connect(running.rpc))
            peer:write("\x94\x00\x01\xaaFront.Hang\x90")
            eventually(function()
                return in_flight() == 1
            end, "the call is in flight")
            peer:close()
            running:wait_for_log("hanging ended.*reason=canceled")
        end)

        it("is cancelled when its caller's generation ends", function()
            serve({ "--drain", "10ms" })
            local peer = running:open()
            peer:write("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(function()
                return in_flight() == 1
            end, "the call is in flight")
            running:write("caller.lua", caller .. "\n")
            running:wait_for_log("hanging ended.*reason=canceled")
            peer:close()
        end)

        it("is a future", function()
            serve()
            assert.same({ "future (pending)", "future (done)", 3, 3, "nil", "failed", false },
                case("future"))
            assert.same({ "timeout", "the call goes on", true, "canceled" }, case("future_timeout"))
            assert.same({ 2, 3, 1, "nil", "canceled" }, case("select"))
        end)

        it("brings items, as many as it takes", function()
            serve()
            assert.same({ 500500, "counted", 0, "counted", { 1, 2, 3 } }, case("stream"))
            assert.same({ 6, "counted" }, case("stream_select"))
            assert.same({ false, "invalid", "failed", "divide by zero", "not_found", NULL, false,
                "closed" }, case("stream_failures"))
        end)

        it("ends with its stream of items, and with its context", function()
            serve()
            assert.same({ 1, "canceled" }, case("stream_close"))
            running:wait_for_log("counting ended")
            assert.same({ 1, "canceled", "the call of Calculator.Count was canceled" },
                case("stream_context"))
            running:wait_for_log("counting ended", 2)
        end)

        it("goes through the middleware of its proxy", function()
            serve()
            assert.same({ 3, 6, true, 6, { "a Add call", "b 10", "a Add call", "b nil",
                "a Add notification", "b nil", "a Count stream", "b nil" } }, case("middleware"))
        end)

        it("is refused beyond the bound, and goes on below it", function()
            serve({ "--rpc-calls", "4" })
            assert.same({ "full", 2 }, case("full"))
        end)

        it("is refused while the other has as many as it may", function()
            serve({ "--rpc-calls", "2" })
            local peer = assert(stream.connect(running.rpc))
            for number = 1, 2 do
                peer:write("\x94\x00" .. string.char(number) .. "\xafCalculator.Hang\x90")
            end
            eventually(function()
                return in_flight() == 2
            end, "the calls are in flight")
            assert.same({ NULL, "unavailable",
                "perigee: the service has too many calls in flight, call again later" },
                case("divide"))
            peer:close()
        end)

        it("is named where its task waits", function()
            serve()
            local peer = running:open()
            peer:write("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(function()
                local answer = running:ask("GET", "/tasks?service=caller")
                return json.encode(answer):find("call of Calculator.Hang", 1, true)
            end, "the report names the call")
            peer:close()
        end)
    end)
end

describe("calls by proxy while their service is replaced", function()
    after_each(host.stop_all)

    local KEEPER = [[
    local perigee = require "perigee"
    local count = 0
    local Keeper = {}

    function Keeper.Count()
        count = count + 1
        perigee.sleep(0.001)
        return { count = count, version = %d }
    end

    return {
        rpc = { Keeper = Keeper },
        save = %s,
        start = function(saved) count = saved or 0 end,
    }
    ]]
    local SAVE = "function() return count end"

    local CALLING = [[
    local perigee = require "perigee"
    local rpc = require "perigee.rpc"
    local keeper = rpc.service("Keeper")
    local done, failures, version = 0, {}, 0

    local function call_on()
        while true do
            local answer, code, detail = keeper:call("Count")
            if not answer then
                failures[#failures + 1] = code .. ": " .. detail
                perigee.sleep(0.01)
            else
                done, version = done + 1, math.max(version, answer.version)
            end
        end
    end

    local app = require("perigee.http").router()
    app:get("/", function()
        return { done = done, failures = failures, version = version }
    end)
    return { http = app, mount = "/", start = function()
        for _ = 1, 8 do perigee.go(call_on) end
    end }
    ]]

    for save, name in pairs({ [SAVE] = "with save()", ["nil"] = "without save()" }) do
        it("are not lost, " .. name, function()
            local running = host.start({ services = { ["keeper.lua"] = KEEPER:format(1, save) } })
            running:write("calling.lua", CALLING)
            running:wait_for_log("calling  the service is up")
            for version = 2, 8 do
                running:write("keeper.lua", KEEPER:format(version, save))
                eventually(function()
                    return running:json("/").version == version
                end, "version " .. version .. " answers")
            end
            local said = running:json("/")
            assert.same({}, said.failures)
            assert.is_true(said.done > 100)
        end)
    end

    it("end when it is gone for good", function()
        local running = host.start({ services = { ["keeper.lua"] = KEEPER:format(1, SAVE) } })
        running:write("calling.lua", CALLING)
        eventually(function()
            local answer = running:request({ target = "/" })
            return answer.status == 200 and json.decode(answer.body).done > 0
        end, "calls are answered")
        running:remove("keeper.lua")
        eventually(function()
            local failures = running:json("/").failures
            return #failures > 8 and failures[#failures]:find("not_found", 1, true)
        end, "the service is not found")
        for _, text in ipairs(running:json("/").failures) do
            assert.is_true(text:find("not_found", 1, true) ~= nil
                or text:find("unavailable", 1, true) ~= nil, text)
        end
    end)
end)
