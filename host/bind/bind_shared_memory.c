/* The memory that all workers share: where it comes from, and what is in it. */
#include "base/error.h"
#include "bind/seam.h"
#include "shared/shared_channel.h"
#include "shared/shared_dict.h"

/* What a Lua number holds exactly. */
#define SIZE_LIMIT 9007199254740992.0

static void set_dict(lua_State *L, const SharedRegion *region, uint32_t number)
{
    SharedDictCounters counters;
    SharedDict dict;

    if (shared_dict_open(region, number, &dict) < 0)
        return;
    shared_dict_read_counters(&dict, &counters);
    seam_set_number(L, "entries", dict.shape.entry_count);
    seam_set_number(L, "key_size", dict.shape.key_size);
    seam_set_number(L, "value_size", dict.shape.value_size);
    lua_pushboolean(L, dict.shape.is_evicting != 0);
    lua_setfield(L, -2, "is_evicting");
    seam_set_number(L, "evictions", (lua_Number)counters.eviction_count);
    seam_set_number(L, "refusals", (lua_Number)counters.refusal_count);
    seam_set_number(L, "recoveries", (lua_Number)counters.recovery_count);
}

/* The number of the object that argument 1 names by its name or number, and what it is; or a
 * negative code. */
static int find_object(lua_State *L, const SharedRegion *region, SharedObject *out)
{
    int number, result;

    if (region->bytes == NULL)
        return ERR_NOT_FOUND;
    if (lua_type(L, 1) == LUA_TSTRING)
        number = shared_region_find(region, lua_tostring(L, 1));
    else
        number = (int)luaL_checkinteger(L, 1);
    if (number < 0)
        return ERR_NOT_FOUND;
    result = shared_region_read(region, (uint32_t)number, out);
    return result < 0 ? result : number;
}

static void set_counter(lua_State *L, const SharedRegion *region, uint32_t number)
{
    _Atomic int64_t *count = shared_region_counter(region, number);

    if (count != NULL)
        seam_set_number(L, "value", (lua_Number)atomic_load(count));
}

static void set_channel(lua_State *L, const SharedRegion *region, uint32_t number)
{
    SharedChannelState state;
    SharedChannel channel;

    if (shared_channel_open(region, number, &channel) < 0 ||
        shared_channel_read(&channel, &state) < 0)
        return;
    seam_set_number(L, "capacity", channel.capacity);
    seam_set_number(L, "length", (lua_Number)state.count);
    seam_set_number(L, "used_size", (lua_Number)state.size);
    seam_set_number(L, "sent", (lua_Number)state.sent_count);
    lua_pushboolean(L, state.is_closed);
    lua_setfield(L, -2, "is_closed");
}

static const char *name_kind(SharedKind kind)
{
    return kind == SHARED_DICT ? "dict" : kind == SHARED_CHANNEL ? "channel" : "counter";
}

/* shared_object(number or name) -> {name=, kind=, size=, value=} of a counter; {..., entries=,
 * key_size=, value_size=, is_evicting=, evictions=, refusals=, recoveries=} of a dictionary; or
 * {..., capacity=, length=, used_size=, sent=, is_closed=} of a channel | nil, code */
static int l_shared_object(lua_State *L)
{
    const SharedRegion *region = &seam_host(L)->shared.region;
    SharedObject object;
    int number = find_object(L, region, &object);

    if (number < 0)
        return seam_push_failure(L, number);
    lua_createtable(L, 0, 10);
    lua_pushstring(L, object.name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, name_kind(object.kind));
    lua_setfield(L, -2, "kind");
    seam_set_number(L, "size", (lua_Number)object.size);
    if (object.kind == SHARED_DICT)
        set_dict(L, region, (uint32_t)number);
    else if (object.kind == SHARED_CHANNEL)
        set_channel(L, region, (uint32_t)number);
    else
        set_counter(L, region, (uint32_t)number);
    return 1;
}

/* shared_sizes() -> bytes in all, bytes used; 0, 0 when there is no shared memory */
static int l_shared_sizes(lua_State *L)
{
    const SharedRegion *region = &seam_host(L)->shared.region;

    lua_pushnumber(L, (lua_Number)region->size);
    lua_pushnumber(L, region->bytes == NULL ? 0 : (lua_Number)shared_region_used_size(region));
    return 2;
}

/* shared_memory_create(size) -> descriptor | nil, code: memory for this process and its children */
static int l_shared_memory_create(lua_State *L)
{
    lua_Number size = luaL_checknumber(L, 1);
    int fd, result;

    luaL_argcheck(L, size >= SHARED_REGION_MIN_SIZE && size <= SIZE_LIMIT, 1, "out of range");
    if ((result = shared_memory_create(&seam_host(L)->shared, (size_t)size, &fd)) < 0)
        return seam_push_failure(L, result);
    lua_pushinteger(L, fd);
    return 1;
}

/* shared_memory_map(descriptor, size) -> true | nil, code: what the supervisor made */
static int l_shared_memory_map(lua_State *L)
{
    int fd = (int)luaL_checkinteger(L, 1);
    lua_Number size = luaL_checknumber(L, 2);

    luaL_argcheck(L, size >= SHARED_REGION_MIN_SIZE && size <= SIZE_LIMIT, 2, "out of range");
    return seam_push_result(L, shared_memory_map(&seam_host(L)->shared, fd, (size_t)size));
}

static const luaL_Reg functions[] = {
    {"shared_object", l_shared_object},
    {"shared_sizes",  l_shared_sizes },
    {NULL,            NULL           },
};

static const luaL_Reg system_functions[] = {
    {"shared_memory_create", l_shared_memory_create},
    {"shared_memory_map",    l_shared_memory_map   },
    {NULL,                   NULL                  },
};

void bind_shared_memory_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}

void bind_shared_memory_open_system(lua_State *L, Isolate *isolate)
{
    seam_register(L, system_functions, isolate);
}
