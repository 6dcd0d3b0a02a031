--- Certificates and keys of the HTTP port: read once for all workers, and again when a file
-- changed. Workers get bytes, so they never need the files or the right to read them. What does not
-- fit together is told, and the last that did stays.
local host = require "host"
local log = require "perigee.log"

local certificates = {}
local methods = {}
local metatable = { __index = methods }

local MAX_FILE_SIZE = 1024 * 1024
local TICKET_KEY_SIZE = 80

-- A certificate and its key are two files, replaced one after the other, so what is broken is told
-- only when it stays so.
certificates.SETTLE_S = 0.25

local READ_PROBLEMS = {
    not_found = "there is no such file",
    directory = "it is a directory",
    too_large = "it is larger than 1 MB",
    denied = "permission denied; the user Perigee runs as must be allowed to read it",
}

-- Only known to this host's processes: they resume each other's sessions.
local function make_ticket_key()
    local digits = {}
    while #digits * 8 < TICKET_KEY_SIZE do
        digits[#digits + 1] = host.random_id()
    end
    return (table.concat(digits):gsub("%x%x", function(pair)
        return string.char(tonumber(pair, 16))
    end))
end

-- Takes the version first, so that a write in between is seen as a change later.
local function read_files(paths)
    local files = {}
    for _, path in ipairs(paths) do
        local _, version = host.file_info(path)
        local bytes, code = host.read_file(path, MAX_FILE_SIZE)
        files[path] = { version = version, bytes = bytes, code = code }
    end
    return files
end

local function list_paths(settings)
    local paths = {}
    for _, list in ipairs({ settings.certificates, settings.keys, { settings.client_ca } }) do
        for _, path in ipairs(list) do
            paths[#paths + 1] = path
        end
    end
    return paths
end

-- What workers are told; or nil, message.
local function make_options(settings, files)
    for _, path in ipairs(list_paths(settings)) do
        local file = files[path]
        if not file.bytes then
            return nil, ("%s cannot be read: %s"):format(path,
                READ_PROBLEMS[file.code] or file.code)
        end
    end
    local pairs_of_files = {}
    for i, path in ipairs(settings.certificates) do
        local key_path = settings.keys[i]
        pairs_of_files[i] = { chain = files[path].bytes, chain_name = path,
            key = files[key_path].bytes, key_name = key_path }
    end
    local client_ca = settings.client_ca
    return {
        pairs = pairs_of_files,
        client_ca = client_ca and files[client_ca].bytes,
        client_ca_name = client_ca,
        is_client_required = settings.client == "required",
        ticket_key = make_ticket_key(),
    }
end

local function date_of(seconds)
    return os.date("!%Y-%m-%d %H:%M:%S UTC", seconds)
end

-- Serving one that is out of date is better than not serving: clients say what is wrong with it.
local function warn_of_dates(settings, validities)
    for i, validity in ipairs(validities) do
        local path, now = settings.certificates[i], host.wall_time()
        if now > validity.last then
            log.warn(("%s has expired on %s; clients will refuse it"):format(path,
                date_of(validity.last)))
        elseif now < validity.first then
            log.warn(("%s is not good before %s; clients will refuse it"):format(path,
                date_of(validity.first)))
        end
    end
end

-- Reads everything and takes it when it fits together. Returns true, or nil, message.
local function load_files(self)
    self.files = read_files(list_paths(self.settings))
    local options, message = make_options(self.settings, self.files)
    if not options then
        return nil, message
    end
    local validities, _, problem = host.check_tls(options)
    if not validities then
        return nil, problem
    end
    self.options, self.validities = options, validities
    warn_of_dates(self.settings, validities)
    return true
end

--- `settings` = { certificates = paths, keys = paths, client_ca = path | nil, client = "required" |
-- "optional" }; `on_unsettled` asks for another refresh in SETTLE_S. Returns the certificates, or
-- nil, message.
function certificates.open(settings, on_unsettled)
    local self = setmetatable({
        settings = settings,
        on_unsettled = on_unsettled,
        options = nil,      -- what workers are told, see host.set_tls
        validities = nil,   -- of each certificate, see host.check_tls
        files = nil,        -- path -> { version=, bytes=, code= } as last looked at
        broken_since = nil, -- when what is there now was first seen not to fit
        last_error = nil,   -- { message=, at= } of what is there now
        reloads = 0,
    }, metatable)
    local is_ok, message = load_files(self)
    if not is_ok then
        return nil, "TLS: " .. message
    end
    return self
end

--- Every file, to be watched.
function methods:paths()
    return list_paths(self.settings)
end

-- Files with a new version are read; those with the same bytes have not changed.
local function is_changed(self)
    for path, seen in pairs(self.files) do
        local _, version = host.file_info(path)
        if version ~= seen.version then
            local bytes = host.read_file(path, MAX_FILE_SIZE)
            if bytes ~= seen.bytes then
                return true
            end
            seen.version = version
        end
    end
    return false
end

local function tell_failure(self, message)
    self.last_error = { message = message, at = host.wall_time() }
    log.error("TLS: the certificates stay as they are: " .. message)
end

local function note_failure(self, message, is_forced)
    local now = host.now()
    if is_forced then
        tell_failure(self, message)
    elseif not self.broken_since then
        self.broken_since = now
        self.on_unsettled()
    elseif now - self.broken_since >= certificates.SETTLE_S then
        tell_failure(self, message)
    end
end

--- Looks at the files. True when there are new options for the workers. `is_forced`: also when
-- nothing changed, for another ticket key.
function methods:refresh(is_forced)
    local has_changed = is_changed(self)
    if has_changed then
        self.broken_since, self.last_error = nil, nil
    end
    local is_unsettled = self.broken_since and not self.last_error
    if not (has_changed or is_unsettled or is_forced) then
        return false
    end
    local is_ok, message = load_files(self)
    if not is_ok then
        note_failure(self, message, is_forced)
        return false
    end
    self.broken_since, self.last_error = nil, nil
    self.reloads = self.reloads + 1
    return true
end

--- For `/status`.
function methods:describe()
    local list = {}
    for i, validity in ipairs(self.validities) do
        list[i] = { file = self.settings.certificates[i], good_from = date_of(validity.first),
            good_until = date_of(validity.last) }
    end
    return { certificates = list, reloads = self.reloads, last_error = self.last_error }
end

return certificates
