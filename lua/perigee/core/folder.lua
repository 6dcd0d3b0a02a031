--- Folders of files that a service may read, below the one its script is in. See the seam for what
-- can be done with a folder and its files.
local host = require "host"

local folder = {}

--- Opens the folder `name`. Returns it, or nil, code: "not_found" also when it leads out.
-- @param base counts in the host's own isolate only, where specs run: the folder it is below
function folder.open(name, base)
    return host.folder_open(name, base)
end

--- Seconds since 1970.
folder.now = host.wall_time

return folder
