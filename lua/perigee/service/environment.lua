--- `os.getenv` of a service: the variables it was granted, and no others.
local environment = {}

--- Makes it. `granted` = { names = an array, values = by name }.
function environment.reader(granted)
    local is_granted = {}
    for _, name in ipairs(granted.names) do
        is_granted[name] = true
    end
    return function(name)
        if type(name) ~= "string" then
            error(("os.getenv takes the name of a variable, got %s"):format(type(name)), 2)
        elseif not is_granted[name] then
            error(("reading the environment variable %s needs a grant: --allow-env %s")
                :format(name, name), 2)
        end
        return granted.values[name]
    end
end

return environment
