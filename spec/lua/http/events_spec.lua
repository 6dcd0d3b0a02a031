local events = require "perigee.http.events"
local testing = require "perigee.testing"

local function fields_of(text)
    local list = {}
    for line in text:gmatch "([^\n]*)\n" do
        list[#list + 1] = line
    end
    return list
end

describe("perigee.http.events", function()
    it("composes an event of its fields", function()
        assert.equal("event: tick\nid: 7\nretry: 1000\ndata: hello\n\n",
            events.compose { event = "tick", id = "7", retry = 1000, data = "hello" })
        assert.equal("data: hello\n\n", events.compose "hello")
        assert.equal("data: 12\n\n", events.compose { data = 12 })
        assert.equal("data: \n\n", events.compose "")
        assert.equal("\n", events.compose {})
    end)

    it("gives each line of the data a line of its own, however it ends", function()
        for _, text in ipairs { "a\nb", "a\rb", "a\r\nb" } do
            assert.equal("data: a\ndata: b\n\n", events.compose(text))
        end
        assert.same({ "data: ", "data: event: x", "data: ", "data: ", "data: id: 1", "data: ", "" },
            fields_of(events.compose "\nevent: x\n\r\rid: 1\n"))
    end)

    it("refuses what could end its line", function()
        for _, text in ipairs { "a\nb", "a\rb", "a\0b", 7 } do
            local _, problem = events.compose { event = text }
            assert.equal("event of an event must be a string of one line", problem)
            _, problem = events.compose { id = text }
            assert.equal("id of an event must be a string of one line", problem)
        end
    end)

    it("names what an event cannot have", function()
        local function problem_of(event)
            local text, problem = events.compose(event)
            assert.is_nil(text)
            return problem
        end
        assert.equal("an event has no name; there are event, data, id and retry",
            problem_of { name = "tick" })
        assert.equal("data of an event must be a string", problem_of { data = {} })
        assert.equal("retry of an event must be a whole number of milliseconds",
            problem_of { retry = 0.5 })
        assert.equal("an event is a string or a table { event =, data =, id =, retry = }, not nil",
            problem_of(nil))
    end)

    it("streams events and comments", function()
        local response = testing.client(function(_, response)
            local stream = response:header("X-A", "b"):events()
            assert(stream:send { event = "tick", data = "1" } == stream)
            assert(stream:comment() == stream)
            stream:comment "still\nhere"
        end):get "/"
        assert.equal(200, response.status)
        assert.equal("text/event-stream", response.headers["content-type"])
        assert.equal("no-cache", response.headers["cache-control"])
        assert.equal("b", response.headers["x-a"])
        assert.equal("event: tick\ndata: 1\n\n: \n\n: still\n: here\n\n", response.body)
        assert.is_false(response.is_cut)
    end)

    it("blames the line that sends a bad event", function()
        local client = testing.client(function(_, response)
            response:events():send { what = 1 }
        end)
        assert.is_true(client:get("/").is_cut)
        assert.matches("events_spec.lua:%d+: an event has no what", client.faults[1])
    end)
end)
