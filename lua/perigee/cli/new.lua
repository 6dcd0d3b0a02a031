--- `perigee new NAME`: a service with a spec, ready to run.
local host = require "host"

local new = { summary = "new NAME        make services/NAME.lua with a spec" }

local SERVICE = [[
-- curl http://127.0.0.1:8080/%s/hello/Ann
local http = require "perigee.http"

local app = http.router()

app:get("/hello/:name", function(request)
    return { message = "Hello, " .. request.params.name }
end)

return { http = app }
]]

local SPEC = [[
local testing = require "perigee.testing"

describe("the service %s", function()
    local client = testing.client(require "services.%s")

    it("greets by name", function()
        local response = client:get("/hello/Ann")
        assert.equal(200, response.status)
        assert.equal("Hello, Ann", response:json().message)
    end)
end)
]]

local function write(path, text)
    if host.file_info(path) then
        return nil, path .. " is there already; it was left as it is"
    end
    local file, reason = io.open(path, "w")
    if not file then
        return nil, reason
    end
    file:write(text)
    file:close()
    io.stdout:write("made ", path, "\n")
    return true
end

local function make_directory(path)
    local is_ok, code = host.make_directory(path)
    if not is_ok and code ~= "exists" then
        return nil, ("the directory %s cannot be made: %s"):format(path, code)
    end
    return true
end

local function make(name)
    for _, path in ipairs({ "services", "spec" }) do
        local is_ok, message = make_directory(path)
        if not is_ok then
            return nil, message
        end
    end
    local is_ok, message = write("services/" .. name .. ".lua", SERVICE:format(name))
    if not is_ok then
        return nil, message
    end
    return write("spec/" .. name .. "_spec.lua", SPEC:format(name, name))
end

function new.run(arguments, fail)
    local name = arguments[1]
    if not name or arguments[2] then
        return fail(2, "usage: perigee new NAME")
    elseif not name:find("^[%a_][%w_%-]*$") then
        return fail(2, ("'%s' cannot be the name of a service: it begins with a letter and has "
            .. "letters, digits, '_' and '-'"):format(name))
    end
    local is_ok, message = make(name)
    if not is_ok then
        return fail(1, message)
    end
    io.stdout:write("run it:  perigee services/\ntest it: perigee test\n")
    io.stdout:flush()
    host.exit(0)
end

return new
