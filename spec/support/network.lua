--- A network of a spec's own: nodes with an address each behind one switch, whose cables can be
-- pulled. A specification that wants one runs once more inside namespaces in which it is root, so
-- that the machine's network is not touched and nothing can be left of it:
--
--    if not network.is_own() then
--        ... network.run_alone("spec/host/some_spec.lua") ...
--        return
--    end
local eventually = require "spec.support.eventually"
local perigee = require "perigee"
local program = require "spec.support.program"
local seam = require "host"

local network = {}
local methods = {}
local metatable = { __index = methods }

local MARK = "PERIGEE_SPEC_NETWORK"
local SUBNET, SWITCH = "10.9.0.", "switch"
local DEADLINE_S = 300

--- True inside.
function network.is_own()
    return os.getenv(MARK) ~= nil
end

local function succeeds(command)
    return os.execute(command .. " >/dev/null 2>&1") == 0
end

-- The arguments of unshare; or nil and why there is no way.
local function way_in()
    if not succeeds("command -v ip unshare nsenter") then
        return nil, "ip, unshare and nsenter are needed: packages iproute2 and util-linux"
    elseif succeeds("unshare -n true") then
        return { "-n" }
    elseif succeeds("unshare -rn true") then
        return { "-r", "-n" }
    end
    return nil, "network namespaces need root, or namespaces for users"
end

-- Longer than others wait for a program.
local function run_inside(arguments, path)
    for _, argument in ipairs({ seam.program_path(), "test", path }) do
        arguments[#arguments + 1] = argument
    end
    local inside = program.start(arguments, { file = "/usr/bin/unshare",
        environment = { [MARK] = "1" } })
    local deadline = perigee.now() + DEADLINE_S
    while not inside:has_ended() and perigee.now() < deadline do
        perigee.sleep(0.01)
    end
    inside:kill()
    return inside
end

--- Runs the specification `path` inside.
-- @return its status and what it said; or nil and why that is not possible here
function network.run_alone(path)
    local arguments, reason = way_in()
    if not arguments then
        return nil, reason
    end
    local inside = run_inside(arguments, path)
    return inside.status, inside.output .. inside.log
end

local function ip(command, ...)
    command = "ip " .. command:format(...)
    assert(os.execute(command) == 0, command)
end

--- Makes a switch. Inside only, and one at a time.
function network.new()
    ip("link set lo up")
    ip("link add %s type bridge", SWITCH)
    ip("address add %s1/24 dev %s", SUBNET, SWITCH)
    ip("link set %s up", SWITCH)
    return setmetatable({ nodes = {} }, metatable)
end

-- Runs an `ip` command inside the node.
local function ip_in(node, command, ...)
    command = table.concat(node.prefix, " ") .. " ip " .. command:format(...)
    assert(os.execute(command) == 0, command)
end

local function namespace_of(pid)
    local pipe = io.popen(("readlink /proc/%s/ns/net"):format(pid))
    local name = pipe:read("*l")
    pipe:close()
    return name
end

-- A process that holds a namespace until others run there.
local function start_holder()
    local holder = program.start({ "-n", "sleep", "1000" }, { file = "/usr/bin/unshare" })
    local own = namespace_of("self")
    eventually(function()
        local name = namespace_of(holder.pid)
        return name and name ~= own
    end, "the node has a namespace")
    return holder
end

--- Adds a node: its `address`, and the `prefix` of commands that are to run there.
function methods:add()
    local number, holder = #self.nodes + 1, start_holder()
    local node = { address = SUBNET .. 10 + number, cable = "cable" .. number, holder = holder,
        prefix = { "/usr/bin/nsenter", ("--net=/proc/%d/ns/net"):format(holder.pid) } }
    self.nodes[number] = node
    ip("link add %s type veth peer name eth0 netns %d", node.cable, holder.pid)
    ip("link set %s master %s up", node.cable, SWITCH)
    ip_in(node, "link set lo up")
    ip_in(node, "address add %s/24 dev eth0", node.address)
    ip_in(node, "link set eth0 up")
    return node
end

--- Pulls the cable: what is sent to or by the node is lost without a word.
function methods.cut(_, node)
    ip("link set %s down", node.cable)
end

--- Puts it back.
function methods.mend(_, node)
    ip("link set %s up", node.cable)
end

--- Removes all of it.
function methods:destroy()
    for _, node in ipairs(self.nodes) do
        ip("link delete %s", node.cable) -- the kernel would do so, but later
        node.holder:kill()
    end
    ip("link delete %s", SWITCH)
end

return network
