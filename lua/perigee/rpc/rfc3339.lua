--- Times as text (RFC 3339): "2023-11-14T22:13:20.123456789Z", the form of Go's encoding/json.
local floor = math.floor

local rfc3339 = {}

local DAY_S = 86400
local DAYS_OF_ERA = 146097 -- 400 years
local DAYS_TO_1970 = 719468 -- from the first of March of the year 0
local LEAST_S, LAST_S = -62167219200, 253402300799 -- the years 0 to 9999

-- Years begin in March here, so that the day that some lack is their last.
local function days_of(year, month, day)
    year = month <= 2 and year - 1 or year
    local era = floor(year / 400)
    local year_of_era = year - era * 400
    local day_of_year = floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
    local day_of_era = year_of_era * 365 + floor(year_of_era / 4) - floor(year_of_era / 100)
        + day_of_year
    return era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970
end

local function date_of(days)
    days = days + DAYS_TO_1970
    local era = floor(days / DAYS_OF_ERA)
    local day_of_era = days - era * DAYS_OF_ERA
    local year_of_era = floor((day_of_era - floor(day_of_era / 1460) + floor(day_of_era / 36524)
        - floor(day_of_era / 146096)) / 365)
    local day_of_year = day_of_era - (365 * year_of_era + floor(year_of_era / 4)
        - floor(year_of_era / 100))
    local shifted = floor((5 * day_of_year + 2) / 153)
    local month = shifted < 10 and shifted + 3 or shifted - 9
    return year_of_era + era * 400 + (month <= 2 and 1 or 0), month,
        day_of_year - floor((153 * shifted + 2) / 5) + 1
end

local function zone_text(offset)
    if not offset then
        return "Z"
    end
    local minutes = floor(math.abs(offset) / 60)
    return ("%s%02d:%02d"):format(offset < 0 and "-" or "+", floor(minutes / 60), minutes % 60)
end

local function fraction_text(nanoseconds)
    if nanoseconds == 0 then
        return ""
    end
    return (("." .. ("%09d"):format(nanoseconds)):gsub("0+$", ""))
end

--- The text of a time: seconds since 1970, or a table { seconds, nanoseconds, offset }.
-- @return the text; nil when the year has no four digits
function rfc3339.format(time)
    if type(time) == "number" then
        local seconds = floor(time)
        time = { seconds = seconds, nanoseconds = floor((time - seconds) * 1e9) }
    end
    -- The text has no place for an offset's seconds.
    local offset = time.offset and time.offset - math.fmod(time.offset, 60)
    local local_seconds = time.seconds + (offset or 0)
    if local_seconds < LEAST_S or local_seconds > LAST_S then
        return nil
    end
    local year, month, day = date_of(floor(local_seconds / DAY_S))
    local second = local_seconds % DAY_S
    return ("%04d-%02d-%02dT%02d:%02d:%02d%s%s"):format(year, month, day, floor(second / 3600),
        floor(second / 60) % 60, second % 60, fraction_text(time.nanoseconds or 0),
        zone_text(offset))
end

local function offset_of(zone)
    if zone == "Z" then
        return nil, true
    end
    local sign, hours, minutes = zone:match("^([+-])(%d%d):(%d%d)$")
    if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then
        return nil, false
    end
    return (sign == "-" and -1 or 1) * (hours * 3600 + minutes * 60), true
end

local function is_date(year, month, day)
    if month < 1 or month > 12 or day < 1 then
        return false
    end
    local same_year, same_month, same_day = date_of(days_of(year, month, day))
    return same_year == year and same_month == month and same_day == day
end

local function nanoseconds_of(fraction)
    if fraction == "" then
        return 0
    end
    local digits = fraction:match("^%.(%d+)$")
    return digits and tonumber((digits .. "000000000"):sub(1, 9))
end

--- The time { seconds, nanoseconds, offset } that a text stands for; nil when it is no such text.
-- An offset of nil is UTC.
function rfc3339.parse(text)
    local year, month, day, hour, minute, second, fraction, zone =
        text:match("^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)(%.?%d*)([Z+-][%d:]*)$")
    if not year then
        return nil
    end
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
    local nanoseconds, offset, is_zone = nanoseconds_of(fraction), offset_of(zone)
    if not (nanoseconds and is_zone and is_date(year, month, day)) or hour > 23 or minute > 59
        or second > 59 then
        return nil
    end
    return { seconds = days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second
        - (offset or 0), nanoseconds = nanoseconds, offset = offset }
end

return rfc3339
