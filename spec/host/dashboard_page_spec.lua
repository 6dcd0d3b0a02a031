--- The dashboard in a real browser: what it shows and what it does.
local browser = require "spec.support.browser"
local dashboard = require "spec.support.dashboard"
local eventually = require "spec.support.eventually"

describe("the dashboard's page", function()
    local shown, page, running

    setup(function()
        shown = dashboard.open()
        page = shown.page
    end)

    teardown(browser.stop_all)

    before_each(function()
        running = shown:start()
    end)

    after_each(function()
        shown:stop()
    end)

    it("shows the numbers that the host tells", function()
        for _ = 1, 5 do
            running:body("/shop/items/1")
        end
        shown:show("services")
        local shop = running:service("shop")
        assert.equal("live", shown:cell("shop", "State"))
        assert.equal(tostring(shop.generation), shown:cell("shop", "Generation"))
        assert.equal("failed", shown:cell("broken", "State"))
        assert.equal("1", shown:cell("broken", "Failures"))
        shown:show("host")
        local requests = 0
        for _, worker in ipairs(running:status().workers) do
            requests = requests + worker.http.requests
            assert.equal(tostring(worker.pid), shown:cell(tostring(worker.slot), "Process"))
        end
        assert.equal(5, requests)
        eventually(function()
            return shown:cell("1", "Requests") == "5"
        end, "the page shows them")
    end)

    it("shows what was asked of a service, as /metrics has it", function()
        for _ = 1, 10 do
            running:body("/shop/items/1")
        end
        shown:show("services")
        eventually(function()
            running:body("/shop/items/1")
            return shown:cell("shop", "p99"):find("s$")
                and (tonumber(shown:cell("shop", "Requests/s")) or 0) > 0
        end, "a rate and a quantile are shown")
        assert.equal("0", shown:cell("shop", "Errors/s"))
        shown:show("services/shop")
        eventually(function()
            local count = page:run([[
                return [...document.querySelectorAll("dt")]
                    .find((one) => one.textContent === "Requests").nextSibling.textContent]])
            local told = running:request({ address = running.admin, target = "/metrics" }).body
            return count == told:match('_seconds_count{service="shop"[^\n]* (%d+)\n')
        end, "the page and /metrics say the same")
    end)

    it("shows a reload without being asked", function()
        shown:show("services")
        assert.equal("1", shown:cell("shop", "Generation"))
        running:write("shop.lua", dashboard.shop(2))
        eventually(function()
            return shown:cell("shop", "Generation") == "2"
        end, "the new generation is shown")
        assert.equal("1", shown:cell("shop", "Reloads"))
    end)

    it("shows a reload that failed, with its line, until one goes well", function()
        shown:show("services/shop")
        running:write("shop.lua", "local a = 1\nlocal b = a.c.d -- here\nreturn {}")
        page:wait_for("return document.querySelector('pre.source .at') !== null")
        assert.matches("2 *local b = a%.c%.d %-%- here", shown:text("pre.source .at"))
        assert.matches("shop%.lua:2: attempt to index", shown:text(".notice pre"))
        assert.matches("generation 1 stays", shown:text(".notice h2"))
        running:write("shop.lua", dashboard.shop(3))
        page:wait_for("return document.querySelector('.notice') === null")
    end)

    it("shows what others say as text", function()
        running:body("/shop/say?text=%3Cimg%20src%3Dx%20onerror%3Dalert(2)%3E")
        shown:show("services")
        assert.matches("<img src=x onerror=alert%(1%)>", shown:text(".notice"))
        shown:show("services/broken")
        page:wait_for("return document.querySelector('pre.source .at') !== null")
        shown:show("logs")
        page:wait_for("return document.querySelector('.log').textContent.includes('alert(2)')")
        shown:show("services/%3Cimg%20src%3Dx%3E")
        assert.equal(0, page:run("return document.querySelectorAll('main img').length"))
        assert.same({}, page:problems())
    end)

    it("tries routes", function()
        shown:show("services/shop")
        shown:click("summary", "POST /shop/items")
        page:run([[
            const form = [...document.querySelectorAll("details")].find((one) => one.open)
                .querySelector("form");
            form.querySelector("textarea").value = '{"name":"bread"}';
            form.requestSubmit();
        ]])
        page:wait_for([[
            return document.querySelector("details[open] .badge")?.textContent === "201"]])
        assert.matches('"name": "bread"', shown:text("details[open] form > div > pre"))
    end)

    it("tries methods", function()
        shown:show("services/shop")
        shown:click("summary", "Shop.Price(string) int")
        assert.equal("What it costs.", shown:text("details[open] p"))
        page:run([[
            const form = document.querySelector("details[open] form");
            form.querySelector("textarea").value = '"bread"';
            form.requestSubmit();
        ]])
        page:wait_for("return document.querySelector('details[open] pre')?.textContent === '5'")
    end)

    it("profiles a service", function()
        shown:show("services/shop")
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
        shown:click("button", "Profile")
        page:wait_for([[return [...document.querySelectorAll(".flame text")]
            .some((one) => one.textContent.startsWith("waste_time "))]])
        page:run("window.ends = true")
        page:run([[
            const input = document.querySelector("input[type=search]");
            input.value = "waste_time";
            input.dispatchEvent(new Event("input"));
        ]])
        assert.matches("%% of the samples", shown:text(".fields output"))
        shown:click("button", "What holds its memory")
        page:wait_for([[return [...document.querySelectorAll("tbody th")]
            .some((one) => one.textContent.startsWith("service.http"))]])
    end)

    it("shows a request that failed as a waterfall of its spans", function()
        running:body("/shop/fail/7")
        shown:show("traces")
        shown:click("tbody a", "GET /shop/fail/:id")
        page:wait_for("return document.querySelector('.waterfall .failed rect') !== null")
        assert.matches("out of stock", shown:text(".waterfall pre"))
        assert.matches("^Trace %x+$", shown:text("h1"))
        assert.equal("GET /shop/fail/:id", shown:text(".waterfall summary"):gsub("^%W+", "") .. "")
    end)

    it("follows the log and filters it", function()
        running:body("/shop/say?text=first")
        shown:show("logs")
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
        shown:show("services")
        running:stop()
        page:wait_for([[return document.getElementById("connection").dataset.state === "lost"]])
    end)

    it("keeps focus while numbers change", function()
        shown:show("services")
        page:run("document.querySelector('tbody a').focus()")
        running:write("shop.lua", dashboard.shop(2))
        eventually(function()
            return shown:cell("shop", "Generation") == "2"
        end, "the new generation is shown")
        assert.equal("A", page:run("return document.activeElement.tagName"))
    end)

    it("is there within 300 ms, in 200 KB", function()
        local best
        eventually(function()
            shown:load()
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
