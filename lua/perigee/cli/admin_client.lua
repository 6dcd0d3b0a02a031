--- Questions of the command line to the admin port of a running host.
local cjson = require "cjson"
local client = require "perigee.http.client"
local flags = require "perigee.cli.flags"
local options = require "perigee.cli.options"
local token = require "perigee.cli.token"

local admin_client = {}

local TIMEOUT_S = 30

local fields -- of every question, once the flags are read

--- Reads the flags of a command that talks to the admin port, `known` or just its address. Returns
-- address, positional and all values; or nil, message.
function admin_client.parse(arguments, known)
    known = known or options.admin
    local values, positional = flags.parse_arguments(known, arguments)
    if not values then
        return nil, positional
    end
    local is_ok, message = flags.complete(known, values, os.getenv)
    if not is_ok then
        return nil, message
    end
    local secret, problem = token.read(values["admin-token-file"])
    if problem then
        return nil, problem
    end
    fields = secret and { "Authorization", "Bearer " .. secret } or {}
    return values.admin, positional, values
end

--- Returns the answer's JSON and its status, or nil and a message. `timeout_s` is 30 when it is
-- left out.
function admin_client.ask(address, method, target, timeout_s)
    local answer, code, detail = client.request({
        address = address, method = method, target = target, fields = fields,
        timeout_s = timeout_s or TIMEOUT_S,
    })
    if not answer then
        return nil, ("no answer from %s (%s): is perigee running, with --admin %s?"):format(address,
            detail or code, address)
    end
    if answer.status == 401 then
        return nil, ("%s wants a token: --admin-token-file FILE"):format(address)
    end
    local is_ok, value = pcall(cjson.decode, answer.body)
    if not is_ok then
        return nil, ("%s answered %d with something that is not JSON: is it a perigee admin port?")
            :format(address, answer.status)
    end
    return value, answer.status
end

return admin_client
