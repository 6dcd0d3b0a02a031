--- Bytes as hexadecimal digits, for specifications of wire formats.
local hex = {}

--- The bytes that digits stand for; white space is for reading.
function hex.decode(text)
    return (text:gsub("%s+", ""):gsub("%x%x", function(digits)
        return string.char(tonumber(digits, 16))
    end))
end

function hex.encode(bytes)
    return (bytes:gsub(".", function(character)
        return ("%02x"):format(character:byte())
    end))
end

return hex
