--- perigee.http.url: what is encoded decodes to itself, what is decoded is never longer than its
-- text, and pieces of a query or path give what the whole gives.
local form = require "perigee.http.form"
local url = require "perigee.http.url"

local FORM = "application/x-www-form-urlencoded"

local function check_code(code, ...)
    for _, known in ipairs { ... } do
        if code == known then
            return
        end
    end
    error("an unknown code: " .. tostring(code))
end

local function assert_equal_lists(a, b)
    assert(#a == #b)
    for i = 1, #a do
        assert(a[i] == b[i])
    end
end

local function check_decoding(text)
    local decoded, code = url.decode(text)
    if decoded then
        assert(#decoded <= #text)
    else
        check_code(code, "invalid")
    end
    local encoded = url.encode(text)
    assert(encoded:find("^[%w._~%%-]*$"))
    assert(url.decode(encoded) == text)
    assert(url.decode_form(encoded) == text)
end

local function encode_all(list)
    local encoded = {}
    for i, text in ipairs(list) do
        encoded[i] = url.encode(text)
    end
    return encoded
end

local function check_path(text)
    local segments, code = url.split_path(text)
    if not segments then
        check_code(code, "invalid")
        return
    end
    assert_equal_lists(segments, url.split_path("/" .. table.concat(encode_all(segments), "/")))
end

local function append_all(list, more)
    for _, item in ipairs(more) do
        list[#list + 1] = item
    end
end

local function check_pieces(text, list)
    local joined = {}
    for piece in text:gmatch("[^&]+") do
        append_all(joined, assert(url.parse_query(piece)))
    end
    assert_equal_lists(list, joined)
end

local function check_query(text)
    local list, code = url.parse_query(text)
    local parsed, form_code = form.parse(FORM, text)
    if not list then
        check_code(code, "invalid", "too_large")
        assert(parsed == nil and form_code == code)
        return
    end
    local pairs_again = {}
    for i = 1, #list, 2 do
        pairs_again[#pairs_again + 1] = url.encode(list[i]) .. "=" .. url.encode(list[i + 1])
        assert(parsed.values[list[i]] == parsed.all[list[i]][1])
    end
    assert_equal_lists(list, url.parse_query(table.concat(pairs_again, "&")))
    check_pieces(text, list)
end

return function(bytes)
    check_decoding(bytes)
    check_path(bytes)
    check_query(bytes)
end
