/* The page of memory a worker shares with its supervisor, as the supervisor sees it. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "bind/seam.h"
#include "os/shared_page.h"

#define PULSE_TYPE "perigee.pulse"

static const SeamType pulse_type;

typedef struct PulseBox {
    Pulse *pulse; /* NULL once closed */
    int fd;
} PulseBox;

static int l_pulse_close(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    if (box->pulse != NULL) {
        shared_page_unmap(box->pulse, sizeof *box->pulse);
        close(box->fd);
    }
    box->pulse = NULL;
    return 0;
}

/* pulse_create() -> pulse | nil, code */
static int l_pulse_create(lua_State *L)
{
    PulseBox *box = lua_newuserdata(L, sizeof *box);
    void *page;
    int result;

    *box = (PulseBox){.fd = -1};
    seam_push_type(L, &pulse_type);
    lua_setmetatable(L, -2);
    if ((result = shared_page_create(sizeof *box->pulse, &box->fd)) < 0)
        return seam_push_failure(L, result);
    if ((result = shared_page_map(box->fd, sizeof *box->pulse, &page)) < 0) {
        close(box->fd);
        return seam_push_failure(L, result);
    }
    box->pulse = page;
    return 1;
}

/* pulse:descriptor() -> the number to hand to a child */
static int l_pulse_descriptor(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    lua_pushinteger(L, box->fd);
    return 1;
}

/* pulse:read() -> {turn_started=, running=, turns=, requests=, ...} | nil, "closed" */
static int l_pulse_read(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);
    Pulse *pulse = box->pulse;

    if (pulse == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    lua_createtable(L, 0, 8);
    seam_set_number(L, "turn_started", (lua_Number)atomic_load(&pulse->turn_started_ns) / 1e9);
    seam_set_number(L, "turns", (lua_Number)atomic_load(&pulse->turn_count));
    seam_set_number(L, "loops", (lua_Number)atomic_load(&pulse->loop_count));
    seam_set_number(L, "requests", (lua_Number)atomic_load(&pulse->request_count));
    seam_set_number(L, "isolates", (lua_Number)atomic_load(&pulse->isolate_count));
    lua_pushlstring(L, pulse->running_name, strnlen(pulse->running_name, PULSE_NAME_SIZE));
    lua_setfield(L, -2, "running");
    lua_pushlstring(L, pulse->running_place, strnlen(pulse->running_place, PULSE_PLACE_SIZE));
    lua_setfield(L, -2, "place");
    return 1;
}

/* pulse:log_records(position) -> {record, ...}, position behind them: what the worker has logged
 * last; see log_records | nil, "closed" */
static int l_pulse_log_records(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    if (box->pulse == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    return bind_log_push_records(L, &box->pulse->log, 2);
}

/* pulse:reset(): the worker that wrote it is gone; what it has logged stays */
static int l_pulse_reset(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    if (box->pulse != NULL)
        memset(box->pulse, 0, offsetof(Pulse, log));
    return 0;
}

static const luaL_Reg functions[] = {
    {"pulse_create", l_pulse_create},
    {NULL,           NULL          },
};

static const luaL_Reg methods[] = {
    {"close",       l_pulse_close      },
    {"descriptor",  l_pulse_descriptor },
    {"log_records", l_pulse_log_records},
    {"read",        l_pulse_read       },
    {"reset",       l_pulse_reset      },
    {NULL,          NULL               },
};

static const SeamType pulse_type = {PULSE_TYPE, methods, l_pulse_close};

void bind_pulse_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
