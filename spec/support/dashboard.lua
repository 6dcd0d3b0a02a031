--- The dashboard of a host, in a browser.
local browser = require "spec.support.browser"
local host = require "spec.support.host"

local dashboard = {}
local methods = {}
local metatable = { __index = methods }

local SHOP = [[
local http = require "perigee.http"
local log = require "perigee.log"
local rpc = require "perigee.rpc"
local app = http.router()
app:get("/items/:id", function(request) return { id = request.params.id } end)
app:post("/items", function(request) return 201, request:json() end)
app:get("/fail/:id", function() error("out of stock") end)
app:get("/say", function(request) log.warn(request.query.text) return "said" end)
app:get("/burn", function()
    local function waste_time()
        local sum = 0
        for i = 1, 3000000 do sum = sum + i %% 7 end
        return sum
    end
    local sum = waste_time()
    return tostring(sum)
end)
return { http = app, version = "%s", rpc = { Shop = {
    Price = rpc.method { args = "string", reply = "int", doc = "What it costs.",
        fn = function(name) return #name end },
} } }
]]

--- The text of a service with routes and a method; `version` tells one from another.
function dashboard.shop(version)
    return SHOP:format(version)
end

--- Starts a browser. It ends with browser.stop_all.
function dashboard.open()
    return setmetatable({ page = browser.start() }, metatable)
end

--- Starts a host with two services, one of which does not load, and shows its dashboard.
function methods:start()
    self.host = host.start({ services = {
        ["shop.lua"] = dashboard.shop(1),
        ["broken.lua"] = "\n\nerror('<img src=x onerror=alert(1)>')",
    } })
    self:load()
    return self.host
end

--- Loads the page anew, and waits until it shows what the host has said.
function methods:load(view)
    self.page:open("about:blank")
    self.page:open("http://" .. self.host.admin .. "/#/" .. (view or "services"))
    self.page:wait_for([[
        return document.getElementById("connection").dataset.state === "live"]])
end

--- Shows another view of the loaded page.
function methods:show(view)
    self.page:wait_for([[
        const wanted = "#/" + arguments[0];
        if (window.location.hash !== wanted) {
            window.shown = document.querySelector("h1");
            window.location.hash = wanted;
        }
        return document.querySelector("h1") !== window.shown]], view)
end

--- Leaves the page and ends the host: the other way round the browser would complain.
function methods:stop()
    self.page:open("about:blank")
    self.page:problems()
    self.page:prefer({})
    self.page:resize(1280, 900)
    host.stop_all()
end

--- The text of the first element of a selector; "" when there is none.
function methods:text(selector)
    return self.page:run("return document.querySelector(arguments[0])?.textContent ?? ''",
        selector)
end

--- Waits until there is an element with exactly this text, and clicks it.
function methods:click(selector, text)
    self.page:wait_for([[
        const found = [...document.querySelectorAll(arguments[0])]
            .find((one) => one.textContent.trim() === arguments[1]);
        found?.click();
        return found !== undefined;
    ]], selector, text)
end

--- The text in the first table's row of `name`, below the heading `title`.
function methods:cell(name, title)
    return self.page:run([[
        const table = document.querySelector("table");
        const column = [...table.querySelectorAll("thead th")]
            .findIndex((heading) => heading.textContent === arguments[1]);
        const row = [...table.querySelectorAll("tbody tr")]
            .find((one) => one.firstChild.textContent === arguments[0]);
        return row?.children[column].textContent ?? "";
    ]], name, title)
end

return dashboard
