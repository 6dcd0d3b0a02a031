--- A real etcd of the distribution: one member or several, on free ports of loopback.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local json = require "perigee.json"
local program = require "spec.support.program"
local seam = require "host"
local temporary = require "spec.support.temporary"

local etcd = {}
local methods = {}
local metatable = { __index = methods }

local FILE = "/usr/bin/etcd"
local SIGTERM, SIGKILL = 15, 9

local started = {}

-- A port that was free a moment ago.
local function free_port()
    local descriptors, address = assert(seam.listen("127.0.0.1:0", 1))
    seam.close_descriptor(descriptors[1])
    return tonumber(tostring(address):match(":(%d+)$"))
end

local function arguments_of(self, member)
    return { "--name", member.name, "--data-dir", self.root:join(member.name),
        "--listen-client-urls", self.scheme .. member.address,
        "--advertise-client-urls", self.scheme .. member.address,
        "--listen-peer-urls", "http://" .. member.peer,
        "--initial-advertise-peer-urls", "http://" .. member.peer,
        "--initial-cluster", self.cluster, "--initial-cluster-token", "spec",
        "--log-level", "error", "--heartbeat-interval", "50", "--election-timeout", "500",
        unpack(self.flags) }
end

local function answers(self, member)
    local response = client.request({ address = member.address, tls = self.tls,
        target = "/health", timeout_s = 1 })
    return response and (json.decode(response.body) or {}).health == "true"
end

--- Starts `count` members, 1 when left out, and waits until they serve; at a node of
-- spec.support.network when it is given. `secure` = { cert =, key = files, tls = for clients }.
function etcd.start(count, node, secure)
    local self = setmetatable({ root = temporary.new(), members = {},
        prefix = node and node.prefix, scheme = secure and "https://" or "http://",
        tls = secure and secure.tls, flags = secure and { "--cert-file", secure.cert,
            "--key-file", secure.key } or {} }, metatable)
    local address = node and node.address or "127.0.0.1"
    started[#started + 1] = self
    local urls = {}
    for i = 1, count or 1 do
        local member = { name = "m" .. i, address = address .. ":" .. free_port(),
            peer = address .. ":" .. free_port() }
        self.members[i] = member
        urls[i] = ("%s=http://%s"):format(member.name, member.peer)
    end
    self.cluster = table.concat(urls, ",")
    for i = 1, #self.members do
        self:start_member(i)
    end
    self:wait()
    return self
end

--- Ends every etcd that was started.
function etcd.stop_all()
    local all = started
    started = {}
    for _, self in ipairs(all) do
        for i = 1, #self.members do
            self:kill_member(i)
        end
        self.root:destroy()
    end
end

--- Starts a member anew, with the data it had.
function methods:start_member(i)
    local member = self.members[i]
    member.program = program.start(arguments_of(self, member), { file = FILE, prefix = self.prefix,
        environment = { ETCD_UNSUPPORTED_ARCH = "arm64" } })
end

--- Waits until every member that runs serves.
function methods:wait()
    for _, member in ipairs(self.members) do
        eventually(function()
            assert(not member.program or not member.program:has_ended(), member.program
                and member.program:last_words())
            return not member.program or answers(self, member)
        end, "etcd serves")
    end
end

local function end_member(member, signal)
    if member.program then
        member.program:signal(signal)
        member.program:wait()
        member.program = nil
    end
end

--- Ends a member at once.
function methods:kill_member(i)
    end_member(self.members[i], SIGKILL)
end

--- Ends a member in order.
function methods:stop_member(i)
    end_member(self.members[i], SIGTERM)
end

--- Removes the data of all members, none of which runs.
function methods:forget()
    for _, member in ipairs(self.members) do
        self.root:remove(member.name)
    end
end

--- Where its members are, as perigee.registry takes it.
function methods:location()
    local addresses = {}
    for i, member in ipairs(self.members) do
        addresses[i] = member.address
    end
    return "etcd://" .. table.concat(addresses, ",")
end

--- A call to the gateway of the first member that runs; for what a spec does behind the back of
-- the registry.
function methods:call(path, message)
    for _, member in ipairs(self.members) do
        if member.program then
            local response = assert(client.request({ address = member.address, method = "POST",
                target = path, body = json.encode(message) }))
            return assert(json.decode(response.body))
        end
    end
end

return etcd
