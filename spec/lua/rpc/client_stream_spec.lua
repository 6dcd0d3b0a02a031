--- Streaming calls of perigee.rpc.client against a server that the spec plays.
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local rpc_peer = require "spec.support.rpc_peer"

local expect, settle = rpc_peer.expect, rpc_peer.settle

local function item(text)
    return "\147\4\1\161" .. text
end

local END = "\148\1\1\192\161e"

describe("a stream", function()
    local peer, client, far

    before_each(function()
        peer = rpc_peer.start()
        client = rpc.dial("tcp://10.0.0.1:1234")
    end)

    after_each(function()
        client:close()
        peer:stop()
    end)

    local function open(options)
        local items
        local task = perigee.go(function()
            items = client:stream("A.B", "x", options)
        end)
        far = peer:accept()
        assert(task:join(20))
        expect(far, "\149\3\1\163A.B\145\161x" .. string.char(options and options.credit or 64))
        return items
    end

    local function collect(items)
        local list = {}
        for value in items do
            list[#list + 1] = value
        end
        return table.concat(list, " ")
    end

    it("gives items in order, and how the call ended", function()
        local items = open()
        assert.same({ nil, "again" }, { (items:result()), (select(2, items:result())) })
        far:post(item "a" .. item "b" .. item "c" .. END)
        assert.equal("a b c", collect(items))
        assert.same({ n = 1, "e" }, { n = 1, items:result() })
        assert.same({ nil, false, "closed" }, { items:recv() })
        items:close()
        assert.equal(0, client.dialler.link.in_flight)
    end)

    it("takes them in whatever pieces they come", function()
        local bytes = item "a" .. item "b" .. END
        for size = 1, #bytes do
            local items = open()
            rpc_peer.trickle(far, bytes, size)
            assert.equal("a b", collect(items))
            client:close()
            client = rpc.dial("tcp://10.0.0.1:1234")
        end
    end)

    it("asks for more when half of them were taken", function()
        local items = open({ credit = 4 })
        far:post(item "a" .. item "b" .. item "c" .. item "d")
        assert.equal("a", (items:recv()))
        settle()
        assert.is_true(far.rest == "")
        assert.equal("b", (items:recv()))
        expect(far, "\147\5\1\2")
        far:post(item "e" .. item "f")
        for _, text in ipairs { "c", "d" } do
            assert.equal(text, (items:recv()))
        end
        expect(far, "\147\5\1\2")
        far:post(END)
        assert.equal("e f", collect(items))
    end)

    it("ends the connection when the server sends more than was asked for", function()
        local items = open({ credit = 2 })
        far:post(item "a" .. item "b" .. item "c")
        assert.equal("a b", collect(items))
        local _, code, detail = items:result()
        assert.equal("invalid", code)
        assert.matches("sent an item that nobody asked for", detail, 1, true)
    end)

    it("tells how the call failed, after the items", function()
        local items = open()
        far:post(item "a" .. "\148\1\1\162no\192")
        assert.equal("a", collect(items))
        assert.same({ nil, "failed", "no" }, { items:result() })
        assert.same({ nil, false, "failed" }, { items:recv() })
    end)

    it("ends with its connection", function()
        local items = open()
        far:post(item "a")
        far:close()
        assert.equal("a", collect(items))
        assert.equal("closed", select(2, items:result()))
    end)

    it("tells the server when it is closed", function()
        local items = open()
        far:post(item "a")
        assert.equal("a", (items:recv()))
        items:close()
        items:close()
        expect(far, "\146\6\1")
        far:post(item "b" .. "\148\1\1\168canceled\192") -- what was on its way
        settle()
        assert.same({ nil, false, "canceled" }, { items:recv() })
        assert.equal("canceled", select(2, items:result()))
        local link = client.dialler.link
        assert.same({ 0, 0 }, { link.in_flight, link.abandoned_count })
    end)

    it("may be waited for by several tasks", function()
        local items = open()
        local tasks = {}
        for i = 1, 3 do
            tasks[i] = perigee.go(items.recv, items)
        end
        perigee.sleep(0)
        far:post(item "a" .. item "b" .. END)
        local got = {}
        for i = 1, 3 do
            local _, value, is_ok = tasks[i]:join(20)
            got[i] = tostring(value) .. " " .. tostring(is_ok)
        end
        table.sort(got)
        assert.same({ "a true", "b true", "nil false" }, got)
    end)

    it("can be selected, and loses no item to another case", function()
        local items = open()
        local other = perigee.chan(1)
        assert.equal("default", (perigee.select { { items, "recv" }, default = true }))
        local task = perigee.go(function()
            return perigee.select { { items, "recv" }, { other, "recv" } }
        end)
        perigee.sleep(0)
        far:post(item "a")
        assert.same({ true, 1, "a", true }, { task:join(20) })
        local received = perigee.chan(10)
        for _ = 1, 2 do
            perigee.go(function()
                while true do
                    local number, value, is_ok = perigee.select { { items, "recv" },
                        { other, "recv" } }
                    if number == 1 and not is_ok then
                        return
                    end
                    received:send(value)
                end
            end)
        end
        perigee.sleep(0)
        other:send("o")
        far:post(item "b" .. item "c" .. END)
        local got = { (received:recv()), (received:recv()), (received:recv()) }
        table.sort(got)
        assert.same({ "b", "c", "o" }, got)
        assert.same({ 1, nil, false }, { perigee.select { { items, "recv" } } })
        assert.has_error(function()
            perigee.select { { items, "send", 1 } }
        end)
    end)

    it("has a time limit for each item", function()
        local items = open({ timeout_s = 0.01 })
        assert.same({ nil, false, "timeout" }, { items:recv() })
        far:post(item "a")
        assert.equal("a", (items:recv()))
        assert.equal("", collect(items)) -- the loop gives the call up
        expect(far, "\146\6\1")
        assert.equal("timeout", select(2, items:result()))
    end)

    it("may have null among its items", function()
        local json = require "perigee.json"
        local items = open()
        far:post("\147\4\1\192" .. END)
        assert.equal(json.null, (items:recv()))
        assert.equal("", collect(items))
    end)

    it("is for MessagePack", function()
        local other = rpc.dial("tcp://10.0.0.1:1234", { codec = "json" })
        assert.error_matches(function()
            other:stream("A.B", "y")
        end, "^this codec has no streams")
        assert.error_matches(function()
            client:stream("A.B", "y", { credit = 0 })
        end, "^credit must be a whole number from 1 to")
    end)
end)
