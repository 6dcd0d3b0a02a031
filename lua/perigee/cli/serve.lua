--- `perigee serve DIR`: the supervisor, from flags, environment and configuration file.
local flags = require "perigee.cli.flags"
local grants = require "perigee.service.grants"
local host = require "host"
local influx_location = require "perigee.supervisor.influx_location"
local location = require "perigee.registry.location"
local log_file = require "perigee.core.log_file"
local options = require "perigee.cli.options"
local otlp_settings = require "perigee.cli.otlp_settings"
local policy = require "perigee.service.policy"
local privileges = require "perigee.supervisor.privileges"
local supervisor = require "perigee.supervisor"
local token = require "perigee.cli.token"

local serve = { summary = "serve [DIR]     run every service of a directory (default: services)" }

local MAX_CONFIG_SIZE = 1024 * 1024
local MAX_WORKERS = 256
local MS = 1000

local function read_config(path)
    local text, code = host.read_file(path, MAX_CONFIG_SIZE)
    if not text then
        return nil, ("the configuration file %s cannot be read: %s"):format(path, code)
    end
    local chunk, reason = load(text, "@" .. path, "t", {})
    if not chunk then
        return nil, reason
    end
    local is_ok, config = pcall(chunk)
    if not is_ok then
        return nil, tostring(config)
    elseif type(config) ~= "table" then
        return nil, ("%s must return a table of settings, got %s"):format(path, type(config))
    end
    local services = config.services or {}
    config.services = nil
    local is_known, message = flags.check_keys(options.serve, config, path)
    if not is_known then
        return nil, message
    end
    local is_fit, problem = policy.check(services)
    if not is_fit then
        return nil, path .. ": " .. problem
    end
    return config, services
end

local function count_processors()
    local count = 0
    local text = host.read_file("/proc/self/status", MAX_CONFIG_SIZE) or ""
    local list = text:match("Cpus_allowed_list:%s*(%S+)") or ""
    for first, last in list:gmatch("(%d+)%-?(%d*)") do
        count = count + (last == "" and 1 or tonumber(last) - tonumber(first) + 1)
    end
    return math.max(1, count)
end

local function parse_workers(value)
    if value == "auto" then
        return math.min(count_processors(), MAX_WORKERS)
    end
    local count = tonumber(value)
    if not count or count % 1 ~= 0 or count < 1 or count > MAX_WORKERS then
        return nil, ("--workers must be auto or a number from 1 to %d, got '%s'"):format(
            MAX_WORKERS, tostring(value))
    end
    return count
end

local function http_options(values)
    return {
        max_connections = values["max-connections"], max_target = values["max-target"],
        max_head = values["max-head"], max_fields = values["max-fields"],
        max_body = values["max-body"], max_framing = values["max-framing"],
        max_unread = values["max-unread"],
        max_unsent = values["max-unsent"], max_pipelined = values["max-pipelined"],
        max_compressed = values["max-compressed"],
        head_timeout = values["head-timeout"] * MS, body_timeout = values["body-timeout"] * MS,
        idle_timeout = values["idle-timeout"] * MS, write_timeout = values["write-timeout"] * MS,
    }
end

local function rpc_options(values)
    return {
        max_connections = values["max-connections"], max_unsent = values["max-unsent"],
        max_message = values["rpc-message"], max_nesting = values["rpc-nesting"],
        max_pending = values["rpc-pipelined"], max_batch = values["rpc-batch"],
        head_timeout = values["rpc-read-timeout"] * MS,
        body_timeout = values["rpc-read-timeout"] * MS,
        idle_timeout = values["rpc-idle-timeout"] * MS,
        write_timeout = values["write-timeout"] * MS,
    }
end

-- Nil without certificates.
local function tls_settings(values)
    if #values["tls-cert"] == 0 then
        return nil
    end
    return {
        certificates = values["tls-cert"],
        keys = values["tls-key"],
        client_ca = values["tls-client-ca"],
        client = values["tls-client"],
    }
end

-- True, or nil and which of the flags for TLS does not fit the others.
local function check_tls(values)
    local certificate_count, key_count = #values["tls-cert"], #values["tls-key"]
    if certificate_count ~= key_count then
        return nil, ("every certificate has a key of its own: --tls-cert names %d, --tls-key %d")
            :format(certificate_count, key_count)
    elseif values["tls-client-ca"] and certificate_count == 0 then
        return nil, "--tls-client-ca is of use only with --tls-cert and --tls-key"
    elseif values["rpc-tls"] and certificate_count == 0 then
        return nil, "--rpc-tls is of use only with --tls-cert and --tls-key"
    elseif values["rpc-tls"] and values.rpc == "off" then
        return nil, "--rpc-tls is of no use with --rpc off"
    end
    return true
end

-- "10.0.0.7" of "10.0.0.7:8080"; nil for an address that others cannot connect to.
local function host_of(address)
    local name = address:match("^%[(.*)%]:%d+$") or address:match("^([^:]+):%d+$")
    if name ~= "0.0.0.0" and name ~= "::" and name ~= "unix" then
        return name
    end
end

local EMBEDDED, REGISTRY_DELAY_S = "embedded", 1

local function registry_settings(values)
    return {
        location = values.registry,
        advertise = values.advertise or host_of(values.http) or "127.0.0.1",
        zone = values.zone,
        ttl_s = values["registry-ttl"],
        snapshot_path = values["registry-snapshot"],
    }
end

-- True, or nil and what is wrong with the flags for the registry.
local function check_registry(values)
    local parsed, problem = location.parse(values.registry)
    if not parsed then
        return nil, "--registry: " .. problem
    elseif parsed.kind ~= EMBEDDED and not values.advertise and not host_of(values.http) then
        return nil, ("--registry needs --advertise HOST: others cannot connect to %s"):format(
            values.http)
    elseif values.advertise and not values.advertise:find("^[%w.:_%-]+$") then
        return nil, ("--advertise takes a name or an address without a port, got '%s'"):format(
            values.advertise)
    end
    return true
end

-- What every service is granted.
local function granted_to_all(values)
    return { network = values["allow-network"], read = values["allow-read"],
        environment = values["allow-env"] }
end

local function check_grants(values)
    local is_fit, problem = grants.check(granted_to_all(values))
    return is_fit, problem and "--allow-network, --allow-read, --allow-env: " .. problem
end

-- Reads the token, so that what is wrong with it is said before anything runs.
local function check_token(values)
    local secret, problem = token.read(values["admin-token-file"])
    values.admin_token = secret
    return problem == nil, problem
end

local function check_confinement(values)
    if not values.confine then
        return true
    end
    local can, problem = privileges.check_confinement()
    return can, problem
end

-- Nil without an InfluxDB; or nil and what is wrong with it.
local function influx_settings(values)
    if not values.influx then
        return nil
    end
    local parsed, problem = influx_location.parse(values.influx)
    if not parsed then
        return nil, "--influx: " .. problem
    end
    return { location = parsed, interval_s = values["influx-interval"] }
end

local function check_influx(values)
    local _, problem = influx_settings(values)
    return not problem, problem
end

local function check_otlp(values)
    local _, problem = otlp_settings.read(values.otlp, os.getenv)
    if not problem then
        problem = select(2, otlp_settings.sample(os.getenv))
    end
    return not problem, problem
end

local function check_consistency(values)
    for _, check in ipairs({ check_tls, check_registry, check_grants, check_token,
        check_confinement, check_influx, check_otlp }) do
        local is_consistent, conflict = check(values)
        if not is_consistent then
            return nil, conflict
        end
    end
    return true
end

-- Those who watch the registry hear at once that a host goes, and need a moment to act on it.
local function drain_delay(values)
    return values["drain-delay"] or values.registry ~= EMBEDDED and REGISTRY_DELAY_S or 0
end

-- See perigee.core.trace_settings.
local function trace_settings(values)
    return {
        is_on = values.trace,
        slow_s = values["trace-slow"] > 0 and values["trace-slow"] or math.huge,
        sample = values["trace-sample"] or otlp_settings.sample(os.getenv) or 0,
        scheme = #values["tls-cert"] > 0 and "https" or "http",
    }
end

-- What the isolates of services are told.
local function service_settings(values)
    return {
        log = { level = values["log-level"], format = values["log-format"],
            file = values["log-file"], repeat_limit = values["log-repeat"], levels = {} },
        trace = trace_settings(values),
        is_developing = values.dev,
        slow_wait_s = values["slow-wait"],
        shed_s = values.shed,
        calls = { max_count = values["rpc-calls"], timeout_s = values["rpc-timeout"] },
        websocket_ping_s = values["websocket-ping"],
        has_registry = values.registry ~= EMBEDDED,
    }
end

-- What workers are told.
local function worker_settings(values, worker_count)
    return {
        worker_count = worker_count,
        slice_ms = values.slice,
        memory_size = values["worker-memory"],
        cpu_warning_s = values["cpu-warning"],
        cpu_budget_s = values["cpu-budget"],
        shared_size = values["shared-memory"],
        metrics_size = values["metrics-memory"],
        metrics_series = values["metrics-series"],
        load_timeout_s = values["load-timeout"],
        stop_timeout_s = values["load-timeout"],
        hand_over_s = values["hand-over"],
        drain_s = values.drain,
        http = http_options(values),
        rpc = values.rpc ~= "off" and rpc_options(values) or nil,
        is_rpc_secured = values["rpc-tls"],
        service = service_settings(values),
    }
end

--- The settings of perigee.supervisor from option values, and what the configuration file says
-- about services (perigee.service.policy).
function serve.settings(values, directory, worker_count, services)
    return {
        directory = directory,
        http_address = values.http,
        rpc_address = values.rpc ~= "off" and values.rpc or nil,
        admin_address = values.admin,
        admin_token = values.admin_token,
        user = values.user,
        is_confined = values.confine,
        module_paths = values["module-path"],
        is_watching = values.watch,
        memory_size = values.memory,
        policies = { services = services or {}, grants = granted_to_all(values) },
        stall_s = values.stall,
        drain_delay_s = drain_delay(values),
        crash_limit = values["max-crashes"],
        upgrade_s = values["upgrade-timeout"],
        registry = registry_settings(values),
        influx = influx_settings(values),
        otlp = otlp_settings.read(values.otlp, os.getenv),
        tls = tls_settings(values),
        worker = worker_settings(values, worker_count),
    }
end

--- Reads arguments, environment and file. Returns settings, or nil, message.
function serve.read_settings(arguments)
    local values, positional = flags.parse_arguments(options.serve, arguments)
    if not values then
        return nil, positional
    elseif #positional > 1 then
        return nil, ("one directory is served, got also '%s'"):format(positional[2])
    end
    local path = values.config or os.getenv("PERIGEE_CONFIG")
    local config, services
    if path then
        config, services = read_config(path)
        if not config then
            return nil, services
        end
    end
    local is_ok, reason = flags.complete(options.serve, values, os.getenv, config, path)
    if is_ok then
        is_ok, reason = check_consistency(values)
    end
    if not is_ok then
        return nil, reason
    end
    local worker_count, problem = parse_workers(values.workers)
    if not worker_count then
        return nil, problem
    end
    return serve.settings(values, positional[1] or "services", worker_count, services)
end

--- True, or nil and what is wrong with the directory.
function serve.check_directory(path)
    local kind, code = host.file_info(path)
    if kind == "directory" then
        return true
    elseif kind then
        return nil, path .. " is not a directory; perigee serves every script of a directory"
    end
    return nil, ("there is no directory %s (%s); make one with: perigee new hello"):format(path,
        code)
end

function serve.run(arguments, fail)
    local settings, message = serve.read_settings(arguments)
    if not settings then
        return fail(2, message)
    end
    local is_ok, problem = serve.check_directory(settings.directory)
    if not is_ok then
        return fail(1, problem)
    end
    is_ok, problem = log_file.open(settings.worker.service.log, "perigee")
    if not is_ok then
        return fail(1, problem)
    end
    local self, reason = supervisor.open(settings)
    if not self then
        return fail(1, reason)
    end
    self:handle_signals()
    local is_started, failure = self:start()
    if not is_started then
        return fail(1, failure)
    end
end

return serve
