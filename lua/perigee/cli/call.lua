--- `perigee call Service.Method JSON`: calls a method of a running host, or of any server that
-- speaks one of the protocols, and prints the reply as JSON.
local admin_client = require "perigee.cli.admin_client"
local client = require "perigee.rpc.client"
local host = require "host"
local json_values = require "perigee.rpc.json_values"
local options = require "perigee.cli.options"

local call = { summary = "call NAME JSON  call a method: perigee call Service.Method '{\"A\":1}'" }

local USAGE = "usage: perigee call [flags] Service.Method [JSON], or perigee call --describe "
    .. "[Service]"

-- The address of the running host's RPC port; or nil and a message.
local function find_address(admin)
    local report, status = admin_client.ask(admin, "GET", "/status")
    if not report then
        return nil, status .. " Otherwise name a server with --addr"
    elseif status ~= 200 or type(report.addresses) ~= "table" then
        return nil, ("%s does not say where the RPC port is: name it with --addr"):format(admin)
    elseif not report.addresses.rpc then
        return nil, "the host has no RPC port, for it was started with --rpc off"
    end
    return report.addresses.rpc
end

-- As rpc.dial takes it.
local function url_of(address)
    if address:find("^unix:") then
        return "unix://" .. address:sub(#"unix:" + 1)
    end
    return "tcp://" .. (address:find("^:") and "127.0.0.1" or "") .. address
end

local function format_method(service, method)
    local reply = method.Reply ~= "" and " " .. method.Reply or ""
    local doc = method.Doc ~= "" and "\n    " .. method.Doc or ""
    return ("%s.%s(%s)%s%s\n"):format(service.Name, method.Name, method.Args, reply, doc)
end

local function print_description(services)
    for _, service in ipairs(services) do
        for _, method in ipairs(service.Methods) do
            io.stdout:write(format_method(service, method))
        end
    end
    return true
end

-- Returns true; or nil and a message.
local function print_reply(value)
    if value == nil then
        io.stdout:write("null\n")
        return true
    end
    local text, _, detail = json_values.encode(nil, value, "the reply")
    if not text then
        return nil, detail
    end
    io.stdout:write(text, "\n")
    return true
end

-- What is to be called, and with what: method, argument; or nil and what is wrong with the words.
local function read_words(words, is_describing)
    local method, text = words[1], words[2]
    if #words > (is_describing and 1 or 2) then
        return nil
    elseif is_describing then
        return "rpc.describe", method or ""
    elseif not method then
        return nil
    elseif not method:find(".%..") then
        return nil, ("'%s' is no Service.Method"):format(method)
    elseif not text then
        return method
    end
    local value, _, detail = json_values.read(text)
    if value == nil then
        return nil, ("the argument is no JSON: %s"):format(detail)
    end
    return method, value
end

-- Over gob a value goes with its type, which is seen from what is in it.
local function is_sendable(codec, argument)
    local is_empty = argument == nil or type(argument) == "table" and next(argument) == nil
    return codec ~= "gob" or not is_empty
end

-- What the server says; JSON-RPC 2.0 has a fixed message for some failures, and the rest as data.
local function message_of(code, detail, failure)
    local data = type(failure) == "table" and failure.data
    return (detail or code) .. (type(data) == "string" and ": " .. data or "")
end

-- Calls and prints. Returns true; or nil and a message.
local function run(address, values, method, argument)
    local server = client.dial(url_of(address), { codec = values.codec,
        timeout_s = values.timeout })
    local value, code, detail, failure = server:call(method, argument)
    if value == nil and code then
        return nil, ("%s: %s"):format(method, message_of(code, detail, failure))
    elseif values.describe then
        return print_description(value)
    end
    return print_reply(value)
end

function call.run(arguments, fail)
    local admin, words, values = admin_client.parse(arguments, options.call)
    if not admin then
        return fail(2, words)
    end
    local method, argument = read_words(words, values.describe)
    if not method then
        return fail(2, argument or USAGE)
    elseif not is_sendable(values.codec, argument) then
        return fail(2, "--codec gob needs an argument with something in it, which tells its type: "
            .. "0, '\"text\"', '[1]', '{\"A\":1}'")
    end
    local address, problem = values.addr, nil
    if not address then
        address, problem = find_address(admin)
    end
    local is_done = false
    if address then
        is_done, problem = run(address, values, method, argument)
    end
    if not is_done then
        return fail(1, problem)
    end
    io.stdout:flush()
    host.exit(0)
end

return call
