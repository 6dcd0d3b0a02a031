--- The token of the admin port, kept in a file so that no list of processes shows it.
local host = require "host"

local token = {}

local MAX_FILE_SIZE, LEAST_SIZE = 4096, 16

--- The token in a file: its only line. Nil without a path; or nil and a message.
function token.read(path)
    if not path then
        return nil
    end
    local text, code = host.read_file(path, MAX_FILE_SIZE)
    if not text then
        return nil, ("--admin-token-file %s cannot be read: %s"):format(path, code)
    end
    local read = text:match("^%s*(%S+)%s*$")
    if not read or #read < LEAST_SIZE then
        return nil, ("--admin-token-file %s must hold one word of %d characters or more, such as "
            .. "`openssl rand -hex 32` prints"):format(path, LEAST_SIZE)
    end
    return read
end

return token
