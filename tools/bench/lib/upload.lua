--- For wrk: a body of 1 MiB.
-- luacheck: globals wrk
wrk.method = "POST"
wrk.body = ("0123456789abcdef"):rep(65536)
