--- A module that is loaded when it is first used, so that a service which never does pays no memory
-- for it. `lazy "perigee.http.form"` stands for the module's table; its functions are looked up
-- once each.
--
-- There may be dozens in an isolate, so they share what they can. A script may hold one (its
-- `coroutine`), so it must reach neither their metatable nor the names.
local names = {} -- what stands for a module -> its name

local metatable = { __metatable = false }

function metatable:__index(key)
    local value = require(names[self])[key]
    rawset(self, key, value)
    return value
end

return function(name)
    local self = setmetatable({}, metatable)
    names[self] = name
    return self
end
