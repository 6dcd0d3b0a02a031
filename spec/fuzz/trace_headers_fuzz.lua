--- perigee.core.trace_headers: what is taken is written as it was read, and what is passed on is no
-- more than may be, and passed on unchanged.
local trace_headers = require "perigee.core.trace_headers"

local function check_parent(text)
    local trace_id, span_id, is_sampled = trace_headers.parse(text)
    if not trace_id then
        return
    end
    assert(#trace_id == 32 and #span_id == 16)
    local again = trace_headers.format(trace_id, span_id, is_sampled)
    assert(again:sub(4, 53) == text:sub(4, 53))
    local same_trace, same_span, same_choice = trace_headers.parse(again)
    assert(same_trace == trace_id and same_span == span_id and same_choice == is_sampled)
end

local function check_state(text)
    local passed = trace_headers.pass_on(text)
    if passed then
        assert(#passed <= 512 and not passed:find("[%c\128-\255]"))
        assert(trace_headers.pass_on(passed) == passed)
    end
end

return function(bytes)
    check_parent(bytes)
    check_state(bytes)
end
