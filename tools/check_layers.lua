--- Checks the arrows of the architecture: lua5.1 tools/check_layers.lua [ROOT]
-- Reads the includes of host/ and the requires of lua/, services/ and examples/. Prints one line
-- for each arrow that must not be there and exits with 1.
package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local source = require "source"

-- What each folder of host/ may include besides itself, and what lies below that.
local C_ARROWS = {
    main = { "process" },
    process = { "bind" },
    bind = { "isolate", "metrics", "server", "rpc", "shared" },
    server = { "http", "net", "rpc" },
    rpc = { "base" },
    shared = { "base" },
    metrics = { "base" },
    isolate = { "os" },
    net = { "os" },
    os = { "base" },
    http = { "base" },
    base = {},
}

-- Headers of libraries, or folders of them, and the folders and files that may include them.
local LIBRARY_HEADERS = {
    ["lua.h"] = { "isolate/", "bind/" },
    ["lauxlib.h"] = { "isolate/", "bind/" },
    ["lualib.h"] = { "isolate/", "bind/" },
    ["luajit.h"] = { "isolate/", "bind/" },
    ["uv.h"] = { "os/", "net/", "base/error.c" },
    ["http_parser.h"] = { "http/http1_head.c" },
    ["zlib.h"] = { "http/deflate.c", "http/gunzip.c", "http/inflate.c" },
    ["openssl/"] = { "net/tls_client_context.c", "net/tls_context.c", "net/tls_filter.c",
        "net/tls_pem.c", "net/tls_pem.h", "net/tls_rules.c", "net/tls_rules.h",
        "http/websocket_key.c" },
}

-- A part of lua/perigee may require itself and every part with a lower rank. `perigee` is init.lua.
local LUA_RANKS = {
    core = 1, json_encoder = 1,
    json = 2, log = 2, profile = 2, resilience = 2, trace = 2,
    perigee = 3, failure = 3, sync = 3, context = 3, shared = 3,
    named_channel = 3, metrics = 3,
    balancer = 3,
    http = 4, rpc = 4,
    registry = 5,
    destination = 6,
    gateway = 7, service = 7,
    supervisor = 8, worker = 8,
    testing = 9,
    cli = 10,
}

-- Who may require the C module `host`, and who may yield.
local HOST_USERS = {
    "perigee/core/", "perigee/supervisor/", "perigee/worker/", "perigee/cli/",
    "perigee/service/exchange.lua", "perigee/service/instance.lua",
    "perigee/service/operations.lua", "perigee/service/calls.lua",
    "perigee/service/call_codecs.lua", "perigee/service/call_info.lua",
    "perigee/service/call_items.lua", "perigee/service/leaving.lua",
    "perigee/service/overrun.lua", "perigee/service/patterns.lua",
    "perigee/service/substitution.lua", "perigee/service/trace_emitter.lua",
    "perigee/init.lua", "perigee/shared.lua",
    "perigee/named_channel.lua", "perigee/service/websocket.lua",
    "perigee/metrics/init.lua", "perigee/metrics/series.lua",
    "perigee/rpc/local_call.lua", "perigee/rpc/resolver.lua",
}
local YIELDERS = { "perigee/core/scheduler.lua" }

-- These compute and nothing else: whatever they require, they never reach the host or the core,
-- except for what stands in this list too.
local PURE = {
    "perigee.core.where", "perigee.core.lazy", "perigee.core.raised", "perigee.core.base64",
    "perigee.balancer", "perigee.balancer.consistent_hash", "perigee.balancer.least_requests",
    "perigee.balancer.maglev", "perigee.balancer.peak_ewma", "perigee.balancer.round_robin",
    "perigee.balancer.weighted_random",
    "perigee.http.accept_encoding", "perigee.http.content_types", "perigee.http.date",
    "perigee.http.file_name", "perigee.http.preconditions", "perigee.http.ranges",
    "perigee.http.client.request_writer", "perigee.http.client.response_reader",
    "perigee.http.cookies", "perigee.http.form", "perigee.http.headers", "perigee.http.router",
    "perigee.http.uri", "perigee.http.url",
    "perigee.profile.flame_graph", "perigee.profile.folded",
    "perigee.metrics.line_protocol", "perigee.metrics.shape", "perigee.metrics.utf8",
    "perigee.registry.instance", "perigee.registry.location", "perigee.registry.revision",
    "perigee.resilience.ejection", "perigee.resilience.latency_window",
    "perigee.resilience.retry_budget", "perigee.resilience.retry_timing",
    "perigee.resilience.throttle", "perigee.resilience.timeout_text",
    "perigee.rpc.client.gob_codec", "perigee.rpc.client.json_codec",
    "perigee.rpc.client.json1_codec", "perigee.rpc.client.msgpack_codec",
    "perigee.rpc.gob", "perigee.rpc.json_values", "perigee.rpc.msgpack", "perigee.rpc.types",
}

local root = arg[1] or "."
local problems = {}

local function report(path, line, ...)
    problems[#problems + 1] = ("%s:%d: "):format(path, line) .. string.format(...)
end

local function is_among(path, allowed)
    for _, entry in ipairs(allowed) do
        if path == entry or (entry:sub(-1) == "/" and path:sub(1, #entry) == entry) then
            return true
        end
    end
    return false
end

local function is_below(folder, other)
    for _, next_folder in ipairs(C_ARROWS[folder]) do
        if next_folder == other or is_below(next_folder, other) then
            return true
        end
    end
    return false
end

local function exists(path)
    local file = io.open(root .. "/" .. path)
    return file ~= nil and file:close()
end

local function check_own_include(path, line, folder, header)
    local target = header:match("^([^/]+)/")
    if not target then
        report(path, line, 'write the folder: #include "%s/%s"', folder, header)
    elseif not C_ARROWS[target] then
        report(path, line, '"%s" is in no layer; layers stand in tools/check_layers.lua', header)
    elseif target ~= folder and not is_below(folder, target) then
        report(path, line, '%s/ must not include "%s": %s/ does not lie below it',
            folder, header, target)
    elseif not exists("host/" .. header) then
        report(path, line, '"%s" does not exist', header)
    end
end

local function users_of(header)
    return LIBRARY_HEADERS[header] or LIBRARY_HEADERS[header:match("^[^/]+/")]
end

local function check_library_include(path, line, header)
    local allowed = users_of(header)
    if allowed and not is_among(path:match("^host/(.*)"), allowed) then
        report(path, line, "<%s> belongs to %s; use what they offer",
            header, table.concat(allowed, ", "))
    end
end

local function check_c_file(path)
    local folder = path:match("^host/([^/]+)/") or "main"
    if not C_ARROWS[folder] then
        report(path, 1, "host/%s/ is no layer; add its arrows to tools/check_layers.lua", folder)
        return
    end
    for line, text in source.lines(source.read(root .. "/" .. path)) do
        local open, header = text:match('^%s*#%s*include%s*([<"])([^>"]+)')
        if header and (open == "<" or users_of(header)) then
            check_library_include(path, line, header)
        elseif header then
            check_own_include(path, line, folder, header)
        end
    end
end

local function inside_lua(path)
    return (path:gsub("^lua/", ""))
end

-- "lua/perigee/http/init.lua" is "perigee.http".
local function module_of(path)
    return (inside_lua(path):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

-- The part of lua/perigee that a module is in: "perigee.http.url" is in http.
local function part_of(module)
    return module:match("^perigee%.([^.]+)") or module:match("^perigee$")
end

-- Calls `found(line, module)` for each require of a literal name.
local function each_require(text, found)
    for line, code in source.lines(source.lua_code(text, true)) do
        for name in code:gmatch("%f[%w_]require%s*%(?%s*[\"']([^\"']+)") do
            found(line, name)
        end
    end
end

local function check_rank(path, line, part, required)
    local other = part_of(required)
    if not other or other == part then
        return
    end
    local own_rank, other_rank = LUA_RANKS[part], LUA_RANKS[other]
    if not other_rank then
        report(path, line, "%s has no rank; give it one in tools/check_layers.lua", other)
    elseif own_rank and other_rank >= own_rank then
        report(path, line, "%s must not require %s: %s does not lie below it",
            part, required, other)
    end
end

local function check_host_use(path, line)
    if not is_among(inside_lua(path), HOST_USERS) then
        report(path, line, "the module host is for %s; use a module of theirs",
            table.concat(HOST_USERS, ", "))
    end
end

local function check_yields(path, text)
    for line, code in source.lines(source.lua_code(text)) do
        local yields = code:find("coroutine%s*%.%s*yield")
        if yields and not is_among(inside_lua(path), YIELDERS) then
            report(path, line, "only %s yields; wait through the scheduler", YIELDERS[1])
        end
    end
end

-- Fills `requires` with what each module requires: { line = ..., name = ... } in order.
local function check_lua_file(path, requires)
    local text = source.read(root .. "/" .. path)
    local module, own = module_of(path), {}
    local part = path:find("^lua/") and part_of(module)
    if part and not LUA_RANKS[part] then
        report(path, 1, "%s has no rank; give it one in tools/check_layers.lua", part)
    end
    each_require(text, function(line, name)
        own[#own + 1] = { line = line, name = name }
        if name == "host" or name:find("^host%.") then
            check_host_use(path, line)
        elseif part then
            check_rank(path, line, part, name)
        end
    end)
    if part then
        requires[module] = own
        check_yields(path, text)
    end
end

-- The first module of the host or the core that `module` reaches, or nil; none of `seen` counts.
local function impurity(module, requires, seen)
    if seen[module] then
        return nil
    end
    if module == "host" or part_of(module) == "core" then
        return module
    end
    seen[module] = true
    for _, required in ipairs(requires[module] or {}) do
        local found = impurity(required.name, requires, seen)
        if found then
            return found
        end
    end
end

local function check_purity(module, requires)
    local seen = {}
    for _, pure in ipairs(PURE) do
        seen[pure] = true
    end
    for _, required in ipairs(requires[module] or {}) do
        local found = impurity(required.name, requires, seen)
        if found then
            report("lua/" .. module:gsub("%.", "/") .. ".lua", required.line,
                "%s is pure, and this reaches %s; pass in what it needs", module, found)
        end
    end
end

local requires = {}
for _, path in ipairs(source.files(root, "host", { ".c", ".h" })) do
    check_c_file(path)
end
for _, folder in ipairs { "lua", "services", "examples" } do
    for _, path in ipairs(source.files(root, folder, { ".lua" })) do
        check_lua_file(path, requires)
    end
end
for _, module in ipairs(PURE) do
    check_purity(module, requires)
end

for _, problem in ipairs(problems) do
    print(problem)
end
os.exit(#problems == 0 and 0 or 1)
