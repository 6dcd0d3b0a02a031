--- What the status of an answer says of the one who gave it: "ill" for 502, 503 and 504, else "ok",
-- for any other says something of the request.
local IS_ILL = { [502] = true, [503] = true, [504] = true }

return function(status)
    return IS_ILL[status] and "ill" or "ok"
end
