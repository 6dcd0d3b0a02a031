--- The rules of HTTP/1.1, each by the bytes that keep or break it: docs/http-rules.md.
local host = require "spec.support.host"
local http_corpus = require "spec.support.http_corpus"

describe("the rules of HTTP/1.1:", function()
    local running

    setup(function()
        running = host.start({ services = { ["service.lua"] = http_corpus.SERVICE } })
    end)

    teardown(host.stop_all)

    for _, case in ipairs(http_corpus.cases) do
        local title, bytes, statuses = unpack(case)
        it(title, function()
            local answers = running:raw(bytes, true)
            assert.same(statuses, http_corpus.statuses(answers))
            if statuses[#statuses] >= 400 and statuses[#statuses] ~= 404 then
                assert.matches("\r\nConnection: close\r\n", answers)
            end
        end)
    end
end)

describe("the rules of HTTP/1.1, for a service of another worker:", function()
    -- So many connections that some of them come to either worker.
    local CONNECTION_COUNT = 8

    local running

    setup(function()
        local service = http_corpus.SERVICE:gsub("return { http", "return { replicas = 1, http")
        running = host.start({ services = { ["service.lua"] = service }, workers = 2 })
    end)

    teardown(host.stop_all)

    it("the service sees the client's version, and no Host that it did not send", function()
        for _ = 1, CONNECTION_COUNT do
            assert.matches("GET|/known/|/known/|1.0|%-|%-||%-$",
                running:raw("GET /known/ HTTP/1.0\r\n\r\n"))
            assert.matches("GET|/known/|/known/|1.0|a.test|%-||%-$",
                running:raw("GET /known/ HTTP/1.0\r\nHost: a.test\r\n\r\n"))
        end
    end)

    for _, case in ipairs(http_corpus.cases) do
        local title, bytes, statuses = unpack(case)
        it(title, function()
            for _ = 1, CONNECTION_COUNT do
                assert.same(statuses, http_corpus.statuses(running:raw(bytes, true)))
            end
        end)
    end
end)
