--- A real browser without a window: Chromium of the distribution, driven over WebDriver.
--
--    local page = browser.start()
--    page:open("http://127.0.0.1:9180/")
--    page:wait_for("return document.title === 'Services – Perigee'")
--
-- A spec ends with browser.stop_all.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local json = require "perigee.json"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local browser = {}
local methods = {}
local metatable = { __index = methods }

local DRIVER, CHROMIUM = "/usr/bin/chromedriver", "/usr/bin/chromium"
local TIMEOUT_S = 60

-- It is for pages of the spec's own host alone, so it does without the sandbox, which needs a
-- kernel that lets everybody make namespaces, and may not be root.
local ARGUMENTS = { "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-extensions", "--disable-sync", "--window-size=1280,900" }

local started = {}

local function ask(self, method, path, body)
    local answer, code, detail = client.request({ address = self.address, method = method,
        target = path, body = body and json.encode(body) or nil, timeout_s = TIMEOUT_S,
        fields = body and { "Content-Type", "application/json" } or nil })
    if not answer then
        error(("%s %s: %s, %s"):format(method, path, code, tostring(detail)), 0)
    end
    local value = json.decode(answer.body).value
    if answer.status ~= 200 then
        error(("%s %s: %s"):format(method, path, tostring(value.message)), 0)
    end
    return value
end

local function command(self, method, path, body)
    return ask(self, method, "/session/" .. self.session .. path, body)
end

local function open_session(self)
    local capabilities = { alwaysMatch = {
        ["goog:chromeOptions"] = { args = ARGUMENTS, binary = CHROMIUM },
        ["goog:loggingPrefs"] = { browser = "ALL" },
    } }
    self.session = ask(self, "POST", "/session", { capabilities = capabilities }).sessionId
end

--- Starts one.
function browser.start()
    local self = setmetatable({ root = temporary.new() }, metatable)
    started[#started + 1] = self
    self.program = program.start({ "--port=0" }, { file = DRIVER,
        environment = { HOME = self.root.path, TMPDIR = self.root.path } })
    local port = eventually(function()
        assert(not self.program:has_ended(), self.program:last_words())
        return self.program.output:match("successfully on port (%d+)")
    end, "the driver of the browser is up")
    self.address = "127.0.0.1:" .. port
    open_session(self)
    return self
end

--- Ends every browser that was started.
function browser.stop_all()
    local all = started
    started = {}
    for _, self in ipairs(all) do
        if self.session then
            pcall(command, self, "DELETE", "")
        end
        self.program:finish()
        self.root:destroy()
    end
end

--- Goes to a page and waits until it is loaded.
function methods:open(url)
    command(self, "POST", "/url", { url = url })
end

--- Runs the body of a function in the page, with `arguments`, and returns its result.
function methods:run(script, ...)
    return command(self, "POST", "/execute/sync", { script = script,
        args = json.array({ ... }) })
end

--- Waits until the script returns something but false, null and "", and returns that.
function methods:wait_for(script, ...)
    local arguments = { ... }
    return eventually(function()
        local value = self:run(script, unpack(arguments))
        return value ~= json.null and value ~= "" and value
    end, "the page says so to: " .. script)
end

--- Presses keys, one after the other: characters, or names as WebDriver numbers them.
function methods:press(...)
    local actions = json.array()
    for _, key in ipairs({ ... }) do
        actions[#actions + 1] = { type = "keyDown", value = key }
        actions[#actions + 1] = { type = "keyUp", value = key }
    end
    command(self, "POST", "/actions", { actions = json.array({
        { type = "key", id = "keyboard", actions = actions } }) })
end

browser.TAB, browser.ENTER = "\238\128\132", "\238\128\135"

local function protocol(self, name, parameters)
    return command(self, "POST", "/goog/cdp/execute", { cmd = name, params = parameters })
end

--- Sets the size of the page in pixels.
function methods:resize(width, height)
    protocol(self, "Emulation.setDeviceMetricsOverride", { width = width, height = height,
        deviceScaleFactor = 1, mobile = false })
end

--- What the page is told of its reader: { ["prefers-color-scheme"] = "dark" }.
function methods:prefer(features)
    local list = json.array()
    for name, value in pairs(features) do
        list[#list + 1] = { name = name, value = value }
    end
    protocol(self, "Emulation.setEmulatedMedia", { features = list })
end

--- The lines of the console since the last call, as texts; only what went wrong.
function methods:problems()
    local texts = {}
    for _, entry in ipairs(command(self, "POST", "/se/log", { type = "browser" })) do
        if entry.level == "SEVERE" or entry.level == "WARNING" then
            texts[#texts + 1] = entry.message
        end
    end
    return texts
end

return browser
