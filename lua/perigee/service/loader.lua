--- `require` for scripts: Perigee's public modules, and files of the service's own. Files come as
-- text from whoever runs the isolate, so that every worker gets the same bytes; asking may wait.
local scheduler = require "perigee.core.scheduler"

local loader = {}

-- What a service may require of Perigee. The rest is the host's own business.
local PUBLIC = {
    ["perigee"] = true, ["perigee.http"] = true, ["perigee.json"] = true, ["perigee.log"] = true,
    ["perigee.testing"] = true, ["perigee.sync"] = true, ["perigee.context"] = true,
    ["perigee.gateway"] = true, ["perigee.registry"] = true,
    ["perigee.shared"] = true, ["perigee.rpc"] = true,
    ["perigee.balancer"] = true, ["perigee.destination"] = true,
    ["perigee.metrics"] = true, ["perigee.trace"] = true,
}

local NAME_PATTERN = "^[%w_%-]+[%w_%-%.]*$"

-- Whether a task is still about to load it; one that was ended has left it half done.
local function is_loading(state, name)
    local task = state.loading[name]
    return task and (task == true or scheduler.state(task) ~= "dead")
end

local function load_file(state, name, fetch)
    if is_loading(state, name) then
        error(("module '%s' is required while it is being loaded: modules that need each other "
            .. "must ask later, inside a function"):format(name), 4)
    end
    local file, message = fetch(name)
    if not file then
        error(message, 4)
    end
    local chunk, reason = load(file.source, "@" .. file.chunk, "t")
    if not chunk then
        error(reason, 0)
    end
    state.loading[name] = scheduler.current() or true
    local is_ok, module = pcall(chunk, name)
    state.loading[name] = nil
    if not is_ok then
        error(module, 0)
    end
    return module
end

--- The module `name`. `state` has the tables `loaded` and `loading`; `fetch(name)` returns {
-- source=, chunk= }, or nil and a message. Errors name the line that called the function around
-- this one.
function loader.load(state, name, fetch)
    if type(name) ~= "string" then
        error(("require takes a name, got %s"):format(type(name)), 3)
    end
    if PUBLIC[name] then
        return require(name)
    elseif state.loaded[name] ~= nil then
        return state.loaded[name]
    elseif name:find("^perigee%.") then
        error(("Perigee has no module '%s' for services"):format(name), 3)
    elseif not name:find(NAME_PATTERN) or name:find("..", 1, true) then
        error(("'%s' is not the name of a module: use letters, digits, '_', '-' and single dots, "
            .. "such as 'lib.prices'"):format(name), 3)
    end
    local module = load_file(state, name, fetch)
    state.loaded[name] = module == nil and true or module
    return state.loaded[name]
end

return loader
