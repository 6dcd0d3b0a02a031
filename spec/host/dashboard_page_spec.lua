--- The dashboard in a real browser.
local browser = require "spec.support.browser"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"

local SHOP = [[
local http = require "perigee.http"
local log = require "perigee.log"
local rpc = require "perigee.rpc"
local app = http.router()
app:get("/items/:id", function(request) return { id = request.params.id } end)
app:post("/items", function(request) return 201, request:json() end)
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

local VIEWS = { "services", "services/shop", "services/broken", "instances", "logs", "traces",
    "host" }

local function read_checks()
    local file = assert(io.open("spec/fixtures/page_checks.js"))
    local text = file:read("*a")
    file:close()
    return text
end

describe("the dashboard's page", function()
    local page, running

    setup(function()
        page = browser.start()
    end)

    teardown(browser.stop_all)

    before_each(function()
        running = host.start({ workers = 2, services = {
            ["shop.lua"] = SHOP:format(1),
            ["broken.lua"] = "\n\nerror('<img src=x onerror=alert(1)>')",
        } })
    end)

    -- It is left before its host ends, which it would complain about.
    after_each(function()
        page:open("about:blank")
        page:problems()
        page:prefer({})
        page:resize(1280, 900)
        host.stop_all()
    end)

    -- Goes to a view and waits until it shows what the host has said.
    local function open(view)
        page:open("about:blank")
        page:open("http://" .. running.admin .. "/#/" .. (view or "services"))
        page:wait_for([[return document.getElementById("connection").dataset.state === "live"]])
    end

    local function text_of(selector)
        return page:run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
    end

    -- Waits until an element with exactly this text can be clicked, and does that.
    local function click(selector, text)
        page:wait_for([[
            const found = [...document.querySelectorAll(arguments[0])]
                .find((one) => one.textContent.trim() === arguments[1]);
            found?.click();
            return found !== undefined;
        ]], selector, text)
    end

    -- The text in the table's row of `name` below the heading `title`.
    local function cell(name, title)
        return page:run([[
            const table = document.querySelector("table");
            const column = [...table.querySelectorAll("thead th")]
                .findIndex((heading) => heading.textContent === arguments[1]);
            const row = [...table.querySelectorAll("tbody tr")]
                .find((one) => one.firstChild.textContent === arguments[0]);
            return row?.children[column].textContent ?? "";
        ]], name, title)
    end

    it("shows every view without a complaint of the browser", function()
        for _, view in ipairs(VIEWS) do
            open(view)
            page:wait_for("return document.querySelectorAll('h1').length === 1")
        end
        page:wait_for("return document.querySelector('main').children.length > 1")
        assert.same({}, page:problems())
    end)

    it("shows the numbers that the host tells", function()
        for _ = 1, 5 do
            running:body("/shop/items/1")
        end
        open()
        local shop = running:service("shop")
        assert.equal("live", cell("shop", "State"))
        assert.equal(tostring(shop.generation), cell("shop", "Generation"))
        assert.equal("failed", cell("broken", "State"))
        assert.equal("1", cell("broken", "Failures"))
        open("host")
        local requests = 0
        for _, worker in ipairs(running:status().workers) do
            requests = requests + worker.http.requests
            assert.equal(tostring(worker.pid), cell(tostring(worker.slot), "Process"))
        end
        assert.equal(5, requests)
        assert.equal(requests, tonumber(cell("1", "Requests")) + tonumber(cell("2", "Requests")))
    end)

    it("shows a reload without being asked", function()
        open()
        assert.equal("1", cell("shop", "Generation"))
        running:write("shop.lua", SHOP:format(2))
        eventually(function()
            return cell("shop", "Generation") == "2"
        end, "the new generation is shown")
        assert.equal("1", cell("shop", "Reloads"))
    end)

    it("shows a reload that failed, with its line, until one goes well", function()
        open("services/shop")
        running:write("shop.lua", "local a = 1\nlocal b = a.c.d -- here\nreturn {}")
        page:wait_for("return document.querySelector('pre.source .at') !== null")
        assert.matches("2 *local b = a%.c%.d %-%- here", text_of("pre.source .at"))
        assert.matches("shop%.lua:2: attempt to index", text_of(".notice pre"))
        assert.matches("generation 1 stays", text_of(".notice h2"))
        running:write("shop.lua", SHOP:format(3))
        page:wait_for("return document.querySelector('.notice') === null")
    end)

    it("shows what others say as text", function()
        running:body("/shop/say?text=%3Cimg%20src%3Dx%20onerror%3Dalert(2)%3E")
        open()
        assert.matches("<img src=x onerror=alert%(1%)>", text_of(".notice"))
        open("services/broken")
        page:wait_for("return document.querySelector('pre.source .at') !== null")
        open("logs")
        page:wait_for("return document.querySelector('.log').textContent.includes('alert(2)')")
        open("services/%3Cimg%20src%3Dx%3E")
        assert.equal(0, page:run("return document.querySelectorAll('main img').length"))
        assert.same({}, page:problems())
    end)

    it("tries routes", function()
        open("services/shop")
        click("summary", "POST /shop/items")
        page:run([[
            const form = [...document.querySelectorAll("details")].find((one) => one.open)
                .querySelector("form");
            form.querySelector("textarea").value = '{"name":"bread"}';
            form.requestSubmit();
        ]])
        page:wait_for([[
            return document.querySelector("details[open] .badge")?.textContent === "201"]])
        assert.matches('"name": "bread"', text_of("details[open] form > div > pre"))
    end)

    it("tries methods", function()
        open("services/shop")
        click("summary", "Shop.Price(string) int")
        assert.equal("What it costs.", text_of("details[open] p"))
        page:run([[
            const form = document.querySelector("details[open] form");
            form.querySelector("textarea").value = '"bread"';
            form.requestSubmit();
        ]])
        page:wait_for("return document.querySelector('details[open] pre')?.textContent === '5'")
    end)

    it("profiles a service", function()
        open("services/shop")
        page:run([[
            window.ends = false;
            (async () => {
                while (!window.ends) {
                    await fetch("/try/http", { method: "POST", body: JSON.stringify(
                        { method: "GET", target: "/shop/burn" }) });
                }
            })();
            const label = [...document.querySelectorAll("label")]
                .find((one) => one.textContent.startsWith("For"));
            label.querySelector("select").value = "1";
        ]])
        click("button", "Profile")
        page:wait_for([[return [...document.querySelectorAll(".flame text")]
            .some((one) => one.textContent.startsWith("waste_time "))]])
        page:run("window.ends = true")
        page:run([[
            const input = document.querySelector("input[type=search]");
            input.value = "waste_time";
            input.dispatchEvent(new Event("input"));
        ]])
        assert.matches("%% of the samples", text_of(".fields output"))
        click("button", "What holds its memory")
        page:wait_for([[return [...document.querySelectorAll("tbody th")]
            .some((one) => one.textContent.startsWith("service.http"))]])
    end)

    it("follows the log and filters it", function()
        running:body("/shop/say?text=first")
        open("logs")
        page:wait_for("return document.querySelector('.log').textContent.includes('first')")
        running:body("/shop/say?text=second")
        page:wait_for("return document.querySelector('.log').textContent.includes('second')")
        page:run([[
            const input = document.querySelector("input[type=search]");
            input.value = "SECOND";
            input.dispatchEvent(new Event("input"));
        ]])
        assert.equal(1, page:run([[return [...document.querySelectorAll(".log li")]
            .filter((one) => one.checkVisibility()).length]]))
    end)

    it("says when the host is gone", function()
        open()
        running:stop()
        page:wait_for([[return document.getElementById("connection").dataset.state === "lost"]])
    end)

    it("is all within reach of the keyboard", function()
        open()
        page:run("document.activeElement.blur()")
        local reached = {}
        for _ = 1, 12 do
            page:press(browser.TAB)
            reached[#reached + 1] = page:run("return document.activeElement.textContent.trim()")
            if reached[#reached] == "shop" then
                break
            end
        end
        local order = table.concat(reached, "|")
        assert.matches("^Skip to the content|Services|Instances|Log|Traces|Host|", order)
        assert.matches("|shop$", order)
        assert.is_true(page:run([[
            return getComputedStyle(document.activeElement).outlineStyle !== "none"]]))
        page:press(browser.ENTER)
        page:wait_for("return document.querySelector('h1').textContent === 'shop'")
        assert.equal("shop", page:run("return document.activeElement.textContent"))
        assert.equal("shop – Perigee", page:run("return document.title"))
    end)

    it("keeps focus while numbers change", function()
        open()
        page:run("document.querySelector('tbody a').focus()")
        running:write("shop.lua", SHOP:format(2))
        eventually(function()
            return cell("shop", "Generation") == "2"
        end, "the new generation is shown")
        assert.equal("A", page:run("return document.activeElement.tagName"))
    end)

    it("fits a narrow screen", function()
        page:resize(320, 640)
        for _, view in ipairs(VIEWS) do
            open(view)
            page:wait_for("return document.querySelector('main').children.length > 1")
            assert.is_true(page:run([[
                const root = document.documentElement;
                return root.scrollWidth <= root.clientWidth]]), view)
        end
    end)

    it("can be used by everybody, in either scheme", function()
        local checks = read_checks()
        for _, scheme in ipairs({ "light", "dark" }) do
            page:prefer({ ["prefers-color-scheme"] = scheme })
            for _, view in ipairs(VIEWS) do
                open(view)
                if view == "services/shop" then
                    click("button", "Show tasks")
                    page:wait_for("return document.querySelectorAll('table').length > 1 "
                        .. "&& document.querySelector('details') !== null")
                end
                page:run([[
                    document.querySelectorAll("details").forEach((one) => { one.open = true; })]])
                assert.same({}, page:run(checks), scheme .. " " .. view)
            end
        end
        assert.equal("rgb(20, 23, 27)", page:run(
            "return getComputedStyle(document.body).backgroundColor"))
    end)

    it("moves nothing for those who do not like that", function()
        page:prefer({ ["prefers-reduced-motion"] = "reduce" })
        open()
        assert.equal("all 0s ease 0s", (page:run([[
            return getComputedStyle(document.getElementById("connection"), "::before").transition
        ]]):gsub("^all$", "all 0s ease 0s")))
    end)

    it("is there within 300 ms, in 200 KB", function()
        local best
        eventually(function()
            open()
            best = page:wait_for([[
                return performance.getEntriesByName("first-contentful-paint")[0]?.startTime]])
            return best <= 300
        end, "it is painted in time")
        local size = page:run([[
            return performance.getEntriesByType("resource")
                .concat(performance.getEntriesByType("navigation"))
                .filter((one) => !one.name.endsWith("/events"))
                .reduce((sum, one) => sum + one.transferSize, 0)]])
        assert.is_true(size > 5000 and size < 200 * 1024, size)
    end)
end)
