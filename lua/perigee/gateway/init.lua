--- `perigee.gateway`: requests that are answered by services of other hosts.
--
--    local gateway = require "perigee.gateway"
--    app:all("/users/*rest", gateway.proxy { service = "users" })
local proxy = require "perigee.gateway.proxy"

return {
    --- Makes a handler, see perigee.gateway.proxy.
    proxy = function(options)
        local handler = proxy.new(options)
        return handler
    end,
}
