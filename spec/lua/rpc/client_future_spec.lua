--- Calls of perigee.rpc.client that nobody waits for yet, notifications, and middleware.
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local rpc_peer = require "spec.support.rpc_peer"

local expect = rpc_peer.expect

local function request(number, text)
    return "\148\0" .. string.char(number) .. "\163A.B\145\161" .. text
end

local function answer(number, text)
    return "\148\1" .. string.char(number) .. "\192\161" .. text
end

describe("a future", function()
    local peer, client, far

    before_each(function()
        peer = rpc_peer.start()
        client = rpc.dial("tcp://10.0.0.1:1234")
    end)

    after_each(function()
        client:close()
        peer:stop()
    end)

    -- The first of each client has to dial.
    local function open()
        local first = client:go("A.B", "x")
        far = peer:accept()
        expect(far, request(1, "x"))
        far:post(answer(1, "a"))
        assert.equal("a", first:wait())
        return first
    end

    it("has what the call returns, as often as it is asked", function()
        local first = open()
        assert.same({ true, "a" }, { first:poll() })
        assert.equal("a", first:wait())
        local second = client:go("A.B", "y")
        assert.is_false((second:poll()))
        expect(far, request(1, "y"))
        far:post("\148\1\1\162no\192")
        assert.same({ nil, "failed", "no" }, { second:wait() })
        assert.same({ nil, "failed", "no" }, { second:wait() })
    end)

    it("fits its result to the type that was given", function()
        open()
        local second = client:go("A.B", "y", { reply = "int" })
        far:post(answer(1, "b"))
        assert.equal("invalid", select(2, second:wait()))
    end)

    it("wakes all that wait for it", function()
        open()
        local second = client:go("A.B", "y")
        local tasks = {}
        for i = 1, 3 do
            tasks[i] = perigee.go(second.wait, second)
        end
        perigee.sleep(0)
        far:post(answer(1, "b"))
        for i = 1, 3 do
            assert.same({ true, "b" }, { tasks[i]:join(20) })
        end
    end)

    it("may outlast a wait for it", function()
        open()
        local second = client:go("A.B", "y")
        assert.same({ nil, "timeout", "the call goes on" }, { second:wait(0.001) })
        far:post(answer(1, "b"))
        assert.equal("b", second:wait())
    end)

    it("can be awaited by select", function()
        open()
        local second, third = client:go("A.B", "y"), client:go("A.B", "z")
        assert.equal("default", (perigee.select { { second }, { third }, default = true }))
        far:post(answer(2, "c"))
        assert.same({ 2, "c" }, { perigee.select { { second }, { third } } })
        far:close()
        assert.same({ 1, nil, "closed" }, { perigee.select { { second } } })
        assert.same({ 1, nil, "closed" }, { perigee.select { { second } } })
    end)

    it("can be given up", function()
        open()
        local second = client:go("A.B", "y")
        perigee.sleep(0)
        assert.is_true(second:cancel())
        assert.same({ nil, "canceled", "the call was cancelled" }, { second:wait() })
        expect(far, request(1, "y"))
        far:post(answer(1, "b"))
        rpc_peer.settle()
        local third = client:go("A.B", "z")
        expect(far, request(1, "z"))
        far:post(answer(1, "c"))
        assert.equal("c", third:wait())
    end)

    it("ends with its time, its client, or at once when nothing can be sent", function()
        open()
        assert.equal("timeout", select(2, client:go("A.B", "y", { timeout_s = 0.001 }):wait()))
        assert.equal("invalid", select(2, client:go("A.B", print):wait()))
        local second = client:go("A.B", "y")
        client:close()
        assert.equal("closed", select(2, second:wait()))
        assert.equal("closed", select(2, client:go("A.B", "y"):wait()))
    end)

    it("does not end with the task that made it", function()
        open()
        local second
        local task = perigee.go(function()
            second = client:go("A.B", "y")
            perigee.sleep(60)
        end)
        perigee.sleep(0)
        task:cancel()
        far:post(answer(1, "b"))
        assert.equal("b", second:wait())
    end)

    it("sends notifications, which have no number and no answer", function()
        open()
        assert.is_true(client:notify("A.B", "y"))
        expect(far, "\147\2\163A.B\145\161y")
        assert.equal(0, client.dialler.link.in_flight)
        assert.equal("invalid", select(2, client:notify("A.B", print)))
        client:close()
        assert.equal("closed", select(2, client:notify("A.B", "y")))
        local other = rpc.dial("tcp://10.0.0.1:1234", { codec = "gob" })
        assert.error_matches(function()
            other:notify("A.B", "y")
        end, "^this codec has no notifications")
    end)

    describe("and middleware", function()
        local seen

        local function noting(name)
            return function(next)
                return function(method, args, call)
                    seen[#seen + 1] = ("%s %s %s %s"):format(name, call.kind, method, args)
                    local value, code, detail = next(method, args .. name, call)
                    seen[#seen + 1] = ("%s %s %s"):format(name, tostring(value), tostring(code))
                    return value, code, detail
                end
            end
        end

        before_each(function()
            seen = {}
            open()
            client:use(noting "1", noting "2")
        end)

        it("is around every call, the first outermost", function()
            local first = client:go("A.B", "")
            expect(far, "\148\0\1\163A.B\145\16212")
            far:post(answer(1, "a"))
            assert.equal("a", first:wait())
            assert.same({ "1 call A.B ", "2 call A.B 1", "2 a nil", "1 a nil" }, seen)
            seen = {}
            assert.is_true(client:notify("A.B", "n"))
            assert.same({ "1 notification A.B n", "2 notification A.B n1", "2 true nil",
                "1 true nil" }, seen)
            seen = {}
            local items = client:stream("A.B", "s")
            assert.equal("1 stream A.B s", seen[1])
            items:close()
        end)

        it("may answer by itself, and its errors are the caller's", function()
            client:use(function()
                return function(_, args)
                    if args == "raise12" then
                        error("raised")
                    end
                    return nil, "refused", "not this one"
                end
            end)
            assert.same({ nil, "refused", "not this one" }, { client:call("A.B", "") })
            assert.error_matches(function()
                client:call("A.B", "raise")
            end, "raised")
        end)

        it("must return a function", function()
            assert.error_matches(function()
                client:use(function() end)
            end, "this middleware must return a function, not nil")
            assert.error_matches(function()
                client:use(1)
            end, "client:use takes functions")
        end)
    end)
end)
