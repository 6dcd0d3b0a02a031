--- `perigee.shared`: counters and dictionaries in memory that all workers of a host see, by name.
--
--    local shared = require "perigee.shared"
--    local hits = shared.counter("hits")
--    hits:add(1)
--    local sessions = assert(shared.dict("sessions", { entries = 1000, value_size = 200 }))
--    sessions:set(token, user, 3600)
--
-- Every call is done at once for all workers or not at all, and never waits for a task. What is
-- stored survives reloads and the death of a worker, and ends with the host. C keeps the bytes; the
-- tables here hold the number of the object in them.
local host = require "host"

local shared = {}

local MAX_NAME_SIZE = 63
local DEFAULT_KEY_SIZE = 64
local DEFAULT_KEYS = 1000
local MAX_WHOLE = 2 ^ 53
local MAX_TTL_S = 1e9

-- The least and the most of what a dictionary is made of; as host/shared/shared_dict.h has them.
local BOUNDS = {
    entries = { 1, 1024 * 1024 },
    key_size = { 1, 1024 },
    value_size = { 8, 1024 * 1024 },
}

local DETAILS = {
    full = "the shared memory has no room for it; --shared-memory makes it larger",
    timeout = "another process holds the lock and is stopped",
}

local function fail(level, text, ...)
    error(text:format(...), level + 1)
end

local function check_name(name, what, level)
    if host.shared_sizes() == 0 then
        fail(level + 1, "%s needs shared memory, and this host has none: start it with "
            .. "--shared-memory 16MB", what)
    elseif type(name) ~= "string" then
        fail(level + 1, "%s takes a name, got %s", what, type(name))
    elseif #name > MAX_NAME_SIZE or not name:find("^[%g ]+$") then
        fail(level + 1, "%s takes a name of 1 to %d printable characters, got %q", what,
            MAX_NAME_SIZE, name)
    end
end

local function is_whole(value)
    return type(value) == "number" and value % 1 == 0 and value >= -MAX_WHOLE
        and value <= MAX_WHOLE
end

local function check_whole(value, what, level)
    if not is_whole(value) then
        fail(level + 1, "%s takes whole numbers up to 2^53, got %s", what, tostring(value))
    end
end

local function describe(object)
    if object.kind == "counter" then
        return "a counter"
    end
    return ("a dictionary of entries = %d, key_size = %d, value_size = %d, evict = %s"):format(
        object.entries, object.key_size, object.value_size, tostring(object.is_evicting))
end

-- Who asks for another shape than the memory has is told which that is: it stays for as long as the
-- host runs. A tail call of this would lose the level.
local function fail_to_open(what, name, code, level)
    if code == "exists" then
        fail(level + 1, "%s: '%s' is %s until the host is restarted: ask for the same, or take "
            .. "another name", what, name, describe(host.shared_object(name)))
    end
    return nil, code, ("%s '%s': %s"):format(what, name, DETAILS[code] or code)
end

local counter = {}
local counter_metatable = { __index = counter, __metatable = false }

function counter_metatable:__tostring()
    return ("shared counter '%s'"):format(self.name)
end

--- Finds the counter of that name, or makes it, at 0. Returns it; or nil, "full" and a detail.
function shared.counter(name)
    check_name(name, "shared.counter", 2)
    local number, code = host.shared_counter(name)
    if not number then
        local none, reason, detail = fail_to_open("shared.counter", name, code, 2)
        return none, reason, detail
    end
    return setmetatable({ number = number, name = name }, counter_metatable)
end

--- Returns the sum, as no other worker gets it; or nil, "too_large" when it would be beyond 2^53,
-- where numbers are not exact, and changes nothing then.
function counter:add(amount)
    check_whole(amount, "counter:add", 2)
    return host.shared_counter_add(self.number, amount)
end

function counter:get()
    return host.shared_counter_get(self.number)
end

function counter:set(value)
    check_whole(value, "counter:set", 2)
    host.shared_counter_set(self.number, value)
end

--- Sets `value` if the counter is `expected`. Returns whether it was.
function counter:cas(expected, value)
    check_whole(expected, "counter:cas", 2)
    check_whole(value, "counter:cas", 2)
    return host.shared_counter_cas(self.number, expected, value)
end

local dict = {}
local dict_metatable = { __index = dict, __metatable = false }

function dict_metatable:__tostring()
    return ("shared dictionary '%s'"):format(self.name)
end

local function check_size(options, name, default, level)
    local value, least, most = options[name], BOUNDS[name][1], BOUNDS[name][2]
    if value == nil then
        value = default
    end
    if not is_whole(value) or value < least or value > most then
        fail(level + 1, "shared.dict: %s must be a whole number from %d to %d, got %s", name, least,
            most, tostring(value))
    end
    return value
end

local function check_shape(options, level)
    if type(options) ~= "table" then
        fail(level + 1, "shared.dict takes { entries =, value_size = }, got %s", type(options))
    end
    for name in pairs(options) do
        if not BOUNDS[name] and name ~= "evict" then
            fail(level + 1, "shared.dict: there is no option '%s'; there are entries, value_size, "
                .. "key_size and evict", tostring(name))
        end
    end
    if options.evict ~= nil and type(options.evict) ~= "boolean" then
        fail(level + 1, "shared.dict: evict must be true or false, got %s", type(options.evict))
    end
    return {
        entries = check_size(options, "entries", nil, level + 1),
        key_size = check_size(options, "key_size", DEFAULT_KEY_SIZE, level + 1),
        value_size = check_size(options, "value_size", nil, level + 1),
        is_evicting = options.evict == true,
    }
end

--- Finds the dictionary of that name, or makes it. `options`: `entries`, how many it holds at
-- least; `value_size`, bytes of the longest string; `key_size`, bytes of the longest key, 64 when
-- left out; `evict`, true to have what was used longest ago make room when it is full. All its room
-- is taken at once. Returns it; or nil, "full" and a detail. Another shape than it has is an error.
function shared.dict(name, options)
    check_name(name, "shared.dict", 2)
    local number, bucket_count = host.shared_dict(name, check_shape(options, 2))
    if not number then
        local none, reason, detail = fail_to_open("shared.dict", name, bucket_count, 2)
        return none, reason, detail
    end
    return setmetatable({ number = number, name = name, bucket_count = bucket_count },
        dict_metatable)
end

local function check_key(key, what, level)
    if type(key) ~= "string" then
        fail(level + 1, "%s: a key is a string, got %s", what, type(key))
    end
end

local function is_int64(value)
    return type(value) == "cdata" and tostring(value):find("^%-?%d+LL$") ~= nil
end

local STORABLE = { string = true, number = true, boolean = true }

local function check_value(value, what, level)
    if not STORABLE[type(value)] and not is_int64(value) then
        fail(level + 1, "%s: a value is a string, a number, a boolean or an int64, got %s", what,
            type(value))
    end
end

local function check_ttl(ttl_s, what, level)
    if ttl_s ~= nil and not (type(ttl_s) == "number" and ttl_s > 0 and ttl_s <= MAX_TTL_S) then
        fail(level + 1, "%s: a time to live is seconds, more than 0 and at most %d, got %s", what,
            MAX_TTL_S, tostring(ttl_s))
    end
end

local function check_entry(key, value, ttl_s, what, level)
    check_key(key, what, level + 1)
    check_value(value, what, level + 1)
    check_ttl(ttl_s, what, level + 1)
end

--- The value of `key`; or nil, "not_found" when there is none or its time is over.
function dict:get(key)
    check_key(key, "dict:get", 2)
    return host.shared_dict_get(self.number, key)
end

--- Stores a value, for `ttl_s` seconds or without end. Returns true; or nil, "full" when there is
-- no room and the dictionary does not evict, nil, "too_large" for a key or a string beyond its
-- size.
function dict:set(key, value, ttl_s)
    check_entry(key, value, ttl_s, "dict:set", 2)
    return host.shared_dict_set(self.number, key, value, ttl_s)
end

--- As set, if there is no such key. Returns whether it was stored; or as set.
function dict:set_if_absent(key, value, ttl_s)
    check_entry(key, value, ttl_s, "dict:set_if_absent", 2)
    return host.shared_dict_set(self.number, key, value, ttl_s, true)
end

--- Stores `value` if the key has `expected`, of the same type; its time to live stays. Returns
-- whether it was so; or as set.
function dict:cas(key, expected, value)
    check_key(key, "dict:cas", 2)
    check_value(expected, "dict:cas", 2)
    check_value(value, "dict:cas", 2)
    return host.shared_dict_cas(self.number, key, expected, value)
end

--- Adds `amount`, a number or an int64. A key that is not there begins with `initial`, 0 when left
-- out, and lives for `ttl_s` seconds. Returns the sum; or nil, "invalid" when the value is of
-- another type; or as set.
function dict:add(key, amount, initial, ttl_s)
    check_key(key, "dict:add", 2)
    if type(amount) ~= "number" and not is_int64(amount) then
        fail(2, "dict:add: a number or an int64 is added, got %s", type(amount))
    end
    if initial == nil then
        initial = type(amount) == "number" and 0 or amount - amount
    elseif type(initial) ~= type(amount) or type(initial) == "cdata" and not is_int64(initial) then
        fail(2, "dict:add: the initial value must be of the type of what is added, %s, got %s",
            type(amount), type(initial))
    end
    check_ttl(ttl_s, "dict:add", 2)
    return host.shared_dict_add(self.number, key, amount, initial, ttl_s)
end

--- Returns whether there was such a key; or nil and a code.
function dict:delete(key)
    check_key(key, "dict:delete", 2)
    local is_deleted, code = host.shared_dict_delete(self.number, key)
    if code == "not_found" then
        return false
    end
    return is_deleted, code
end

--- At most `limit` keys, 1000 when left out, in no order, and whether there are more; or nil and a
-- code. What others store or delete meanwhile may or may not be among them.
function dict:keys(limit)
    limit = limit or DEFAULT_KEYS
    if not is_whole(limit) or limit < 0 then
        fail(2, "dict:keys: the limit is a whole number, got %s", tostring(limit))
    end
    local list = {}
    for bucket = 0, self.bucket_count - 1 do
        local keys, code = host.shared_dict_keys(self.number, bucket)
        if not keys then
            return nil, code
        end
        for _, key in ipairs(keys) do
            if #list == limit then
                return list, true
            end
            list[#list + 1] = key
        end
    end
    return list, false
end

--- How many keys there are; or nil and a code. It looks at every entry.
function dict:len()
    local count = 0
    for bucket = 0, self.bucket_count - 1 do
        local some, code = host.shared_dict_len(self.number, bucket)
        if not some then
            return nil, code
        end
        count = count + some
    end
    return count
end

return shared
