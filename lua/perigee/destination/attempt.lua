--- One attempt of a call, at one instance. The function that makes it is given this record, and
-- notes in it what its results do not tell:
--
--    verdict        "ok", "ill" when the instance is to blame, "unknown" when that says nothing of
--                   it; without a verdict the code of the results tells
--    is_unsent      nothing of it has run, so it may go to another instance whatever it is
--    retry_after_s  how long the instance wants to be left alone; below 0: for ever
--
-- and reads: instance; number, 1 for the first of its call; deadline, in seconds of perigee.now(),
-- or nil; previous, how many attempts of this request there were before, those of the caller's
-- callers counted in.
local scheduler = require "perigee.core.scheduler"

local attempt = {}

local methods = {}
local metatable = { __index = methods }

-- What a code says of the instance; any other says that it works. Those that say nothing of it tell
-- of a limit of this side.
local VERDICTS = {
    timeout = "ill", closed = "ill", refused = "ill", unreachable = "ill", unavailable = "ill",
    eof = "ill", malformed = "ill", tls = "ill", not_tls = "ill",
    canceled = "unknown", full = "unknown", exhausted = "unknown", denied = "unknown",
}

-- Nobody was there to take it.
local IS_UNREACHABLE = { refused = true, unreachable = true }

-- The instance is ill, and another attempt would show the same.
local IS_LASTING = { malformed = true, tls = true, not_tls = true }

--- Makes one that has not begun, of a perigee.destination.call.
function attempt.new(call, member, deadline)
    return setmetatable({
        call = call, member = member, instance = member.instance,
        number = call.number, previous = call.previous + call.number - 1, deadline = deadline,
        race = false, -- of perigee.destination.race, when there is another beside it
        verdict = false, is_unsent = false, retry_after_s = false,
        is_claimed = false,
        problem = false, -- { the error it raised }; its results are value, code, detail, data
    }, metatable)
end

--- From here on its results are passed on, so it is the last of its call. Returns false when
-- another attempt has come first: then it must stop.
function methods:claim()
    local is_first = not self.race or self.race:claim(self)
    self.is_claimed = is_first
    return is_first
end

--- Whether another attempt may be made when this one finds its instance ill: then an answer that
-- says so is not passed on yet.
function methods:may_be_followed()
    return self.call:may_be_followed(self)
end

--- There was no answer at all: whatever the code is, the instance is to blame, unless it tells of a
-- limit of this side.
function methods:blame(code)
    self.verdict = VERDICTS[code] == "unknown" and "unknown" or "ill"
end

local function judge(self)
    if not self.verdict then
        self.verdict = self.code == nil and "ok" or VERDICTS[self.code] or "ok"
    end
end

local function take(self, is_returned, value, code, detail, data)
    if is_returned then
        self.value, self.code, self.detail, self.data = value, code, detail, data
    else
        self.problem, self.verdict = { value }, "unknown"
    end
    judge(self)
end

local IS_OK = { ok = true, ill = false }

--- Runs `fn(instance, self)` and tells `members` (perigee.destination.members) what came of it.
function methods:run(members, fn)
    local started = scheduler.now()
    members:begin(self.member)
    take(self, pcall(fn, self.instance, self))
    members:finish(self.member, scheduler.now() - started, IS_OK[self.verdict],
        self.is_unsent and IS_UNREACHABLE[self.code])
end

--- Whether it failed in a way that another attempt may repair.
function methods:may_help_again()
    return self.verdict == "ill" and not self.is_claimed and not IS_LASTING[self.code]
        and not (self.retry_after_s and self.retry_after_s < 0)
end

return attempt
