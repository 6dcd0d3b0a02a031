local flame_graph = require "perigee.profile.flame_graph"

local function draw(stacks)
    return flame_graph.draw(stacks, { title = "orders", subtitle = "9 samples", script = "run()" })
end

-- name -> { start, count, depth } of every frame.
local function frames_of(svg)
    local frames = {}
    for name, start, count, depth in svg:gmatch('data%-name="([^"]*)" data%-start="(%d+)" '
        .. 'data%-count="(%d+)" data%-depth="(%d+)"') do
        frames[name] = { tonumber(start), tonumber(count), tonumber(depth) }
    end
    return frames
end

describe("a flame graph", function()
    it("has callers below what they call, as wide as they were seen", function()
        local frames = frames_of(draw({ { stack = "main;b;c", count = 6 },
            { stack = "main;a", count = 2 }, { stack = "main;b", count = 1 } }))
        assert.same({ all = { 0, 9, 0 }, main = { 0, 9, 1 }, a = { 0, 2, 2 }, b = { 2, 7, 2 },
            c = { 2, 6, 3 } }, frames)
    end)

    it("leaves out what nobody could see", function()
        local frames = frames_of(draw({ { stack = "wide", count = 100000 },
            { stack = "narrow", count = 1 } }))
        assert.is_truthy(frames.wide)
        assert.is_nil(frames.narrow)
    end)

    it("shows names as text, whatever is in them", function()
        local svg = draw({ { stack = '<script>alert("1")</script>&\1 a\'b.lua:1', count = 1 } })
        assert.is_nil(svg:find("<script>alert", 1, true))
        assert.is_truthy(svg:find("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;? a&#39;b",
            1, true))
    end)

    it("needs nothing from elsewhere", function()
        local svg = draw({ { stack = "a", count = 1 } })
        assert.matches("<script><!%[CDATA%[\nrun%(%)", svg)
        for link in svg:gmatch('%a+://[^"%s]*') do
            assert.equal("http://www.w3.org/2000/svg", link)
        end
    end)

    it("says so when there is nothing", function()
        local svg = draw({})
        assert.matches("no samples", svg)
        assert.same({}, frames_of(svg))
    end)
end)
