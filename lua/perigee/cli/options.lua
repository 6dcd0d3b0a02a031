--- Every option of `perigee serve`, each a flag, an environment variable and a key of the
-- configuration file.
local options = {}

options.log = {
    { name = "log-level", kind = "choice", choices = { "debug", "info", "warn", "error" },
        value = "LEVEL", default = "info", help = "debug, info, warn or error" },
    { name = "log-format", kind = "choice", choices = { "text", "json" }, value = "FORMAT",
        default = "text", help = "text or json" },
}

options.admin = {
    { name = "admin", kind = "address", value = "ADDRESS", default = "127.0.0.1:9180",
        help = "health, status and control" },
}

options.status = {
    options.admin[1],
    { name = "tasks", kind = "text", value = "SERVICE",
        help = "the tasks of a service, those that have waited longest" },
    { name = "json", kind = "switch", default = false, help = "as JSON" },
}

options.call = {
    options.admin[1],
    { name = "addr", kind = "address", value = "ADDRESS",
        help = "of the server; without it, the RPC port of the host with that admin port" },
    { name = "codec", kind = "choice", choices = { "json", "jsonrpc", "msgpack", "gob" },
        value = "CODEC", default = "json",
        help = "json (JSON-RPC 2.0), jsonrpc (1.0, as Go has it), msgpack or gob" },
    { name = "timeout", kind = "duration", value = "TIME", default = 30, least = 0.001,
        help = "for the reply" },
    { name = "describe", kind = "switch", default = false,
        help = "list services and methods, with their types" },
}

options.test = {
    { name = "seed", kind = "count", value = "N",
        help = "what the scheduler may choose follows this number" },
    { name = "seeds", kind = "count", value = "COUNT", default = 1, least = 1,
        help = "run under so many seeds, one after the other" },
}

local serve = {
    { name = "http", kind = "address", value = "ADDRESS", default = "127.0.0.1:8080",
        help = "where services answer; port 0 picks a free one" },
    { name = "rpc", kind = "text", value = "ADDRESS", default = "127.0.0.1:1234",
        help = "where RPC clients connect; off for nowhere" },
    options.admin[1],
    { name = "tls-cert", kind = "list", value = "FILE:...", default = {}, shown_default = "none",
        help = "PEM with a certificate and its chain: the HTTP address speaks TLS" },
    { name = "tls-key", kind = "list", value = "FILE:...", default = {}, shown_default = "none",
        help = "PEM with the key of each certificate, in the same order" },
    { name = "tls-client-ca", kind = "text", value = "FILE",
        help = "PEM with the authorities whose clients are let in" },
    { name = "tls-client", kind = "choice", choices = { "required", "optional" },
        value = "WHICH", default = "required",
        help = "whether clients must show a certificate: required or optional" },
    { name = "workers", kind = "text", value = "N", default = "auto",
        help = "worker processes; auto is one for each core" },
    { name = "watch", kind = "switch", default = true,
        help = "reload on save; --no-watch turns it off" },
    { name = "dev", kind = "switch", default = false,
        help = "show errors with traceback to clients" },
    { name = "config", kind = "text", value = "FILE",
        help = "settings as a Lua table: return { workers = 2 }" },
    { name = "module-path", kind = "list", value = "DIR:...", default = {}, shown_default = "none",
        help = "more directories for require" },
    { name = "memory", kind = "size", value = "SIZE", default = 64 * 1024 * 1024,
        shown_default = "64MB", least = 1024 * 1024, help = "heap of one service in one worker" },
    { name = "shared-memory", kind = "size", value = "SIZE", default = 16 * 1024 * 1024,
        shown_default = "16MB", least = 256 * 1024, is_zero_allowed = true,
        help = "of all workers, for perigee.shared; 0 is none" },
    { name = "slice", kind = "count", value = "MS", default = 5, least = 1, most = 1000,
        help = "a service's turn, in milliseconds" },
    { name = "stall", kind = "duration", value = "TIME", default = 2, least = 0.1,
        help = "a worker stuck this long is replaced" },
    { name = "slow-wait", kind = "duration", value = "TIME", default = 60,
        help = "requests that wait longer are told of; 0 for none" },
    { name = "load-timeout", kind = "duration", value = "TIME", default = 5, least = 0.1,
        help = "for a script's top level, and for start()" },
    { name = "drain", kind = "duration", value = "TIME", default = 30,
        help = "for requests of an old generation, and on stop" },
    { name = "hand-over", kind = "duration", value = "TIME", default = 2,
        help = "for requests in flight before save()" },
    { name = "max-connections", kind = "count", value = "N", default = 10000, least = 1,
        help = "open connections of one worker: 503" },
    { name = "max-target", kind = "size", value = "SIZE", default = 8192,
        help = "request target: 414" },
    { name = "max-head", kind = "size", value = "SIZE", default = 32768,
        help = "request head: 431" },
    { name = "max-fields", kind = "count", value = "N", default = 100, least = 1,
        help = "header fields: 431" },
    { name = "max-body", kind = "size", value = "SIZE", default = 1024 * 1024,
        shown_default = "1MB", help = "request body: 413" },
    { name = "max-framing", kind = "size", value = "SIZE", default = 16 * 1024,
        shown_default = "16KB", help = "chunk extensions and trailers of a request: 431" },
    { name = "max-unread", kind = "size", value = "SIZE", default = 64 * 1024,
        shown_default = "64KB", help = "of a body before its handler takes it" },
    { name = "max-unsent", kind = "size", value = "SIZE", default = 256 * 1024,
        shown_default = "256KB", help = "of answers, for one connection" },
    { name = "max-pipelined", kind = "count", value = "N", default = 16, least = 1,
        help = "unanswered requests of one connection" },
    { name = "max-compressed", kind = "count", value = "N", default = 64, least = 0,
        help = "answers being compressed at once in one worker; others go out plain" },
    { name = "head-timeout", kind = "duration", value = "TIME", default = 10,
        help = "for a whole request head: 408" },
    { name = "body-timeout", kind = "duration", value = "TIME", default = 30,
        help = "between two pieces of a body: 408" },
    { name = "idle-timeout", kind = "duration", value = "TIME", default = 60,
        help = "between two requests of a connection" },
    { name = "write-timeout", kind = "duration", value = "TIME", default = 30,
        help = "for a client that takes no byte" },
    { name = "rpc-message", kind = "size", value = "SIZE", default = 4 * 1024 * 1024,
        shown_default = "4MB", help = "one message of RPC" },
    { name = "rpc-nesting", kind = "count", value = "N", default = 128, least = 1, most = 1024,
        help = "how deep a value of JSON may be nested" },
    { name = "rpc-pipelined", kind = "count", value = "N", default = 1000, least = 1,
        help = "calls in flight on one connection" },
    { name = "rpc-calls", kind = "count", value = "N", default = 10000, least = 1,
        help = "calls in flight in one service of one worker" },
    { name = "rpc-batch", kind = "count", value = "N", default = 100, least = 1,
        help = "calls in one batch of JSON-RPC" },
    { name = "rpc-timeout", kind = "duration", value = "TIME", default = 60,
        help = "for one call; 0 for none" },
    { name = "rpc-read-timeout", kind = "duration", value = "TIME", default = 10,
        help = "for the rest of a message that has begun" },
    { name = "rpc-idle-timeout", kind = "duration", value = "TIME", default = 0,
        help = "for an RPC connection without calls; 0 for none" },
    { name = "websocket-ping", kind = "duration", value = "TIME", default = 30,
        help = "between pings to a WebSocket; 0 for none" },
}
for _, option in ipairs(options.log) do
    serve[#serve + 1] = option
end
options.serve = serve

return options
