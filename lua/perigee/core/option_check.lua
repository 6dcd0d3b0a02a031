--- Options that a script gives as a table: mistakes are told before anything is done.
local option_check = {}

-- The names that there are, sorted.
local function names_of(rules)
    local names = {}
    for name in pairs(rules) do
        names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, ", ")
end

--- Says what is wrong with `options`; nil when nothing is.
-- @param rules name → function(value) that says what the value must be, or nil when it is that
function option_check.problem(options, rules)
    if type(options) ~= "table" then
        return "options are a table, got " .. type(options)
    end
    for name, value in pairs(options) do
        local rule = rules[name]
        if not rule then
            return ("there is no option '%s'; there are %s"):format(tostring(name),
                names_of(rules))
        end
        local wanted = rule(value)
        if wanted then
            return ("%s must be %s, got %s"):format(name, wanted, tostring(value))
        end
    end
    return nil
end

return option_check
