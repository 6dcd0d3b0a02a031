--- What a host was given instead of opening it: listening sockets, by systemd (sd_listen_fds(3)) or
-- by the process that it is to replace (perigee.supervisor.upgrade).
local host = require "host"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"
local stream_peer = require "perigee.core.stream_peer"

local inheritance = {}
local methods = {}
local metatable = { __index = methods }

-- Set for a process that is to replace the one with this number.
inheritance.VARIABLE = "PERIGEE_PREDECESSOR"

local FIRST_FD = 3
local NAMES = { http = true, rpc = true, admin = true }
local ANSWER_S = 5

-- Adds the socket to those of `name`. Returns nothing, or what is wrong.
local function add(sockets, name, fd, requested)
    local address, code = host.adopt_listening(fd)
    if not address then
        return ("descriptor %d, given for %s, is no listening socket: %s"):format(fd, name, code)
    end
    local given = sockets[name] or { fds = {}, address = address, requested = requested }
    sockets[name] = given
    given.fds[#given.fds + 1] = fd
end

local function list_names(text)
    local names = {}
    for name in ((text or "") .. ":"):gmatch("([^:]*):") do
        names[#names + 1] = name
    end
    return names
end

-- Those of systemd are for the process it has started, and not for the children of that one.
local function open_systemd(self, getenv)
    local count = tonumber(getenv("LISTEN_FDS")) or 0
    if tonumber(getenv("LISTEN_PID")) ~= host.pid() then
        count = 0
    end
    local names = list_names(getenv("LISTEN_FDNAMES"))
    for i = 1, count do
        local name = names[i] or ""
        if not NAMES[name] then
            return nil, ("systemd gives a socket that is called '%s': FileDescriptorName= must be "
                .. "http, rpc or admin"):format(name)
        end
        local problem = add(self.sockets, name, FIRST_FD + i - 1)
        if problem then
            return nil, problem
        end
    end
    return self
end

local function open_predecessor(self)
    local control = stream.adopt(FIRST_FD)
    if not control then
        return nil, inheritance.VARIABLE .. " is set, but no such process has started this one"
    end
    local predecessor, read = stream_peer.open(control, {})
    self.predecessor = predecessor
    scheduler.spawn(function()
        read()
        predecessor:close("the process to be replaced is gone")
    end).name = "the process to be replaced"
    local list, _, detail = self.predecessor:call("list_sockets", nil, ANSWER_S)
    if not list then
        return nil, "the process to be replaced does not answer: " .. detail
    end
    for i, one in ipairs(list) do
        local problem = add(self.sockets, one.name, FIRST_FD + i, one.requested)
        if problem then
            return nil, problem
        end
    end
    return self
end

--- Takes what there is. `getenv` is os.getenv. Returns the inheritance, with `sockets` = name
-- ("http", "rpc", "admin") → { fds =, address =, requested = what the predecessor was to listen
-- on }; or nil and a message.
function inheritance.open(getenv)
    local self = setmetatable({ sockets = {}, predecessor = false }, metatable)
    if getenv(inheritance.VARIABLE) then
        return open_predecessor(self)
    end
    return open_systemd(self, getenv)
end

--- How many sockets for clients were given at most: with fewer workers one of them would have
-- nobody who accepts.
function methods:least_workers()
    local least = 1
    for _, name in ipairs({ "http", "rpc" }) do
        local given = self.sockets[name]
        least = math.max(least, given and given.requested and #given.fds or 1)
    end
    return least
end

--- This process is ready: the one before it shall go. True, also when it is gone already; or nil
-- and a message when it does not, and then this one must.
function methods:take_over()
    if not self.predecessor then
        return true
    end
    local is_ok, code, detail = self.predecessor:call("hand_over", nil, ANSWER_S)
    if is_ok or code == "closed" then
        return true
    end
    return nil, "the process to be replaced goes on: " .. detail
end

return inheritance
