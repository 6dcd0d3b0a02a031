--- What of its requests an isolate records, and to whom it gives that. Apart from
-- perigee.core.spans, so that an isolate in which nothing is recorded need not load that.
return {
    is_on = false,       -- whether there are spans at all
    slow_s = math.huge,  -- requests that take so long are kept
    sample = 0,          -- of the traces that begin here, the share that is kept in any case
    scheme = "http",     -- what the host's HTTP address speaks
    emit = false,        -- function(record), see perigee.supervisor.trace_store; nil for nobody
}
