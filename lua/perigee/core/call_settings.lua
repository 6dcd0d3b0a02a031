--- What holds for RPC calls of this isolate: how many may be in flight, those it answers and those
-- it makes, and how long it works for one; 0 for no end.
return { max_count = 10000, timeout_s = 60 }
