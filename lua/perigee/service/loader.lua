--- `require` for scripts: Perigee's public modules, and files of the service's own.
-- Files come as text from whoever runs the isolate, so that every worker gets the same bytes; asking may wait.
local loader = {}

-- What a service may require of Perigee. The rest is the host's own business.
local PUBLIC = {
    ["perigee"] = true, ["perigee.http"] = true, ["perigee.json"] = true, ["perigee.log"] = true,
    ["perigee.testing"] = true,
}

local NAME_PATTERN = "^[%w_%-]+[%w_%-%.]*$"

--- `options.require` is the isolate's own, `options.fetch(name)` returns {source=, chunk=} | nil, message.
function loader.new(options)
    local loaded, loading = {}, {}

    local function load_file(name)
        if loading[name] then
            error(("module '%s' is required while it is being loaded: modules that need each "
                .. "other must ask later, inside a function"):format(name), 3)
        end
        local file, message = options.fetch(name)
        if not file then
            error(message, 3)
        end
        local chunk, reason = load(file.source, "@" .. file.chunk, "t")
        if not chunk then
            error(reason, 0)
        end
        loading[name] = true
        local module = chunk(name)
        loading[name] = nil
        return module
    end

    return function(name)
        if type(name) ~= "string" then
            error(("require takes a name, got %s"):format(type(name)), 2)
        end
        if PUBLIC[name] then
            return options.require(name)
        elseif loaded[name] ~= nil then
            return loaded[name]
        elseif name:find("^perigee%.") then
            error(("Perigee has no module '%s' for services"):format(name), 2)
        elseif not name:find(NAME_PATTERN) or name:find("..", 1, true) then
            error(("'%s' is not the name of a module: use letters, digits, '_', '-' and single "
                .. "dots, such as 'lib.prices'"):format(name), 2)
        end
        local module = load_file(name)
        loaded[name] = module == nil and true or module
        return loaded[name]
    end
end

return loader
