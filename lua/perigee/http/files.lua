--- Files of a folder as answers: `app:get("/static/*path", http.files("public"))`. Which
-- representation of which file, under which conditions and which pieces of it, is decided here; the
-- bytes go from the file to the client without coming by.
local accept_encoding = require "perigee.http.accept_encoding"
local answer = require "perigee.http.answer"
local content_types = require "perigee.http.content_types"
local date = require "perigee.http.date"
local file_name = require "perigee.http.file_name"
local folder = require "perigee.core.folder"
local http_error = require "perigee.http.http_error"
local preconditions = require "perigee.http.preconditions"
local ranges = require "perigee.http.ranges"
local where = require "perigee.core.where"

local files = {}

local METHODS = "GET, HEAD, OPTIONS"

-- The names of files that hold another coding of the one without, by coding.
local SUFFIXES = { br = ".br", gzip = ".gz" }

local OPTION_TYPES = { index = "string", dotfiles = "boolean", precompressed = "boolean",
    nosniff = "boolean", cache_control = "string", types = "table" }

local function option_problem(options)
    for name, value in pairs(options) do
        local wanted = OPTION_TYPES[name]
        if not wanted then
            return ("%s is not an option; there are index, dotfiles, precompressed, nosniff, "
                .. "cache_control and types"):format(tostring(name))
        elseif type(value) ~= wanted and not (name == "index" and value == false) then
            return ("the option %s must be a %s, not a %s"):format(name, wanted, type(value))
        end
    end
    return options.cache_control
        and answer.field_problem("Cache-Control", options.cache_control) or nil
end

local function folder_problem(dir)
    if type(dir) ~= "string" then
        return ("takes the name of a folder, not a %s"):format(type(dir))
    elseif not file_name.is_clean(dir:gsub("^/", ""), true) or dir == "" or dir:sub(-1) == "/" then
        return ('"%s" must name a folder below that of the script, such as "public", or one that '
            .. "was granted"):format(dir)
    end
    return nil
end

local open_messages = {
    not_found = 'the folder "%s" was not found below that of the script, or leads out of it',
    denied = 'reading the folder "%s" needs a grant: --allow-read %s',
}

local function refuse_method(method)
    if method == "OPTIONS" then
        return 204, nil, { Allow = METHODS }
    end
    return http_error.new(405, nil, { Allow = METHODS })
end

local failures = {
    not_found = function() return http_error.new(404) end,
    denied = function() return http_error.new(403) end,
    not_acceptable = function() return http_error.new(406) end,
    again = function() return http_error.new(503, nil, { ["Retry-After"] = 1 }) end,
    full = function()
        return http_error.new(503, "no more files can be opened now", { ["Retry-After"] = 1 })
    end,
}

local function fail(self, name, code)
    local failure = failures[code]
    if not failure then
        error(('"%s" in the folder "%s" could not be opened: %s'):format(name, self.dir, code), 0)
    end
    return failure()
end

-- With the slash at its end the links of its index lead below it.
local function redirect_to_folder(request)
    return 308, nil, { Location = request.path .. "/" .. (request.target:match("%?.*$") or "") }
end

-- What a name stands for: {file, size, modified, version, name, coding}; or nil, code.
local function open(self, name)
    local file, size, modified, version = self.folder:open_file(name)
    if not file then
        return nil, size
    end
    return { file = file, size = size, modified = modified, version = version, name = name,
        coding = nil }
end

local function find(self, name)
    local is_index = name == "" or name:sub(-1) == "/"
    if not is_index then
        return open(self, name)
    elseif not self.index then
        return nil, "not_found"
    end
    local found, code = open(self, name .. self.index)
    return found, code == "directory" and "not_found" or code
end

-- A file that is older than the one it was made from is not the same any more.
local function find_coding(self, plain, coding)
    local found = open(self, plain.name .. SUFFIXES[coding])
    if found and found.modified < plain.modified then
        found.file:close()
        return nil
    elseif found then
        found.name, found.coding = plain.name, coding
    end
    return found
end

-- The coding of `plain` that the client likes best; or nil, "not_acceptable".
local function negotiate(self, plain, accepted)
    local offers = { "br", "gzip" }
    while true do
        local coding = accept_encoding.choose(accepted, offers)
        if coding == "identity" then
            return plain
        end
        local found = coding and find_coding(self, plain, coding)
        if found or not coding then
            plain.file:close()
            return found, "not_acceptable"
        end
        table.remove(offers, offers[1] == coding and 1 or 2)
    end
end

local function set_common(self, fields, tag)
    fields:set("ETag", tag)
    if self.cache_control then
        fields:set("Cache-Control", self.cache_control)
    end
end

local function set_metadata(self, fields, found, modified)
    fields:set("Content-Type", content_types.of(found.name, self.types))
    fields:set("Last-Modified", date.format(modified))
    fields:set("Accept-Ranges", "bytes")
    if found.coding then
        fields:set("Content-Encoding", found.coding)
    end
    if self.nosniff then
        fields:set("X-Content-Type-Options", "nosniff")
    end
end

-- The body multipart/byteranges (RFC 9110 14.6): its pieces and their size.
local function compose_parts(list, size, content_type, boundary)
    local pieces, length, mark = {}, 0, "--"
    for _, range in ipairs(list) do
        local head = ("%s%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n"):format(mark,
            boundary, content_type, ranges.content_range(range, size))
        pieces[#pieces + 1], pieces[#pieces + 2] = head, range
        length = length + #head + range.last - range.first + 1
        mark = "\r\n--"
    end
    local ending = mark .. boundary .. "--\r\n"
    pieces[#pieces + 1] = ending
    return pieces, length + #ending
end

-- Status, pieces and length of the body.
local function select_pieces(request, fields, found, list)
    if not list then
        return 200, { { first = 0, last = found.size - 1 } }, found.size
    elseif not list[2] then
        fields:set("Content-Range", ranges.content_range(list[1], found.size))
        return 206, list, list[1].last - list[1].first + 1
    end
    local boundary = "part-" .. request.id
    local pieces, length = compose_parts(list, found.size, fields:get("Content-Type"), boundary)
    fields:set("Content-Type", "multipart/byteranges; boundary=" .. boundary)
    return 206, pieces, length
end

-- What the client asks for of it, or nil for the whole.
local function read_ranges(request, found, state)
    local asked = request.method == "GET" and request:header("range")
    if not asked or not preconditions.allows_range(request:header("if-range"), state) then
        return nil
    end
    return ranges.parse(asked, found.size)
end

local function answer_with(self, request, response, found)
    local now = folder.now()
    local tag = ('"%s%s"'):format(found.version, found.coding and "-" .. found.coding or "")
    local state = { tag = tag, now = now, modified = math.min(found.modified, math.floor(now)) }
    local refusal = preconditions.check(request.method, function(name)
        return request:header(name)
    end, state)
    if refusal == 412 then
        return http_error.new(412)
    end
    local fields = answer.headers_of(response)
    set_common(self, fields, tag)
    if refusal then
        return refusal
    end
    local list = read_ranges(request, found, state)
    if list and not list[1] then
        return http_error.new(416, nil, { ["Content-Range"] = ranges.content_range(nil,
            found.size) })
    end
    set_metadata(self, fields, found, state.modified)
    local status, pieces, length = select_pieces(request, fields, found, list)
    response:status(status)
    answer.deliver_file(response, self.place, found.file, pieces, length)
    return response
end

local function find_best(self, request, response, name)
    local found, code = find(self, name)
    if found and self.is_precompressed then
        answer.vary(answer.headers_of(response), "Accept-Encoding")
        found, code = negotiate(self, found, request:header("accept-encoding"))
    end
    return found, code
end

local function serve(self, request, response)
    local name = file_name.of(request, self.has_dotfiles)
    if not name then
        return http_error.new(404)
    elseif name == "" and request.path:sub(-1) ~= "/" then
        return redirect_to_folder(request)
    end
    local found, code = find_best(self, request, response, name)
    if code == "directory" then
        return redirect_to_folder(request)
    elseif not found then
        return fail(self, name, code)
    end
    local first = answer_with(self, request, response, found)
    found.file:close()
    return first
end

-- Raises at the service's line, which called a function that called `files.new`.
local function check(problem)
    if problem then
        error("http.files: " .. problem, 4)
    end
end

--- Makes a handler for the files of a folder below that of the script, or of one that was granted.
-- @param dir such as "public", or "/srv/pictures"
-- @param options index = the file that answers for a folder ("index.html"), or false; dotfiles =
-- true to answer with those too; precompressed = true to answer with NAME.br and NAME.gz where they
-- are; cache_control = a field; nosniff = true for X-Content-Type-Options; types = content types by
-- extension
function files.new(dir, options)
    options = options or {}
    check(folder_problem(dir) or option_problem(options))
    local opened, code = folder.open(dir, where.folder(3))
    check(not opened and (open_messages[code] or '"%s": ' .. code):format(dir, dir))
    local self = {
        dir = dir,
        folder = opened,
        place = ("http.files of %s"):format(where(3) or dir),
        index = options.index == nil and "index.html" or options.index,
        has_dotfiles = options.dotfiles,
        is_precompressed = options.precompressed,
        cache_control = options.cache_control,
        nosniff = options.nosniff,
        types = options.types,
    }
    return function(request, response)
        if request.method ~= "GET" and request.method ~= "HEAD" then
            return refuse_method(request.method)
        end
        return serve(self, request, response)
    end
end

return files
