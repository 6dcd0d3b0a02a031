--- perigee.http.parameters: what was read is read again when it is composed canonically.
local parameters = require "perigee.http.parameters"

local function compose(value, found)
    local pieces = { value }
    for name, content in pairs(found) do
        pieces[#pieces + 1] = name .. '="' .. content:gsub('["\\]', "\\%0") .. '"'
    end
    return table.concat(pieces, "; ")
end

return function(bytes)
    local value, found = parameters.parse(bytes)
    if value == nil then
        assert(found == nil)
        return
    end
    assert(value == value:lower() and not value:find("[%s;]"))
    local again, found_again = parameters.parse(compose(value, found))
    assert(again == value)
    for name, content in pairs(found) do
        assert(name == name:lower() and found_again[name] == content)
    end
    for name in pairs(found_again) do
        assert(found[name])
    end
end
