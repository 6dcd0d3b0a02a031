/* The memory a worker counts in, as its supervisor sees it and as the worker is given it. */
#include <unistd.h>

#include "base/error.h"
#include "bind/seam.h"
#include "metrics/metric_arena.h"
#include "os/shared_page.h"

#define ARENA_TYPE "perigee.metric_arena"

/* What a Lua number holds exactly. */
#define SIZE_LIMIT 9007199254740992.0

/* A writer changes a record in less than a microsecond, unless it was stopped or died there. */
enum { READ_ATTEMPTS = 100, CHANGING = -1 };

static const SeamType arena_type;

typedef struct ArenaBox {
    MetricArena arena; /* its bytes are NULL once closed */
    int fd;
} ArenaBox;

static int l_arena_close(lua_State *L)
{
    ArenaBox *box = luaL_checkudata(L, 1, ARENA_TYPE);

    if (box->arena.bytes != NULL) {
        shared_page_unmap(box->arena.bytes, box->arena.size);
        close(box->fd);
    }
    box->arena.bytes = NULL;
    return 0;
}

static int map(ArenaBox *box, size_t size)
{
    void *bytes;
    int result = shared_page_map(box->fd, size, &bytes);

    if (result < 0)
        return result;
    if ((result = metric_arena_format(bytes, size)) < 0)
        shared_page_unmap(bytes, size);
    else
        metric_arena_open(bytes, size, &box->arena);
    return result;
}

static size_t check_size(lua_State *L, int argument)
{
    lua_Number size = luaL_checknumber(L, argument);

    luaL_argcheck(L, size >= METRIC_ARENA_MIN_SIZE && size <= SIZE_LIMIT, argument, "out of range");
    return (size_t)size;
}

/* metric_arena_create(size) -> arena | nil, code */
static int l_metric_arena_create(lua_State *L)
{
    size_t size = check_size(L, 1);
    ArenaBox *box = lua_newuserdata(L, sizeof *box);
    int result;

    *box = (ArenaBox){.fd = -1};
    seam_push_type(L, &arena_type);
    lua_setmetatable(L, -2);
    if ((result = shared_page_create(size, &box->fd)) < 0)
        return seam_push_failure(L, result);
    if ((result = map(box, size)) < 0) {
        close(box->fd);
        return seam_push_failure(L, result);
    }
    return 1;
}

/* metric_arena_map(descriptor, size, how many series a family may have) -> true | nil, code: this
 * process counts in what its supervisor made */
static int l_metric_arena_map(lua_State *L)
{
    int fd = (int)luaL_checkinteger(L, 1);
    size_t size = check_size(L, 2);
    lua_Integer limit = luaL_checkinteger(L, 3);

    luaL_argcheck(L, limit > 0 && limit <= INT32_MAX, 3, "out of range");
    return seam_push_result(L, host_metrics_map(seam_host(L), fd, size, (uint32_t)limit));
}

/* arena:descriptor() -> the number to hand to a child */
static int l_arena_descriptor(lua_State *L)
{
    ArenaBox *box = luaL_checkudata(L, 1, ARENA_TYPE);

    lua_pushinteger(L, box->fd);
    return 1;
}

/* Its version is odd when it could not be had. */
static void read_view(const MetricView *view, MetricSnapshot *out)
{
    int attempts = 0;

    do {
        metric_view_read(view, out);
    } while (out->version % 2 != 0 && ++attempts < READ_ATTEMPTS);
}

static lua_Number version_number(uint32_t version)
{
    return version % 2 != 0 ? CHANGING : (lua_Number)version;
}

static void push_record(lua_State *L, const MetricView *view)
{
    static const char *const kinds[] = {"series", "counter", "gauge", "histogram", "group"};
    MetricSnapshot snapshot;

    read_view(view, &snapshot);
    lua_createtable(L, 0, 7);
    lua_pushstring(L, view->kind <= METRIC_GROUP ? kinds[view->kind] : "unknown");
    lua_setfield(L, -2, "kind");
    lua_pushlstring(L, snapshot.text, snapshot.text_size);
    lua_setfield(L, -2, "text");
    lua_pushboolean(L, snapshot.is_hidden != 0 || snapshot.version % 2 != 0);
    lua_setfield(L, -2, "is_hidden");
    seam_set_number(L, "family", snapshot.family);
    seam_set_number(L, "order", (lua_Number)snapshot.order);
    seam_set_number(L, "version", version_number(snapshot.version));
    seam_set_number(L, "cells", view->cell_count);
}

/* arena:records(first) -> {{kind=, text=, is_hidden=, family=, order=, version=, cells=}, ...} from
 * that number on, 0 for all | nil, "closed" */
static int l_arena_records(lua_State *L)
{
    ArenaBox *box = luaL_checkudata(L, 1, ARENA_TYPE);
    lua_Integer first = luaL_checkinteger(L, 2);
    MetricView view;
    size_t offset = 0;
    int count = 0;

    if (box->arena.bytes == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    lua_newtable(L);
    for (lua_Integer i = 0; metric_arena_next(&box->arena, &offset, &view); i++) {
        if (i < first)
            continue;
        push_record(L, &view);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static void append_number(lua_State *L, int *index, double value)
{
    lua_pushnumber(L, value);
    lua_rawseti(L, -2, ++*index);
}

/* arena:values() -> {of each record its version, -1 while it changes, and then its cells}, how many
 * records | nil, "closed" */
static int l_arena_values(lua_State *L)
{
    ArenaBox *box = luaL_checkudata(L, 1, ARENA_TYPE);
    MetricView view;
    size_t offset = 0;
    int index = 0, count = 0;

    if (box->arena.bytes == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    lua_createtable(L, (int)(metric_arena_used_size(&box->arena) / 64), 0);
    for (; metric_arena_next(&box->arena, &offset, &view); count++) {
        append_number(
            L, &index,
            version_number(atomic_load_explicit(&view.record->version, memory_order_acquire)));
        for (uint32_t i = 0; i < view.cell_count; i++)
            append_number(L, &index, metric_cell_get(&view.cells[i]));
    }
    lua_pushinteger(L, count);
    return 2;
}

static const luaL_Reg functions[] = {
    {"metric_arena_create", l_metric_arena_create},
    {"metric_arena_map",    l_metric_arena_map   },
    {NULL,                  NULL                 },
};

static const luaL_Reg methods[] = {
    {"close",      l_arena_close     },
    {"descriptor", l_arena_descriptor},
    {"records",    l_arena_records   },
    {"values",     l_arena_values    },
    {NULL,         NULL              },
};

static const SeamType arena_type = {ARENA_TYPE, methods, l_arena_close};

void bind_metric_arena_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
