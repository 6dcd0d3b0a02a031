-- Spans of a service's own. What an order costs in time is a tree: the request, the stock that is
-- asked, the card that is charged. See it at http://127.0.0.1:9180/traces once a request is slow or
-- has failed, or all are sampled: --trace-sample 1.
--
-- $ curl -s http://127.0.0.1:8080/traced/7 | grep -o '"order":7'
-- "order":7
local http = require "perigee.http"
local log = require "perigee.log"
local perigee = require "perigee"
local trace = require "perigee.trace"

local app = http.router()

local function ask_stock(span, order)
    span:set("order", order)
    perigee.sleep(0.002)
    span:event("reserved", { pieces = 1 })
end

local function charge_card(span, order)
    span:set("order", order)
    perigee.sleep(0.005)
    log.info("charged", { order = order }) -- this line has the trace's number, too
end

app:get("/:order", function(request)
    local order = tonumber(request.params.order)
    local stock = perigee.go(function()
        trace.span("ask the stock", ask_stock, order)
    end)
    trace.span("charge the card", charge_card, order)
    stock:join()
    return { order = order, trace = trace.id() }
end)

return { http = app }
