--- The dashboard in a real browser: that everybody can use it.
local browser = require "spec.support.browser"
local dashboard = require "spec.support.dashboard"

local VIEWS = { "services", "services/shop", "services/broken", "instances", "logs", "traces",
    "host" }

local function read_checks()
    local file = assert(io.open("spec/fixtures/page_checks.js"))
    local text = file:read("*a")
    file:close()
    return text
end

describe("the dashboard's page, for everybody,", function()
    local shown, page

    setup(function()
        shown = dashboard.open()
        page = shown.page
        shown:start():body("/shop/fail/7")
    end)

    teardown(function()
        shown:stop()
        browser.stop_all()
    end)

    it("shows every view without a complaint of the browser", function()
        for _, view in ipairs(VIEWS) do
            shown:show(view)
            page:wait_for("return document.querySelectorAll('h1').length === 1")
        end
        page:wait_for("return document.querySelector('main').children.length > 1")
        assert.same({}, page:problems())
    end)

    it("is all within reach of the keyboard", function()
        shown:load()
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

    it("fits a narrow screen", function()
        page:resize(320, 640)
        for _, view in ipairs(VIEWS) do
            shown:show(view)
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
                shown:show(view)
                if view == "services/shop" then
                    shown:click("button", "Show tasks")
                    page:wait_for("return document.querySelectorAll('table').length > 1 "
                        .. "&& document.querySelector('details') !== null")
                end
                if view == "traces" then
                    shown:click("tbody a", "GET /shop/fail/:id")
                    page:wait_for("return document.querySelector('.waterfall') !== null")
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
        shown:show("services")
        assert.equal("all 0s ease 0s", (page:run([[
            return getComputedStyle(document.getElementById("connection"), "::before").transition
        ]]):gsub("^all$", "all 0s ease 0s")))
    end)
end)
