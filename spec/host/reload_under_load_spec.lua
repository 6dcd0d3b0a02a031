--- Clients notice nothing of a reload but the new answers.
local client = require "perigee.http.client"
local host = require "spec.support.host"
local seam = require "host"
local together = require "spec.support.together"

local RELOADS = 15

local function version(number)
    return ([[
        local http = require "perigee.http"
        local app = http.router()
        app:get("/", function() return "%d" end)
        app:get("/slow", function()
            require("perigee").sleep(0.02)
            return "%d"
        end)
        return { http = app, mount = "/" }
    ]]):format(number, number)
end

for workers = 1, 2 do
    describe(("a reload under load, with %d worker(s),"):format(workers), function()
        local running, is_over

        before_each(function()
            running = host.start({ services = { ["a.lua"] = version(1) }, workers = workers })
            is_over = false
        end)

        after_each(host.stop_all)

        local function check(answer)
            assert.equal(200, answer.status)
            assert.is_number(tonumber(answer.body))
        end

        local function kept_client()
            local connection = running:connect()
            while not is_over do
                check(assert(connection:request({ target = "/" })))
            end
            connection:close()
        end

        local function new_client()
            while not is_over do
                check(assert(client.request({ address = running.http, target = "/" })))
            end
        end

        local function slow_client()
            while not is_over do
                check(running:get("/slow"))
            end
        end

        local function save_again_and_again()
            for number = 2, RELOADS do
                running:write("a.lua", version(number))
                running:wait_for_body("/", tostring(number))
            end
            is_over = true
        end

        local function descriptor_counts()
            local counts = {}
            for i, worker in ipairs(running:status().workers) do
                counts[i] = #seam.list_directory(("/proc/%d/fd"):format(worker.pid))
            end
            return counts
        end

        it("fails no request, new or kept or slow", function()
            together({ kept_client, kept_client, new_client, new_client, slow_client, slow_client,
                save_again_and_again })
            assert.equal(0, running:service("a").failures)
        end)

        it("leaves no generation and no descriptor behind", function()
            running:wait_for_body("/", "1")
            local before = descriptor_counts()
            together({ kept_client, new_client, slow_client, save_again_and_again })
            running:wait_until(function()
                local isolates = running:service("a").isolates
                return #isolates == workers
                    and isolates[1].generation == isolates[workers].generation
            end, "the old generations are closed")
            running:wait_until(function()
                for i, count in ipairs(descriptor_counts()) do
                    if count > before[i] then
                        return false
                    end
                end
                return true
            end, "the descriptors are as before")
        end)

        it("keeps a connection, which gets the new answers", function()
            local connection = running:connect()
            assert.equal("1", connection:request({ target = "/" }).body)
            running:write("a.lua", version(2))
            -- Its worker need not be the first to switch.
            running:wait_until(function()
                return connection:request({ target = "/" }).body == "2"
            end, "the kept connection gets the new version")
            connection:close()
        end)

        it("lets a request in flight finish in the generation where it began", function()
            running:write("a.lua", (version(2):gsub("0%.02", "0.2")))
            running:wait_for_body("/", "2")
            together({
                function() assert.equal("2", running:body("/slow")) end,
                function()
                    running:wait_until(function()
                        local isolate = running:service("a").isolates
                        return isolate[1].in_flight == 1 or isolate[2] and isolate[2].in_flight == 1
                    end, "the slow request is in flight")
                    running:write("a.lua", version(3))
                    running:wait_for_body("/", "3")
                end,
            })
        end)
    end)
end

describe("a generation that does not drain", function()
    after_each(host.stop_all)

    it("is closed at its deadline, and its requests are answered 503 and counted", function()
        local text = [[
            return {
                http = function(request)
                    if request.path == "/slow" then
                        require("perigee").sleep(1e6)
                    end
                    return "%d"
                end,
                mount = "/",
                limits = { drain = 0.05 },
            }
        ]]
        local running = host.start({ services = { ["a.lua"] = text:format(1) } })
        local answer
        together({
            function() answer = running:get("/slow") end,
            function()
                running:wait_until(function()
                    return running:service("a").isolates[1].in_flight == 1
                end, "the slow request is in flight")
                running:write("a.lua", text:format(2))
                running:wait_for_body("/", "2")
            end,
        })
        assert.equal(503, answer.status)
        running:wait_for_log("WARN  a  requests were cut at the drain deadline.*requests=1")
    end)
end)
