--- Dates of HTTP (RFC 9110 5.6.7). Pure: seconds since 1970 in and out, no clock.
local date = {}

local DAYS = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
    "Dec" }

local month_numbers = {}
for number, name in ipairs(MONTHS) do
    month_numbers[name] = number
end

local MONTH_DAYS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- "Sun, 06 Nov 1994 08:49:37 GMT".
function date.format(seconds)
    local t = os.date("!*t", seconds)
    return ("%s, %02d %s %04d %02d:%02d:%02d GMT"):format(DAYS[t.wday], t.day, MONTHS[t.month],
        t.year, t.hour, t.min, t.sec)
end

-- Days from 1970-01-01, by a calendar whose years begin in March, so that the day that comes every
-- four years is their last.
local function days_from_epoch(year, month, day)
    local y = month <= 2 and year - 1 or year
    local month_from_march = (month + 9) % 12
    local day_of_year = math.floor((153 * month_from_march + 2) / 5) + day - 1
    return 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
        + day_of_year - 719468
end

local function compose(year, month_name, day, hour, minute, second)
    local month = month_numbers[month_name]
    year, day, hour, minute, second = tonumber(year), tonumber(day), tonumber(hour),
        tonumber(minute), tonumber(second)
    if not month or day < 1 or day > MONTH_DAYS[month] or hour > 23 or minute > 59
        or second > 60 then
        return nil
    end
    return days_from_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
end

-- A year of two digits is that of the last hundred years, or at most fifty ahead.
local function full_year(digits, now)
    local this_year = tonumber(os.date("!%Y", now))
    local year = this_year - this_year % 100 + tonumber(digits)
    return year > this_year + 50 and year - 100 or year
end

--- Seconds since 1970 of a date in any of the three forms; nil for anything else.
-- @param now for years of two digits; without it they are of this century
function date.parse(text, now)
    local day, month, year, hour, minute, second = text:match(
        "^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
    if day then
        return compose(year, month, day, hour, minute, second)
    end
    day, month, year, hour, minute, second = text:match(
        "^%a+, (%d%d)%-(%a%a%a)%-(%d%d) (%d%d):(%d%d):(%d%d) GMT$")
    if day then
        return compose(now and full_year(year, now) or 2000 + year, month, day, hour, minute,
            second)
    end
    month, day, hour, minute, second, year = text:match(
        "^%a%a%a (%a%a%a) ([ %d]%d) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$")
    return day and compose(year, month, day, hour, minute, second) or nil
end

return date
