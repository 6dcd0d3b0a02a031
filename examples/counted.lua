-- What a service counts itself, for Prometheus: http://127.0.0.1:9180/metrics has it as
-- orders_total{service="counted",kind="book"}, beside what the host counts for every service.
--
-- $ curl -s http://127.0.0.1:8080/counted/book
-- orders of a book: 1
local http = require "perigee.http"
local metrics = require "perigee.metrics"

local orders = metrics.counter("orders_total", "Orders that were taken.", { "kind" })

-- Labels are sets that somebody knows: what clients may write is not.
local KINDS = { book = true, pen = true }

local app = http.router()

app:get("/:kind", function(request)
    local kind = KINDS[request.params.kind] and request.params.kind or "other"
    local of_kind = orders:with(kind)
    of_kind:inc()
    return ("orders of a %s: %d"):format(kind, of_kind:value())
end)

return { http = app }
