--- What only shows where tasks run, which is wherever `perigee test` runs a spec.
local eventually = require "spec.support.eventually"
local scheduler = require "perigee.core.scheduler"

describe("a task that has ended", function()
    it("leaves nothing of its function and arguments in the coroutine kept for the next", function()
        local left = setmetatable({}, { __mode = "k" })

        local function run_one()
            local argument = {}
            local fn = function(given)
                assert(given == argument)
            end
            left[argument], left[fn] = true, true
            return scheduler.spawn(fn, argument)
        end

        local task = run_one()
        eventually(function()
            return task.state == "dead"
        end, "the task has ended")
        task = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        assert.is_nil(next(left))
    end)
end)
