--- Folders of files that a service may read: below the one its script is in, or one it was granted.
-- See the seam for what can be done with a folder and its files.
local host = require "host"

local folder = {}

--- The folders that were granted, whole paths.
folder.readable = {}

local function open_granted(path)
    for _, root in ipairs(folder.readable) do
        if path == root then
            return host.folder_open(".", root, true)
        elseif path:sub(1, #root + 1) == root .. "/" then
            return host.folder_open(path:sub(#root + 2), root, true)
        end
    end
    return nil, "denied"
end

--- Opens the folder `name`. Returns it, or nil, code: "not_found" also when it leads out, "denied"
-- for a whole path that was not granted.
-- @param base counts in the host's own isolate only, where specs run: the folder it is below
function folder.open(name, base)
    if name:sub(1, 1) == "/" then
        return open_granted(name)
    end
    return host.folder_open(name, base)
end

--- Seconds since 1970.
folder.now = host.wall_time

return folder
