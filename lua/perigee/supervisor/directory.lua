--- The directory of services: what is in it, and when it changed. Directories are watched, not
-- files, because editors replace files. A slow poll finds what no watch tells: a directory that
-- was itself replaced, a network file system, a link that now points elsewhere.
local event = require "perigee.core.event"
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

local directory = {}
local methods = {}
local metatable = { __index = methods }

local NAME_PATTERN = "^[%a_][%w_%-]*$"

-- A burst of events counts as one when it pauses this long, and in any case after the longest wait.
local QUIET_S = 0.008
local LONGEST_S = 0.1
local POLL_S = 1

local KERNEL_LIMITS = "; the kernel's limits are fs.inotify.max_user_instances and "
    .. "fs.inotify.max_user_watches"

--- `options` = { path=, module_paths= }.
function directory.open(options)
    return setmetatable({
        path = options.path:gsub("(.)/+$", "%1"),
        module_paths = options.module_paths or {},
        watches = {}, -- real path of a directory -> id
        watched_paths = {}, -- files it watches those directories for
        is_failure_told = false, -- that a directory cannot be watched
        task = nil,
    }, metatable)
end

local function join(first, second)
    return first == "." and second or first .. "/" .. second
end

local function add(services, self, name, path, folder)
    local roots = {}
    if folder then
        roots[1] = folder
    end
    roots[#roots + 1] = self.path
    for _, root in ipairs(self.module_paths) do
        roots[#roots + 1] = root
    end
    services[name] = { name = name, path = path, roots = roots }
end

-- Adds the service that `file` is, if it is one. Returns a problem, or nil.
local function add_script(self, services, file)
    local name = file:match("^([^%.#].*)%.lua$")
    local path = join(self.path, file)
    if not name or host.file_info(path) ~= "file" then
        return nil
    elseif not name:find(NAME_PATTERN) then
        return ("%s is not a service: its name must be letters, digits, '_' and '-'"):format(path)
    end
    add(services, self, name, path)
end

local function add_folder(self, services, file)
    local folder = join(self.path, file)
    local path = folder .. "/init.lua"
    if not file:find(NAME_PATTERN) or host.file_info(path) ~= "file" then
        return nil
    elseif services[file] then
        return ("%s and %s are both the service '%s'; the file is used"):format(
            services[file].path, path, file)
    end
    add(services, self, file, path, folder)
end

--- What is there now: name -> { name=, path=, roots= }. Second a list of problems, each a text.
-- Returns nil, code when the directory cannot be read.
function methods:scan()
    local names, code = host.list_directory(self.path)
    if not names then
        return nil, code
    end
    table.sort(names)
    local services, problems = {}, {}
    for _, file in ipairs(names) do
        problems[#problems + 1] = add_script(self, services, file)
    end
    for _, file in ipairs(names) do
        problems[#problems + 1] = add_folder(self, services, file)
    end
    return services, problems
end

local function parent_of(path)
    return path:match("^(.*)/[^/]*$") or "."
end

-- Both where a path stands and where it points to: either may change.
local function add_directories(wanted, path)
    local parent = parent_of(path)
    local resolved = host.real_path(path)
    wanted[host.real_path(parent) or parent] = true
    if resolved then
        wanted[parent_of(resolved)] = true
    end
end

-- Without a watch the poll remains, a hundred times slower. One that is not there yet is no reason
-- to say so.
local function start_watch(self, path)
    if self.watches[path] then
        return
    end
    local id, code = host.watch_directory(path)
    self.watches[path] = id
    if not id and code ~= "not_found" and not self.is_failure_told then
        self.is_failure_told = true
        log.warn(("%s cannot be watched (%s): changes are looked for every %g s%s"):format(path,
            code, POLL_S, code == "full" and KERNEL_LIMITS or ""))
    end
end

--- Watches where `path` stands and points to, besides what is watched already.
function methods:watch_path(path)
    if self.watched_paths[path] then
        return
    end
    self.watched_paths[path] = true
    local wanted = {}
    add_directories(wanted, path)
    for one in pairs(wanted) do
        start_watch(self, one)
    end
end

--- Watches the directory and every directory of `paths` (a set), and nothing else from now on.
function methods:watch(paths)
    local wanted = { [host.real_path(self.path) or self.path] = true }
    for path in pairs(paths) do
        add_directories(wanted, path)
    end
    for path, id in pairs(self.watches) do
        if not wanted[path] then
            host.unwatch(id)
            self.watches[path] = nil
        end
    end
    for path in pairs(wanted) do
        start_watch(self, path)
    end
    self.watched_paths = paths
end

function methods:forget_watch(id)
    for path, known in pairs(self.watches) do
        if known == id then
            host.unwatch(id)
            self.watches[path] = nil
        end
    end
end

--- Makes wait_for_change return soon.
function methods:poke()
    self.is_changed = true
    local task = self.task
    if task then
        scheduler.wake(task, task.wait_id, true)
    end
end

--- Must be called once before wait_for_change.
function methods:listen()
    scheduler.on_event(event.CHANGE, function(id, code)
        if code ~= 0 then
            self:forget_watch(id)
        end
        self:poke()
    end)
end

-- Waits for the next event, at most `timeout_s`. Returns false when none came.
local function wait(self, timeout_s)
    self.task = scheduler.current()
    local is_told = self.is_changed or scheduler.wait(host.now() + timeout_s)
    self.task = nil
    self.is_changed = false
    return is_told
end

--- Waits until something changed and the changes have paused, or for the time of a poll. True for a
-- change.
function methods:wait_for_change()
    if not wait(self, POLL_S) then
        return false
    end
    local deadline = host.now() + LONGEST_S
    while host.now() < deadline and wait(self, QUIET_S) do
        -- Still changing.
    end
    return true
end

return directory
