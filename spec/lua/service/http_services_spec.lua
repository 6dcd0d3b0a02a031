--- Requests to http+service://: which attempts a client is asked for, and which answers are closed.
local context = require "perigee.context"
local destination = require "perigee.destination"
local headers = require "perigee.http.headers"
local http_services = require "perigee.service.http_services"
local perigee = require "perigee"
local registry = require "perigee.registry"
local testing = require "perigee.testing"
local worker_link = require "perigee.core.worker_link"

describe("perigee.service.http_services", function()
    local closed, places, known
    local service, number_of_case = nil, 0

    setup(function()
        registry.host_before = registry.host
        known = registry.open "embedded"
        registry.host = function() return known end
    end)

    teardown(function()
        registry.host = registry.host_before
        registry.host_before = nil
    end)

    -- Two instances of a service that no case before has called.
    before_each(function()
        testing.virtual_clock()
        closed, places = {}, {}
        number_of_case = number_of_case + 1
        service = "users" .. number_of_case
        for _, id in ipairs { "a", "b" } do
            known:register({ service = service, id = id, address = id .. ":80",
                mount = "/users" }):wait(1)
        end
    end)

    local function response_of(status, fields)
        return { status = status, headers = headers.new(fields),
            close = function(self) closed[#closed + 1] = self.status end }
    end

    -- A client whose attempts are answered by `answer(number, place, request)`.
    local function client_of(answer)
        return { attempt = function(_, request, place)
            places[#places + 1] = place
            return answer(#places, place, request)
        end }
    end

    local function request_of(options)
        local request = { service = service, method = "GET", target = "/42",
            headers = headers.new(), is_idempotent = true, is_repeatable = true,
            deadline = perigee.now() + 3 }
        for name, value in pairs(options or {}) do
            request[name] = value
        end
        return request
    end

    it("asks one instance, below its mount, and tells how long there is", function()
        local client = client_of(function(_, _, request)
            assert.equal("3000000u", request.headers:get("perigee-timeout"))
            assert.is_nil(request.headers:get("perigee-previous-attempts"))
            return response_of(200)
        end)
        assert.equal(200, http_services.answer(client, request_of()).status)
        assert.equal(1, #places)
        assert.matches("^[ab]:80$", places[1].address)
        assert.equal("/users", places[1].mount)
        assert.equal(perigee.now() + 3, places[1].deadline)
        assert.same({}, closed)
    end)

    it("returns an answer that says that the instance is ill, when nothing else may be", function()
        local client = client_of(function() return response_of(503) end)
        assert.equal(503, http_services.answer(client, request_of()).status)
        assert.same({}, closed)
    end)

    it("goes elsewhere with what was not sent, and closes what it does not return", function()
        local client = client_of(function(number)
            if number == 1 then
                return nil, "refused", "nobody is there", true
            end
            return response_of(200)
        end)
        assert.equal(200, http_services.answer(client, request_of { is_idempotent = false }).status)
        assert.not_equal(places[1].address, places[2].address)
        client = client_of(function(number, _, request)
            if number > 3 then
                assert.equal(tostring(number - 3), request.headers:get("perigee-previous-attempts"))
            end
            return response_of(number < 5 and 502 or 200)
        end)
        assert.equal(200, http_services.answer(client, request_of {
            destination = { retries = true } }).status)
        assert.same({ 502, 502 }, closed)
    end)

    it("repeats nothing that cannot be, unless it is told that it can", function()
        local client = client_of(function() return response_of(503) end)
        local wishes = { retries = { attempts = 2 } }
        http_services.answer(client, request_of { is_repeatable = false, destination = wishes })
        assert.equal(1, #places)
        http_services.answer(client, request_of { is_idempotent = false, destination = wishes })
        assert.equal(2, #places)
        wishes.is_idempotent = true
        http_services.answer(client, request_of { is_idempotent = false, destination = wishes })
        assert.equal(4, #places)
        assert.same({ 503 }, closed)
    end)

    it("hedges, and closes the answer that comes second", function()
        local client = client_of(function(number)
            -- Nothing ends this wait, as when the answer is on its way already.
            context.background():run(perigee.sleep, number == 1 and 1 or 0.1)
            return response_of(number == 1 and 201 or 200)
        end)
        local started = perigee.now()
        assert.equal(200, http_services.answer(client, request_of {
            destination = { hedge = { after_s = 0.2 } } }).status)
        assert.is_true(perigee.now() - started < 0.5)
        assert.not_equal(places[1].address, places[2].address)
        perigee.sleep(1)
        assert.same({ 201 }, closed)
    end)

    it("says what is wrong with the option", function()
        local is_ok, problem = pcall(http_services.answer, client_of(), request_of {
            destination = { retry = true } })
        assert.is_false(is_ok)
        assert.matches("the option destination has no 'retry'", problem)
    end)

    it("says that there is nobody", function()
        local _, code = http_services.answer(client_of(), request_of { service = "nobody" })
        assert.equal("not_found", code)
    end)

    it("is counted", function()
        http_services.answer(client_of(function() return response_of(200) end), request_of())
        assert.equal(1, destination.counters()[service].requests)
        assert.is_false(worker_link.ask_service)
    end)
end)
