--- The client side of TLS: which servers are believed, and what is shown to those that ask. The
-- table that scripts give as `tls` is checked and read here, for all clients alike.
local folder = require "perigee.core.folder"
local host = require "host"

local tls_client = {}

local MAX_FILE_SIZE = 1024 * 1024

local OPTIONS = {
    ca = "string", ca_file = "string", cert = "string", cert_file = "string",
    key = "string", key_file = "string", server_name = "string",
    insecure_skip_verify = "boolean",
}

local NAMES = "ca, ca_file, cert, cert_file, key, key_file, server_name and insecure_skip_verify"

local function pair_problem(options)
    local has_cert = (options.cert or options.cert_file) ~= nil
    local has_key = (options.key or options.key_file) ~= nil
    if has_cert ~= has_key then
        return "tls needs a cert and its key, or neither"
    end
    for _, name in ipairs { "ca", "cert", "key" } do
        if options[name] and options[name .. "_file"] then
            return ("tls takes %s or %s_file, not both"):format(name, name)
        end
    end
    return nil
end

--- Whether a certificate can be for `name`: a host name or a numeric address.
function tls_client.is_server_name(name)
    return #name <= 253 and name:find("^[%w_][%w_.:%-]*$") ~= nil or name:find("^::") ~= nil
end

--- Says what is wrong with the table of options; nil when nothing is.
function tls_client.problem(options)
    if type(options) ~= "table" then
        return ("tls must be a table, got %s"):format(type(options))
    end
    for name, value in pairs(options) do
        local wanted = OPTIONS[name]
        if not wanted then
            return ("there is no option tls.%s; there are %s"):format(tostring(name), NAMES)
        elseif type(value) ~= wanted then
            return ("tls.%s must be a %s, got %s"):format(name, wanted, type(value))
        end
    end
    if options.server_name and not tls_client.is_server_name(options.server_name) then
        return ("tls.server_name is no name of a server: %q"):format(options.server_name)
    end
    return pair_problem(options)
end

-- A file below the folder of the service's script.
local function read_file(path)
    local own, code = folder.open(".", ".")
    if not own then
        return nil, code
    end
    local file, size = own:open_file(path)
    own:close()
    if not file then
        return nil, size
    elseif size > MAX_FILE_SIZE then
        file:close()
        return nil, "too_large"
    end
    local bytes
    bytes, code = file:read(0, size)
    file:close()
    return bytes, code
end

-- The text of an option, and what messages call it; nil when it is not given; or nil, code, detail.
local function read_option(options, name)
    local path = options[name .. "_file"]
    if not path then
        return options[name], "tls." .. name
    end
    local bytes, code = read_file(path)
    if not bytes then
        return nil, code, ("tls.%s_file: %s cannot be read: %s"):format(name, path, code)
    end
    return bytes, path
end

--- Makes one of options without a problem: { ca or ca_file = PEM of the authorities to believe, in
-- place of the system's; cert or cert_file and key or key_file = PEM for servers that ask;
-- server_name = that the certificate must be for, in place of the name connected to;
-- insecure_skip_verify = true believes anybody }. Files lie below the folder of the script.
-- @return what perigee.core.stream takes; or nil, code, detail
function tls_client.open(options)
    local texts = { is_unverified = options.insecure_skip_verify == true }
    for field, name in pairs { ca = "ca", chain = "cert", key = "key" } do
        local text, shown, detail = read_option(options, name)
        if detail then
            return nil, shown, detail
        end
        texts[field], texts[field .. "_name"] = text, shown
    end
    local box, code, detail = host.tls_client(texts)
    if not box then
        return nil, code, detail
    end
    return { box = box, server_name = options.server_name }
end

return tls_client
