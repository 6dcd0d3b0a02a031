--- Writes events to the log, for perigee.log and for whoever must not depend on what a script has
-- done to that. It never waits (host/os/log_sink.h).
local host = require "host"
local log_allowance = require "perigee.core.log_allowance"
local log_format = require "perigee.core.log_format"
local log_redaction = require "perigee.core.log_redaction"
local log_repeats = require "perigee.core.log_repeats"
local settings = require "perigee.core.log_settings"
local spans = require "perigee.core.spans"

local log_writer = {}

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

local function emit(level, name, message, fields)
    local line = log_format[settings.format](level, name, log_redaction.text(message),
        fields and log_redaction.fields(fields))
    host.write_log(line, level, name)
end

-- What the running task works at goes with it: the numbers of its request and trace.
local function add_ids(fields)
    local span = spans.current()
    if not span then
        return fields
    end
    local root = spans.root_of(span)
    local all = { request_id = spans.id_of(root), trace_id = spans.trace_id_of(span),
        span_id = span ~= root and spans.id_of(span) or nil }
    for name, value in pairs(fields or {}) do
        all[name] = value
    end
    return all
end

--- Whether events of this level are written.
function log_writer.is_heard(level)
    return LEVELS[level] >= LEVELS[settings.level]
end

--- `message` is a text, `fields` a table or nil. Nothing is written below the level of the
-- settings.
function log_writer.write(level, name, message, fields)
    if LEVELS[level] >= LEVELS[settings.level]
        and log_repeats.admit(level, name, message, emit) and log_allowance.take(name, emit) then
        emit(level, name, message, add_ids(fields))
    end
end

return log_writer
