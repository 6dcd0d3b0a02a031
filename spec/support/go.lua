--- Programs in Go, built with the compiler of the distribution.
local program = require "spec.support.program"

local go = {}

local function run(arguments, options)
    local status, output, log = program.run(arguments, options)
    return status, output, log
end

--- Builds a program of one file below spec/fixtures into the folder `root` of
-- spec.support.temporary. `port`: in place of 1234, the port in the text. Returns its path.
function go.build(root, fixture, port)
    local file = assert(io.open("spec/fixtures/" .. fixture))
    local text = file:read("*a")
    file:close()
    root:write("program/main.go", port and text:gsub("1234", port) or text)
    local path = root:join("program/main")
    local status, _, log = run({ "build", "-o", path, root:join("program/main.go") }, {
        file = "/usr/bin/go",
        environment = { GOCACHE = "/tmp/perigee-go-cache", GO111MODULE = "off", GOFLAGS = "" },
    })
    assert(status == 0, log)
    return path
end

--- Runs a program to its end. Returns its status, standard output and standard error.
function go.run(path)
    return run({}, { file = path })
end

return go
