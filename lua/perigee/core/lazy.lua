--- A module that is loaded when it is first used, so that a service which never does pays no memory
-- for it. `lazy "perigee.http.form"` stands for the module's table; its functions are looked up
-- once each.
return function(name)
    return setmetatable({}, {
        __index = function(self, key)
            local value = require(name)[key]
            rawset(self, key, value)
            return value
        end,
    })
end
