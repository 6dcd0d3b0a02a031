--- Secrets in what is logged: values of fields whose name says so, credentials in URLs, and tokens
-- of the Authorization field. Whoever reads a log needs none of them.
local log_redaction = {}

local PLACEHOLDER = "[redacted]"

local NAMES = { authorization = true, ["proxy-authorization"] = true, cookie = true,
    ["set-cookie"] = true, password = true, passwd = true, secret = true, token = true,
    ["api-key"] = true, apikey = true, credentials = true, ["private-key"] = true }

-- "user_password", "X-Api-Key" and "accessToken" are secrets, too; "token_count" is none.
local function is_secret(name)
    local text = name:gsub("(%l)(%u)", "%1-%2"):lower():gsub("_", "-")
    if NAMES[text] then
        return true
    end
    for suffix in pairs(NAMES) do
        if text:sub(-#suffix - 1) == "-" .. suffix then
            return true
        end
    end
    return false
end

-- What is shorter is a word.
local LEAST_TOKEN_SIZE = 8

local function hide_token(before, token)
    return #token >= LEAST_TOKEN_SIZE and before .. PLACEHOLDER or nil
end

--- The text without credentials.
function log_redaction.text(text)
    if text:find("://", 1, true) then
        text = text:gsub("(%a[%w+.-]*://)[^/%s@]*@", "%1" .. PLACEHOLDER .. "@")
    end
    if text:find("[Bb]earer ") or text:find("[Bb]asic ") then
        text = text:gsub("(%f[%a][Bb]earer +)([%w%-._~+/]+=*)", hide_token)
            :gsub("(%f[%a][Bb]asic +)([%w+/]+=*)", hide_token)
    end
    return text
end

--- The fields without secrets: the same table when there are none.
function log_redaction.fields(fields)
    local clean
    for name, value in pairs(fields) do
        local shown = value
        if is_secret(tostring(name)) then
            shown = PLACEHOLDER
        elseif type(value) == "string" then
            shown = log_redaction.text(value)
        end
        if shown ~= value and not clean then
            clean = {}
            for other, kept in pairs(fields) do
                clean[other] = kept
            end
        end
        if clean then
            clean[name] = shown
        end
    end
    return clean or fields
end

return log_redaction
