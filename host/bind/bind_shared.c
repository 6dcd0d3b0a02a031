/* Counters and dictionaries in the memory that all workers share, by their numbers. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "bind/seam.h"
#include "bind/shared_value.h"
#include "shared/shared_dict.h"

/* What a Lua number holds exactly. */
#define WHOLE_LIMIT (INT64_C(1) << 53)

static const SharedRegion *check_region(lua_State *L)
{
    const SharedRegion *region = &seam_host(L)->shared.region;

    if (region->bytes == NULL)
        luaL_error(L, "there is no shared memory");
    return region;
}

static uint32_t check_uint32(lua_State *L, int argument)
{
    lua_Number number = luaL_checknumber(L, argument);

    luaL_argcheck(L, number >= 0 && number <= UINT32_MAX, argument, "out of range");
    return (uint32_t)number;
}

static int64_t check_whole(lua_State *L, int argument)
{
    lua_Number number = luaL_checknumber(L, argument);

    luaL_argcheck(L,
                  number >= (lua_Number)-WHOLE_LIMIT && number <= (lua_Number)WHOLE_LIMIT &&
                      number == (lua_Number)(int64_t)number,
                  argument, "a whole number up to 2^53 expected");
    return (int64_t)number;
}

static const char *check_name(lua_State *L, int argument)
{
    size_t size;
    const char *name = luaL_checklstring(L, argument, &size);

    luaL_argcheck(L, size > 0 && size < SHARED_NAME_SIZE && strlen(name) == size, argument,
                  "not a name");
    return name;
}

/* Pushes the number, or nil and a code. */
static int push_object_number(lua_State *L, int result)
{
    if (result < 0)
        return seam_push_failure(L, result);
    lua_pushinteger(L, result);
    return 1;
}

/* shared_counter(name) -> number | nil, code */
static int l_shared_counter(lua_State *L)
{
    const SharedRegion *region = check_region(L);
    SharedObject wanted = {.kind = SHARED_COUNTER};
    const char *name = check_name(L, 1);

    memcpy(wanted.name, name, strlen(name) + 1);
    return push_object_number(L, shared_region_add(region, &wanted, NULL));
}

static _Atomic int64_t *check_counter(lua_State *L)
{
    const SharedRegion *region = check_region(L);
    _Atomic int64_t *count = shared_region_counter(region, check_uint32(L, 1));

    luaL_argcheck(L, count != NULL, 1, "not a counter");
    return count;
}

static int add_whole(_Atomic int64_t *count, int64_t amount, int64_t *sum)
{
    int64_t before = atomic_load(count);

    do {
        if (__builtin_add_overflow(before, amount, sum) || *sum > WHOLE_LIMIT ||
            *sum < -WHOLE_LIMIT)
            return ERR_TOO_LARGE;
    } while (!atomic_compare_exchange_weak(count, &before, *sum));
    return 0;
}

/* shared_counter_add(number, n) -> the sum | nil, "too_large": it would not be exact */
static int l_shared_counter_add(lua_State *L)
{
    _Atomic int64_t *count = check_counter(L);
    int64_t sum;
    int result = add_whole(count, check_whole(L, 2), &sum);

    if (result < 0)
        return seam_push_failure(L, result);
    lua_pushnumber(L, (lua_Number)sum);
    return 1;
}

/* shared_counter_cas(number, expected, value) -> whether it was as expected, and is set */
static int l_shared_counter_cas(lua_State *L)
{
    _Atomic int64_t *count = check_counter(L);
    int64_t expected = check_whole(L, 2);

    lua_pushboolean(L, atomic_compare_exchange_strong(count, &expected, check_whole(L, 3)));
    return 1;
}

/* shared_counter_get(number) -> its value */
static int l_shared_counter_get(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)atomic_load(check_counter(L)));
    return 1;
}

/* shared_counter_set(number, value) */
static int l_shared_counter_set(lua_State *L)
{
    _Atomic int64_t *count = check_counter(L);

    atomic_store(count, check_whole(L, 2));
    return 0;
}

static uint32_t check_field(lua_State *L, int table, const char *name)
{
    uint32_t number;

    lua_getfield(L, table, name);
    number = check_uint32(L, -1);
    lua_pop(L, 1);
    return number;
}

/* shared_dict(name, {entries=, key_size=, value_size=, is_evicting=}) -> number, how many buckets |
 * nil, code */
static int l_shared_dict(lua_State *L)
{
    const SharedRegion *region = check_region(L);
    const char *name = check_name(L, 1);
    SharedShape shape;
    SharedDict dict;
    int number, result;

    luaL_checktype(L, 2, LUA_TTABLE);
    shape = (SharedShape){.entry_count = check_field(L, 2, "entries"),
                          .key_size = check_field(L, 2, "key_size"),
                          .value_size = check_field(L, 2, "value_size")};
    lua_getfield(L, 2, "is_evicting");
    shape.is_evicting = lua_toboolean(L, -1) ? 1 : 0;
    if ((number = shared_dict_add(region, name, &shape)) < 0)
        return seam_push_failure(L, number);
    if ((result = shared_dict_open(region, (uint32_t)number, &dict)) < 0)
        return seam_push_failure(L, result);
    lua_pushinteger(L, number);
    lua_pushnumber(L, dict.bucket_count);
    return 2;
}

static SharedDict check_dict(lua_State *L)
{
    const SharedRegion *region = check_region(L);
    SharedDict dict;

    luaL_argcheck(L, shared_dict_open(region, check_uint32(L, 1), &dict) == 0, 1,
                  "not a dictionary");
    return dict;
}

/* Seconds, or nil for ever; no time is so short that it becomes none. */
static uint64_t check_life_time(lua_State *L, int argument)
{
    lua_Number life_s = luaL_optnumber(L, argument, 0);

    if (lua_isnoneornil(L, argument))
        return 0;
    luaL_argcheck(L, life_s > 0 && life_s <= 1e9, argument, "out of range");
    return (uint64_t)(life_s * 1e9) + 1;
}

/* shared_dict_get(number, key) -> its value | nil, code */
static int l_shared_dict_get(lua_State *L)
{
    SharedDict dict = check_dict(L);
    char *buffer = shared_memory_buffer(&seam_host(L)->shared, dict.shape.value_size);
    SharedValue value;
    int result = shared_dict_get(&dict, shared_value_check_string(L, 2), clock_monotonic_ns(),
                                 buffer, &value);

    if (result < 0)
        return seam_push_failure(L, result);
    shared_value_push(L, &value);
    return 1;
}

static int push_store(lua_State *L, const SharedDict *dict, const SharedStore *store)
{
    int result = shared_dict_store(dict, store, clock_monotonic_ns());

    if (result < 0)
        return seam_push_failure(L, result);
    lua_pushboolean(L, result);
    return 1;
}

/* shared_dict_set(number, key, value, seconds or nil, whether only if absent) -> whether it was
 * stored | nil, code */
static int l_shared_dict_set(lua_State *L)
{
    SharedDict dict = check_dict(L);
    SharedStore store = {.key = shared_value_check_string(L, 2),
                         .value = shared_value_check(L, 3),
                         .life_time_ns = check_life_time(L, 4),
                         .condition = lua_toboolean(L, 5) ? SHARED_IF_ABSENT : SHARED_ALWAYS};

    return push_store(L, &dict, &store);
}

/* shared_dict_cas(number, key, expected, value) -> whether it was as expected, and is stored | nil,
 * code */
static int l_shared_dict_cas(lua_State *L)
{
    SharedDict dict = check_dict(L);
    SharedStore store = {.key = shared_value_check_string(L, 2),
                         .expected = shared_value_check(L, 3),
                         .value = shared_value_check(L, 4),
                         .condition = SHARED_IF_EQUAL};

    return push_store(L, &dict, &store);
}

/* shared_dict_add(number, key, n, what an absent key begins with, seconds or nil) -> the sum | nil,
 * code */
static int l_shared_dict_add(lua_State *L)
{
    SharedDict dict = check_dict(L);
    SharedAddition addition = {.key = shared_value_check_string(L, 2),
                               .amount = shared_value_check(L, 3),
                               .initial = shared_value_check(L, 4),
                               .life_time_ns = check_life_time(L, 5)};
    SharedValue sum;
    int result = shared_dict_increase(&dict, &addition, clock_monotonic_ns(), &sum);

    if (result < 0)
        return seam_push_failure(L, result);
    shared_value_push(L, &sum);
    return 1;
}

/* shared_dict_delete(number, key) -> true | nil, code */
static int l_shared_dict_delete(lua_State *L)
{
    SharedDict dict = check_dict(L);

    return seam_push_result(
        L, shared_dict_remove(&dict, shared_value_check_string(L, 2), clock_monotonic_ns()));
}

/* Copies one bucket's keys to the buffer. Returns how many, or a negative code. */
static int list_bucket(lua_State *L, const char **keys)
{
    SharedDict dict = check_dict(L);
    char *buffer = shared_memory_buffer(&seam_host(L)->shared, shared_dict_keys_size(&dict));

    *keys = buffer;
    return shared_dict_list(&dict, check_uint32(L, 2), clock_monotonic_ns(), buffer);
}

/* shared_dict_keys(number, bucket) -> {key, ...} | nil, code */
static int l_shared_dict_keys(lua_State *L)
{
    const char *keys;
    int count = list_bucket(L, &keys);
    uint16_t size;

    if (count < 0)
        return seam_push_failure(L, count);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++, keys += sizeof size + size) {
        memcpy(&size, keys, sizeof size);
        lua_pushlstring(L, keys + sizeof size, size);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

/* shared_dict_len(number, bucket) -> how many keys | nil, code */
static int l_shared_dict_len(lua_State *L)
{
    const char *keys;

    return push_object_number(L, list_bucket(L, &keys));
}

static const luaL_Reg functions[] = {
    {"shared_counter",     l_shared_counter    },
    {"shared_counter_add", l_shared_counter_add},
    {"shared_counter_cas", l_shared_counter_cas},
    {"shared_counter_get", l_shared_counter_get},
    {"shared_counter_set", l_shared_counter_set},
    {"shared_dict",        l_shared_dict       },
    {"shared_dict_add",    l_shared_dict_add   },
    {"shared_dict_cas",    l_shared_dict_cas   },
    {"shared_dict_delete", l_shared_dict_delete},
    {"shared_dict_get",    l_shared_dict_get   },
    {"shared_dict_keys",   l_shared_dict_keys  },
    {"shared_dict_len",    l_shared_dict_len   },
    {"shared_dict_set",    l_shared_dict_set   },
    {NULL,                 NULL                },
};

void bind_shared_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
