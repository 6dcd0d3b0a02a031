/* Named channels: ports of this isolate, by number. */
#include <string.h>

#include "base/error.h"
#include "bind/channel_ports.h"
#include "bind/seam.h"

/* A service may only name its own ports. */
static ChannelPort *check_port(lua_State *L)
{
    ChannelPort *port = channel_ports_find(&seam_host(L)->channels, seam_check_handle(L, 1));

    return port != NULL && port->resource.isolate == isolate_from(L) ? port : NULL;
}

static ChannelSide check_side(lua_State *L)
{
    lua_Integer side = luaL_checkinteger(L, 2);

    luaL_argcheck(L, side == CHANNEL_RECEIVING || side == CHANNEL_SENDING, 2, "no side");
    return (ChannelSide)side;
}

/* channel_open(name, capacity, bytes) -> id | nil, code: "exists" when it is another kind of
 * object, or has another capacity or size */
static int l_channel_open(lua_State *L)
{
    size_t size;
    const char *name = luaL_checklstring(L, 1, &size);
    lua_Number capacity = luaL_checknumber(L, 2), ring_size = luaL_checknumber(L, 3);
    SharedObject wanted = {0};
    ChannelPort *port;
    int result;

    luaL_argcheck(L, size < sizeof wanted.name && strlen(name) == size, 1, "too long, or a NUL");
    luaL_argcheck(L, capacity >= 0 && capacity <= UINT32_MAX, 2, "out of range");
    luaL_argcheck(L, ring_size >= 0 && ring_size <= UINT32_MAX, 3, "out of range");
    memcpy(wanted.name, name, size);
    wanted.shape.entry_count = (uint32_t)capacity;
    wanted.shape.value_size = (uint32_t)ring_size;
    result = channel_ports_open(&seam_host(L)->channels, isolate_from(L), &wanted, &port);
    if (result < 0)
        return seam_push_failure(L, result);
    seam_push_handle(L, port->handle);
    return 1;
}

/* channel_send(id, bytes) -> true | nil, "again": EVENT_CHANNEL will come | nil, "closed" or
 * "too_large" */
static int l_channel_send(lua_State *L)
{
    ChannelPort *port = check_port(L);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);

    if (port == NULL)
        return seam_push_failure(L, ERR_NOT_FOUND);
    return seam_push_result(L, channel_port_send(port, bytes, size));
}

/* channel_receive(id) -> bytes | nil, "again": EVENT_CHANNEL will come | nil, "closed" */
static int l_channel_receive(lua_State *L)
{
    ChannelPort *port = check_port(L);
    Buffer *received = &seam_host(L)->channels.received;
    int result;

    if (port == NULL)
        return seam_push_failure(L, ERR_NOT_FOUND);
    buffer_clear(received);
    if ((result = channel_port_receive(port, received)) < 0)
        return seam_push_failure(L, result);
    lua_pushlstring(L, received->size == 0 ? "" : received->bytes, received->size);
    return 1;
}

static size_t check_size(lua_State *L)
{
    lua_Number size = luaL_checknumber(L, 3);

    luaL_argcheck(L, size >= 0 && size <= UINT32_MAX, 3, "out of range");
    return (size_t)size;
}

/* channel_ask(id, side, bytes) -> whether a receive (side 0), or a send of so many bytes (1), would
 * not be "again". What is closed or too large is not: trying says so. */
static int l_channel_ask(lua_State *L)
{
    ChannelPort *port = check_port(L);
    ChannelSide side = check_side(L);
    size_t size = check_size(L);

    lua_pushboolean(L, port == NULL || channel_port_ask(port, side, size) != 0);
    return 1;
}

/* channel_await(id, side, bytes): EVENT_CHANNEL will come when that is so, or is so already */
static int l_channel_await(lua_State *L)
{
    ChannelPort *port = check_port(L);
    ChannelSide side = check_side(L);
    size_t size = check_size(L);

    if (port != NULL)
        channel_port_await(port, side, size);
    return 0;
}

/* channel_forget(id, side): nobody of this isolate waits any more, even if an EVENT_CHANNEL came */
static int l_channel_forget(lua_State *L)
{
    ChannelPort *port = check_port(L);
    ChannelSide side = check_side(L);

    if (port != NULL)
        channel_port_forget(port, side);
    return 0;
}

/* channel_close(id) -> true | nil, "closed": nothing more can be sent, by anybody */
static int l_channel_close(lua_State *L)
{
    ChannelPort *port = check_port(L);

    if (port == NULL)
        return seam_push_failure(L, ERR_NOT_FOUND);
    return seam_push_result(L, channel_port_end(port));
}

/* channel_state(id) -> messages in it, whether it is closed | nil, code */
static int l_channel_state(lua_State *L)
{
    ChannelPort *port = check_port(L);
    SharedChannel channel;
    SharedChannelState state;
    int result = port == NULL ? ERR_NOT_FOUND : channel_port_view(port, &channel);

    if (result < 0 || (result = shared_channel_read(&channel, &state)) < 0)
        return seam_push_failure(L, result);
    lua_pushnumber(L, (lua_Number)state.count);
    lua_pushboolean(L, state.is_closed);
    return 2;
}

/* bell_create() -> descriptor | nil, code */
static int l_bell_create(lua_State *L)
{
    int fd, result = bell_create(&fd);

    if (result < 0)
        return seam_push_failure(L, result);
    lua_pushinteger(L, fd);
    return 1;
}

/* bell_ring(descriptor) */
static int l_bell_ring(lua_State *L)
{
    bell_ring((int)luaL_checkinteger(L, 1));
    return 0;
}

/* hear_bells(first descriptor, count, own number from 0) -> true | nil, code */
static int l_hear_bells(lua_State *L)
{
    Host *host = seam_host(L);
    int first = (int)luaL_checkinteger(L, 1);
    lua_Integer count = luaL_checkinteger(L, 2), own = luaL_checkinteger(L, 3);

    luaL_argcheck(L, count >= 1 && count <= SHARED_WAITER_LIMIT, 2, "out of range");
    luaL_argcheck(L, own >= 0 && own < count, 3, "out of range");
    return seam_push_result(
        L, channel_ports_hear(&host->channels, host->loop, first, (uint32_t)count, (uint32_t)own));
}

/* channels_waiting() -> {name = {receivers, senders}, ...}: ports of this process that wait */
static int l_channels_waiting(lua_State *L)
{
    const ChannelPorts *ports = &seam_host(L)->channels;
    SharedObject object;

    lua_newtable(L);
    for (uint32_t i = 0; ports->waiters != NULL && i < SHARED_OBJECT_LIMIT; i++) {
        size_t receivers = channel_ports_count_waiting(ports, i, CHANNEL_RECEIVING);
        size_t senders = channel_ports_count_waiting(ports, i, CHANNEL_SENDING);

        if (receivers + senders == 0 || shared_region_read(ports->region, i, &object) < 0)
            continue;
        lua_createtable(L, 2, 0);
        lua_pushnumber(L, (lua_Number)receivers);
        lua_rawseti(L, -2, 1);
        lua_pushnumber(L, (lua_Number)senders);
        lua_rawseti(L, -2, 2);
        lua_setfield(L, -2, object.name);
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"channel_ask",     l_channel_ask    },
    {"channel_await",   l_channel_await  },
    {"channel_close",   l_channel_close  },
    {"channel_forget",  l_channel_forget },
    {"channel_open",    l_channel_open   },
    {"channel_receive", l_channel_receive},
    {"channel_send",    l_channel_send   },
    {"channel_state",   l_channel_state  },
    {NULL,              NULL             },
};

static const luaL_Reg system_functions[] = {
    {"bell_create",      l_bell_create     },
    {"bell_ring",        l_bell_ring       },
    {"channels_waiting", l_channels_waiting},
    {"hear_bells",       l_hear_bells      },
    {NULL,               NULL              },
};

void bind_channel_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}

void bind_channel_open_system(lua_State *L, Isolate *isolate)
{
    seam_register(L, system_functions, isolate);
}
