--- Programs in Go, built with the compiler of the distribution.
local program = require "spec.support.program"

local go = {}

local function run(arguments, options)
    local status, output, log = program.run(arguments, options)
    return status, output, log
end

local built_count = 0

--- Builds a program of one file, `text`, into the folder `root` of spec.support.temporary. Returns
-- its path.
function go.build_text(root, text)
    built_count = built_count + 1
    local folder = ("program%d/"):format(built_count)
    root:write(folder .. "main.go", text)
    local path = root:join(folder .. "main")
    local status, _, log = run({ "build", "-o", path, root:join(folder .. "main.go") }, {
        file = "/usr/bin/go",
        environment = { GOCACHE = "/tmp/perigee-go-cache", GO111MODULE = "off", GOFLAGS = "" },
    })
    assert(status == 0, log)
    return path
end

--- The same of a file below spec/fixtures. `port`: in place of 1234, the port in the text.
function go.build(root, fixture, port)
    local file = assert(io.open("spec/fixtures/" .. fixture))
    local text = file:read("*a")
    file:close()
    return go.build_text(root, port and text:gsub("1234", port) or text)
end

--- Runs a program with these arguments to its end. Returns its status, standard output and standard
-- error.
function go.run(path, ...)
    return run({ ... }, { file = path })
end

return go
