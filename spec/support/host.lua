--- A host to drive from outside: the real program, serving a directory of its own on ports the
-- kernel picks.
--
--    local running = host.start { services = { ["hello.lua"] = text }, flags = { "--dev" } }
--    assert.equal(200, running:get("/hello/Ann").status)
--
-- A spec ends with host.stop_all in after_each, so that nothing outlives it whatever happened.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local json = require "perigee.json"
local perigee = require "perigee"
local program = require "spec.support.program"
local seam = require "host"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"

local host = {}
local methods = {}
local metatable = { __index = methods }

local TIMEOUT_S = 20
local LOOPBACK_PORT = "127.0.0.1:0"
local LOOPBACK = "127.0.0.0/8,::1,localhost"
local SIGTERM, SIGUSR2 = 15, 12

local started = {}

local function compose_arguments(root, directory, options)
    local arguments = { directory }
    for name, value in pairs({ http = LOOPBACK_PORT, rpc = LOOPBACK_PORT, admin = LOOPBACK_PORT,
        workers = 1 }) do
        if options[name] ~= false then
            arguments[#arguments + 1] = ("--%s=%s"):format(name, options[name] or value)
        end
    end
    if not options.has_no_grants then
        arguments[#arguments + 1] = "--allow-network=" .. LOOPBACK
    end
    for _, flag in ipairs(options.flags or {}) do
        arguments[#arguments + 1] = flag
    end
    if options.config then
        root:write("perigee.lua", options.config)
        arguments[#arguments + 1] = "--config"
        arguments[#arguments + 1] = root:join("perigee.lua")
    end
    return arguments
end

--- Starts a host and waits for its start-up table. `options`: `services`, texts by file name below
-- the directory served; or `directory`, one that exists. `workers`, 1 when left out, and `http`,
-- `rpc` and `admin`, addresses: false for no such flag; `flags`, an array; `has_no_grants`, true
-- for one whose services may connect to nothing, not even to this machine, as without flags;
-- `config`, the text of a configuration file; `environment`, `file` and `prefix` as of
-- program.start.
function host.start(options)
    local self = setmetatable({ root = temporary.new() }, metatable)
    started[#started + 1] = self
    assert(seam.make_directory(self.root:join("services")))
    for name, text in pairs(options.services or {}) do
        self.root:write("services/" .. name, text)
    end
    self.directory = options.directory or self.root:join("services")
    self.program = program.start(compose_arguments(self.root, self.directory, options),
        { file = options.file, environment = options.environment, prefix = options.prefix })
    eventually(function()
        return self.program:has_ended() or self.program.output:find("  admin +http://%S+\n")
    end, "the start-up table is there")
    self.http = self.program.output:match("  https? +https?://([^/%s]+)")
    self.rpc = self.program.output:match("  rpc +(%S+)")
    self.admin = self.program.output:match("  admin +http://([^/%s]+)")
    if not self.http then
        error("the host did not start:\n" .. self.program:last_words(), 2)
    end
    return self
end

--- Ends every host that was started, and removes what was written for it.
function host.stop_all()
    local hosts = started
    started = {}
    for _, running in ipairs(hosts) do
        if running.program then
            running.program:finish()
        end
        running.root:destroy()
    end
end

--- What the host has said on standard output: the start-up table.
function methods:table()
    return self.program.output
end

--- Makes a request on a connection of its own: { method =, target =, fields =, body = }. Fails the
-- spec without an answer.
function methods:request(request)
    request.address = request.address or self.http
    request.timeout_s = request.timeout_s or TIMEOUT_S
    local answer, code, detail = client.request(request)
    if not answer then
        error(("%s %s: no answer: %s, %s\n%s"):format(request.method or "GET", request.target,
            code, tostring(detail), self.program:last_words()), 2)
    end
    return answer
end

function methods:get(target)
    return self:request({ target = target })
end

function methods:post(target, body)
    return self:request({ method = "POST", target = target, body = body })
end

--- The body of a GET.
function methods:body(target)
    return self:request({ target = target }).body
end

--- The body of a GET, decoded.
function methods:json(target)
    return json.decode(self:request({ target = target }).body)
end

--- A connection that is kept (see perigee.http.client.connection).
function methods:connect()
    return assert(client.connect(self.http))
end

--- A bare stream to the host.
function methods:open()
    return assert(stream.connect(self.http))
end

--- Sends bytes as they are and returns all that comes until the host closes. `is_end`: the client
-- says that nothing more will come.
function methods:raw(bytes, is_end)
    local peer = self:open()
    peer:write(bytes)
    if is_end then
        peer:shutdown()
    end
    return self.read_all(peer)
end

--- All that comes of an open stream until the host closes.
function methods.read_all(peer)
    local parts = {}
    local deadline = perigee.now() + TIMEOUT_S
    local part, code = peer:read(deadline)
    while part do
        parts[#parts + 1] = part
        part, code = peer:read(deadline)
    end
    peer:close()
    if code == "timeout" then
        error("the host did not close the connection; it said:\n" .. table.concat(parts), 2)
    end
    return table.concat(parts)
end

--- A question to the admin port: the decoded answer and its status.
function methods:ask(method, target)
    local answer = self:request({ address = self.admin, method = method, target = target })
    return json.decode(answer.body), answer.status
end

--- What /status says.
function methods:status()
    return (self:ask("GET", "/status"))
end

--- What /status says of one service.
function methods:service(name)
    for _, service in ipairs(self:status().services) do
        if service.name == name then
            return service
        end
    end
end

--- Files are named below the directory served. See spec.support.temporary for each.
for _, name in ipairs({ "write", "write_in_place", "read", "remove", "link" }) do
    methods[name] = function(running, path, ...)
        return running.root[name](running.root, "services/" .. path, ...)
    end
end

--- The lines of the log so far.
function methods:log()
    return self.program.log
end

--- Waits until a line of the log has `pattern`, and returns that line; `count` of them when it is
-- given.
function methods:wait_for_log(pattern, count)
    local found
    eventually(function()
        local seen = 0
        for line in self.program.log:gmatch("([^\n]*)\n") do
            if line:find(pattern) then
                seen, found = seen + 1, line
            end
        end
        return seen >= (count or 1)
    end, ("the log has '%s'; it ends:\n%s"):format(pattern, self.program:last_words()))
    return found
end

--- Waits until a GET of `target` answers with `body`.
function methods:wait_for_body(target, body)
    local last
    eventually(function()
        last = self:body(target)
        return last == body
    end, ("%s answers '%s'"):format(target, body))
end

--- Waits until something is so.
function methods.wait_until(_, condition, what)
    return eventually(condition, what)
end

--- Sends a signal to the supervisor.
function methods:signal(number)
    self.program:signal(number)
end

--- Has a new process take the place of the supervisor, and waits for that. Returns its number.
function methods:upgrade()
    local old_pid = self.program.pid
    self:signal(SIGUSR2)
    local line = self:wait_for_log("the new process has taken over.*pid=%d+",
        (self.upgrade_count or 0) + 1)
    self.upgrade_count = (self.upgrade_count or 0) + 1
    local pid = tonumber(line:match("pid=(%d+)"))
    assert(pid ~= old_pid)
    self.program:follow(pid)
    return pid
end

--- Waits for the end of every process of the host. Returns the supervisor's status.
function methods:wait()
    return self.program:wait()
end

--- Ends the host in order. Returns its status.
function methods:stop()
    self:signal(SIGTERM)
    return self:wait()
end

return host
