--- A directory of a spec's own, and what editors and deployments do to files in it.
local seam = require "host"

local temporary = {}
local methods = {}
local metatable = { __index = methods }

local function shell(command, ...)
    local quoted = {}
    for i, argument in ipairs({ ... }) do
        quoted[i] = "'" .. argument:gsub("'", "'\\''") .. "'"
    end
    assert(os.execute(command:format(unpack(quoted))) == 0, command)
end

local function write_file(path, text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
end

--- Makes a directory that nobody else uses.
function temporary.new()
    local path = os.tmpname()
    os.remove(path)
    assert(seam.make_directory(path))
    return setmetatable({ path = path }, metatable)
end

function methods:join(name)
    return self.path .. "/" .. name
end

--- Replaces the file as most editors do: a new one is renamed over it. Makes the folders on the
-- way.
function methods:write(name, text)
    local path = self:join(name)
    local folder = name:match("^(.*)/")
    if folder then
        shell("mkdir -p %s", self:join(folder))
    end
    -- No name that a service could have.
    write_file(path .. "~", text)
    assert(os.rename(path .. "~", path))
end

--- Truncates the file and writes it anew, as the other editors do.
function methods:write_in_place(name, text)
    write_file(self:join(name), text)
end

function methods:read(name)
    local file = assert(io.open(self:join(name)))
    local text = file:read("*a")
    file:close()
    return text
end

function methods:remove(name)
    shell("rm -r %s", self:join(name))
end

--- Makes `name` a symbolic link to `target`, in place of whatever link was there, in one step.
function methods:link(name, target)
    shell("ln -s %s %s", target, self:join(name .. "~"))
    shell("mv -T %s %s", self:join(name .. "~"), self:join(name))
end

function methods:destroy()
    shell("rm -rf %s", self.path)
end

return temporary
