--- Which coding of a body a client prefers (RFC 9110 12.5.3). Pure.
local accept_encoding = {}

local ALIASES = { ["x-gzip"] = "gzip" }

-- The weight behind a coding, 1 when it has none; nil for what is none.
local function read_weight(parameters)
    if parameters == "" then
        return 1
    end
    local digits = parameters:match("^;[ \t]*[qQ]=([%d.]+)[ \t]*$")
    if digits and (digits:find("^[01]$") or digits:find("^[01]%.%d?%d?%d?$")) then
        return math.min(tonumber(digits), 1)
    end
    return nil
end

-- Weights by coding, 0 to 1; what is malformed is as if it were not there.
local function read(text)
    local weights = {}
    for element in text:gmatch("[^,]+") do
        local coding, parameters = element:match("^[ \t]*([%w!#$%%&'*+.^_`|~-]+)[ \t]*(.*)$")
        local weight = coding and read_weight(parameters)
        if weight then
            coding = coding:lower()
            weights[ALIASES[coding] or coding] = weight
        end
    end
    return weights
end

local function find_best(weights, offers)
    local best, best_weight = nil, 0
    for _, coding in ipairs(offers) do
        local weight = weights[coding] or weights["*"] or 0
        if weight > best_weight then
            best, best_weight = coding, weight
        end
    end
    return best, best_weight
end

--- The coding to send: one of `offers`, the server's favourite first, or "identity" for none; nil
-- when the client takes none of them.
-- @param text of the Accept-Encoding field, or nil
function accept_encoding.choose(text, offers)
    local weights = read(text or "")
    local best, best_weight = find_best(weights, offers)
    local identity = weights.identity
    if best and not (identity and identity > best_weight) then
        return best
    end
    return (identity or weights["*"]) ~= 0 and "identity" or nil
end

return accept_encoding
