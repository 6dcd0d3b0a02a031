--- Certificates for specs, made by the openssl command when they are needed.
local program = require "spec.support.program"

local authority = {}
local methods = {}
local metatable = { __index = methods }

--- Runs a command line of the shell to its end. Returns its standard output and what else it said.
function authority.run(command, ...)
    local quoted = {}
    for i, argument in ipairs({ ... }) do
        quoted[i] = "'" .. tostring(argument):gsub("'", "'\\''") .. "'"
    end
    local _, output, log = program.run({ "-c", command:format(unpack(quoted)) },
        { file = "/bin/sh" })
    return output, log
end

--- `root` is a directory of spec.support.temporary.
function authority.new(root)
    return setmetatable({ root = root }, metatable)
end

function methods:path(name)
    return self.root:join(name)
end

--- Makes NAME.pem, signed with NAME.key, for `hosts` ("DNS:a.test,DNS:*.b.test"). Good for `days`
-- from now, or until days ago.
function methods:make(name, hosts, days)
    local key, request = self:path(name .. ".key"), self:path(name .. ".csr")
    local extensions, certificate = self:path(name .. ".ext"), self:path(name .. ".pem")
    self.root:write(name .. ".ext", "subjectAltName=" .. hosts .. "\n")
    local _, log = authority.run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
        .. "-nodes -keyout %s -out %s -subj %s && openssl x509 -req -in %s -signkey %s -days %s "
        .. "-extfile %s -out %s~ && mv %s~ %s", key, request, "/CN=" .. name, request, key,
        days or 10, extensions, certificate, certificate, certificate)
    assert(os.rename(certificate, certificate), log)
    return certificate, key
end

--- Makes NAME.pem, signed with NAME.key, good from `first` to `last` ("20480101000000Z").
function methods:make_between(name, first, last)
    self.root:write(name .. ".cnf", ("[ca]\ndefault_ca = own\n[own]\ndatabase = %s\n"
        .. "new_certs_dir = %s\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n"
        .. "[any]\ncommonName = supplied\n"):format(self:path(name .. ".db"), self.root.path))
    self.root:write(name .. ".db", "")
    local key, request = self:path(name .. ".key"), self:path(name .. ".csr")
    local certificate = self:path(name .. ".pem")
    local _, log = authority.run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
        .. "-nodes -keyout %s -out %s -subj %s && openssl ca -batch -notext -selfsign -config %s "
        .. "-in %s -keyfile %s -startdate %s -enddate %s -out %s", key, request, "/CN=" .. name,
        self:path(name .. ".cnf"), request, key, first, last, certificate)
    assert(io.open(certificate), log):close()
end

--- The flags for certificates of these names.
function methods:flags(...)
    local certificates, keys = {}, {}
    for i, name in ipairs({ ... }) do
        certificates[i], keys[i] = self:path(name .. ".pem"), self:path(name .. ".key")
    end
    return { "--tls-cert", table.concat(certificates, ":"), "--tls-key", table.concat(keys, ":") }
end

return authority
