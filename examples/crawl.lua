-- A crawl with bounded concurrency: each page is fetched once, at most two at a time, and all of it
-- within a second. The pages are made up; a real crawl would use an HTTP client in `fetch`.
--
-- $ curl -s http://127.0.0.1:8080/crawl
-- / /a /b /c /d, 2 at once
local context = require "perigee.context"
local http = require "perigee.http"
local perigee = require "perigee"
local sync = require "perigee.sync"

local LIMIT, TIMEOUT_S = 2, 1

local LINKS = {
    ["/"] = { "/a", "/b" },
    ["/a"] = { "/", "/c" },
    ["/b"] = { "/c", "/d" },
    ["/c"] = { "/a" },
    ["/d"] = {},
}

local function fetch(page)
    local is_there, code = perigee.sleep(0.002)
    if not is_there then
        return nil, code
    end
    return LINKS[page]
end

local function crawl(first)
    local group, places = perigee.group(), sync.semaphore(LIMIT)
    local seen, pages, fetching, most = {}, {}, 0, 0
    local function visit(page)
        places:acquire()
        fetching = fetching + 1
        most = math.max(most, fetching)
        local links, code = fetch(page)
        fetching = fetching - 1
        places:release()
        if not links then
            return nil, code
        end
        pages[#pages + 1] = page
        for _, link in ipairs(links) do
            if not seen[link] then
                seen[link] = true
                group:go(visit, link)
            end
        end
    end
    seen[first] = true
    group:go(visit, first)
    local is_ok, code = group:wait()
    table.sort(pages)
    return is_ok and ("%s, %d at once"):format(table.concat(pages, " "), most), code
end

local app = http.router()

app:get("/", function(_, response)
    local limited, cancel = context.with_timeout(context.current(), TIMEOUT_S)
    local result, code = limited:run(crawl, "/")
    cancel()
    if not result then
        error(http.error(504, "the crawl ended early: " .. tostring(code)))
    end
    response:text(result)
end)

return { http = app }
