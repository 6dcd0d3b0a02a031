--- The body of a request as scripts give it: a string, a function or channel that gives pieces,
-- or a value to be sent as JSON or as a form.
local json = require "perigee.json"
local url = require "perigee.http.url"

local outgoing_body = {}

local KINDS = { "body", "json", "form" }

local function is_channel(value)
    return type(value) == "table" and type(value.recv) == "function"
end

--- Whether `value` can be the option `body`.
function outgoing_body.is_body(value)
    return type(value) == "string" or type(value) == "function" or is_channel(value)
end

local function form_problem(form)
    return type(form) ~= "table" and ("form must be a table, got %s"):format(type(form)) or nil
end

local function length_problem(length)
    local is_fine = length == nil or type(length) == "number" and length >= 0 and length % 1 == 0
    return not is_fine and ("content_length must be a number of bytes, got %s"):format(
        tostring(length)) or nil
end

local function body_problem(body)
    return not outgoing_body.is_body(body) and ("body must be a string, a function or a channel, "
        .. "got %s; json = sends a table"):format(type(body)) or nil
end

-- The one of the kinds that is given; or nil, and what is wrong with them, if anything is.
local function find_kind(options)
    local given
    for _, kind in ipairs(KINDS) do
        if options[kind] ~= nil and given then
            return nil, ("a request has one body, not both %s and %s"):format(given, kind)
        elseif options[kind] ~= nil then
            given = kind
        end
    end
    return given
end

--- Says what is wrong with the options of a call; nil when nothing is.
function outgoing_body.problem(options)
    local kind, problem = find_kind(options)
    return problem or length_problem(options.content_length)
        or kind == "body" and body_problem(options.body)
        or kind == "form" and form_problem(options.form) or nil
end

-- What a script's function gives next; or nil, "failed" when that is no piece or an error.
local function next_piece(self, give)
    local is_ok, piece
    repeat
        is_ok, piece = pcall(give)
        if is_ok and piece ~= nil and type(piece) ~= "string" then
            is_ok = false
            piece = ("a body in pieces gives strings, got %s"):format(type(piece))
        end
        if not is_ok then
            self.failure = piece
            return nil, "failed"
        end
    until piece ~= "" -- which would be the end of a chunked body
    return piece
end

-- A body that has not the length it was said to have would shift the border to the next request.
local function check_length(self, piece)
    self.size = self.size + (piece and #piece or 0)
    local is_short = not piece and self.size < self.length
    if is_short or self.size > self.length then
        self.failure = ("the body has %s than the %.0f bytes of content_length"):format(
            is_short and "less" or "more", self.length)
        return nil, "failed"
    end
    return piece
end

local function source_of(give, length)
    local self = { length = length, size = 0, failure = nil }
    function self.read()
        local piece, code = next_piece(self, give)
        if code or not length then
            return piece, code
        end
        return check_length(self, piece)
    end
    return self
end

-- A channel is asked like a function, and is over when it is closed.
local function giver_of(body)
    if type(body) == "function" then
        return body
    end
    return function()
        return (body:recv())
    end
end

--- Makes the body of options without a problem.
-- @return { content = string, or source = of perigee.http.client.connection, whose `failure` is
-- what a script's function has raised; content_type = nil or what goes with it }
function outgoing_body.new(options)
    if options.json ~= nil then
        return { content = json.encode(options.json, "json"), content_type = "application/json" }
    elseif options.form then
        return { content = url.encode_query(options.form),
            content_type = "application/x-www-form-urlencoded" }
    elseif options.body == nil or type(options.body) == "string" then
        return { content = options.body }
    end
    return { source = source_of(giver_of(options.body), options.content_length) }
end

return outgoing_body
