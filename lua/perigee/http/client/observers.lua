--- Who wants to know of each attempt of this isolate's HTTP clients to have a request answered: for
-- fields that every request carries to the next hop, such as its deadline, and for what is counted
-- or traced. Redirects and retries are attempts of their own.
local observers = {}

local installed = {} -- an array of functions

--- Has `fn(attempt)` called before each attempt from now on, which may add fields:
--
--    attempt = { method = "GET", url = "http://users.test/42", headers = Headers, deadline = 12.5 }
--
-- What it returns, unless that is nil, is called when the attempt is over: with the response, whose
-- body may not have come yet; or with nil, code, detail. Neither may wait.
function observers.install(fn)
    installed[#installed + 1] = fn
end

--- Takes back observers.install.
function observers.remove(fn)
    for i, one in ipairs(installed) do
        if one == fn then
            table.remove(installed, i)
            return
        end
    end
end

--- Whether anybody wants to know.
function observers.are_there()
    return installed[1] ~= nil
end

--- Tells all of an attempt. Returns a function to be called with what came of it.
function observers.begin(attempt)
    local finishers = {}
    for _, fn in ipairs(installed) do
        finishers[#finishers + 1] = fn(attempt)
    end
    return function(...)
        for _, finish in ipairs(finishers) do
            finish(...)
        end
    end
end

return observers
