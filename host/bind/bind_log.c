/* The log: lines of this process, those of the last that are kept, and where all go. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bind/seam.h"
#include "os/log_sink.h"

enum { RECORD_HEAD_SIZE = 256 };

/* The kept record of an event: when, level and service, then its lines. */
static void keep(Host *host, const char *level, const char *service, const char *bytes)
{
    char record[LOG_RING_RECORD_SIZE];
    int size =
        snprintf(record, sizeof record, "%.3f %s %s\n%s", clock_wall_s(), level, service, bytes);

    log_ring_put(&host->pulse->log, record,
                 (size_t)size < sizeof record ? (size_t)size : sizeof record);
}

/* write_log(text, level, service) -> whether it was taken. One event, with its line end. It never
 * waits: when too much is unwritten it is counted and dropped. */
static int l_write_log(lua_State *L)
{
    Host *host = seam_host(L);
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    const char *level = luaL_checkstring(L, 2);
    const char *service = luaL_checkstring(L, 3);

    keep(host, level, service, text);
    lua_pushboolean(L, log_sink_write(host->log, text, size));
    return 1;
}

int bind_log_push_records(lua_State *L, const LogRing *ring, int argument)
{
    lua_Number position = luaL_checknumber(L, argument);
    Buffer *records = &seam_host(L)->log_records;
    const char *next;
    int count = 0;

    luaL_argcheck(L, position >= 0, argument, "must not be negative");
    buffer_clear(records);
    position = (lua_Number)log_ring_read(ring, (uint64_t)position, records);
    lua_newtable(L);
    for (next = records->bytes; next < records->bytes + records->size; next += strlen(next) + 1) {
        lua_pushstring(L, next);
        lua_rawseti(L, -2, ++count);
    }
    lua_pushnumber(L, position);
    return 2;
}

/* log_records(position) -> {record, ...}, position behind them: what this process has logged last.
 * Each is a line "seconds since 1970, level, service", and the event. 0 is the oldest kept. */
static int l_log_records(lua_State *L)
{
    return bind_log_push_records(L, &seam_host(L)->pulse->log, 1);
}

/* log_counters() -> {written=, dropped=, waiting_size=} of this process */
static int l_log_counters(lua_State *L)
{
    LogSinkCounters counters;

    log_sink_read_counters(seam_host(L)->log, &counters);
    lua_createtable(L, 0, 3);
    seam_set_number(L, "written", (lua_Number)counters.written_count);
    seam_set_number(L, "dropped", (lua_Number)counters.dropped_count);
    seam_set_number(L, "waiting_size", (lua_Number)counters.waiting_size);
    return 1;
}

/* log_to(file or nil, format, name) -> true | nil, code. Where this process logs, standard error
 * without a file, and the look of what the log says itself. */
static int l_log_to(lua_State *L)
{
    static const char *const formats[] = {"text", "json", NULL};
    LogSink *log = seam_host(L)->log;
    const char *path = luaL_optstring(L, 1, NULL);
    bool is_json = luaL_checkoption(L, 2, NULL, formats) == 1;
    const char *name = luaL_checkstring(L, 3);
    int result = path != NULL ? log_sink_set_file(log, path) : 0;

    if (result == 0)
        log_sink_set_format(log, is_json, name);
    return seam_push_result(L, result);
}

/* log_reopen(): the file that this process logs to was moved away */
static int l_log_reopen(lua_State *L)
{
    log_sink_reopen(seam_host(L)->log);
    return 0;
}

static const luaL_Reg functions[] = {
    {"write_log", l_write_log},
    {NULL,        NULL       },
};

static const luaL_Reg system_functions[] = {
    {"log_counters", l_log_counters},
    {"log_records",  l_log_records },
    {"log_reopen",   l_log_reopen  },
    {"log_to",       l_log_to      },
    {NULL,           NULL          },
};

void bind_log_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}

void bind_log_open_system(lua_State *L, Isolate *isolate)
{
    seam_register(L, system_functions, isolate);
}
