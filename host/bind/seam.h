/* What the files of the seam share. Each of them adds one table of functions to the module
 * `host`; docs/seam.md lists them all, and a spec compares the two.
 *
 * A function of the seam checks its arguments, calls once and pushes the result. Expected
 * failures are nil and a code. */
#ifndef PERIGEE_BIND_SEAM_H
#define PERIGEE_BIND_SEAM_H

#include <lauxlib.h>
#include <lua.h>

#include "bind/host.h"
#include "isolate/isolate.h"

/* The process a seam function runs in. */
Host *seam_host(lua_State *L);

/* Pushes true for `code` >= 0, else nil and the code's name. Returns how many values that is. */
int seam_push_result(lua_State *L, int code);

/* Pushes nil and the code's name. */
int seam_push_failure(lua_State *L, int code);

/* Seconds, not negative, as nanoseconds. */
uint64_t seam_check_ns(lua_State *L, int argument);

Handle seam_check_handle(lua_State *L, int argument);
void seam_push_handle(lua_State *L, Handle handle);

/* The server whose number is at `argument`; NULL when it is closed. */
Server *seam_check_server(lua_State *L, int argument);

/* Pushes the records of a log from the position at `argument` on, and the position behind them.
 * Returns how many values that is. */
int bind_log_push_records(lua_State *L, const LogRing *ring, int argument);

/* The client side of TLS at `argument`, borrowed. */
TlsClientContext *seam_check_tls_client(lua_State *L, int argument);

/* Sets field `name` of the table on top. */
void seam_set_number(lua_State *L, const char *name, lua_Number number);

/* Pushes a table whose functions are made when they are first looked up: a small service uses a
 * quarter of them, and there may be thousands of services. */
void seam_push_lazy_table(lua_State *L, Isolate *isolate);

/* Registers `functions` in the table on top, each with the isolate as its first upvalue. */
void seam_register(lua_State *L, const luaL_Reg *functions, Isolate *isolate);

/* A type of userdata. */
typedef struct SeamType {
    const char *name;
    const luaL_Reg *methods;
    lua_CFunction collect; /* NULL where nothing has to be given back */
} SeamType;

/* Pushes the metatable of `type`, which is made when it is first asked for: methods behind __index,
 * hidden from scripts. Called by a function of the seam, before it acquires anything. */
void seam_push_type(lua_State *L, const SeamType *type);

/* One for each file: they add to the `host` table on top of L. */
void bind_task_open(lua_State *L, Isolate *isolate);
void bind_log_open(lua_State *L, Isolate *isolate);
void bind_log_open_system(lua_State *L, Isolate *isolate);
void bind_exchange_open(lua_State *L, Isolate *isolate);
void bind_exchange_stream_open(lua_State *L, Isolate *isolate);
void bind_forward_open(lua_State *L, Isolate *isolate);
void bind_call_open(lua_State *L, Isolate *isolate);
void bind_websocket_open(lua_State *L, Isolate *isolate);
void bind_server_open(lua_State *L, Isolate *isolate);
void bind_server_counters_open(lua_State *L, Isolate *isolate);
void bind_routes_open(lua_State *L, Isolate *isolate);
void bind_tls_open(lua_State *L, Isolate *isolate);
void bind_tls_open_system(lua_State *L, Isolate *isolate);
void bind_name_lookup_open(lua_State *L, Isolate *isolate);
void bind_stream_open(lua_State *L, Isolate *isolate);
void bind_stream_open_system(lua_State *L, Isolate *isolate);
void bind_message_open(lua_State *L, Isolate *isolate);
void bind_isolate_open(lua_State *L, Isolate *isolate);
void bind_process_open(lua_State *L, Isolate *isolate);
void bind_privileges_open(lua_State *L, Isolate *isolate);
void bind_profile_open(lua_State *L, Isolate *isolate);
void bind_child_open(lua_State *L, Isolate *isolate);
void bind_pattern_open(lua_State *L, Isolate *isolate);
void bind_pulse_open(lua_State *L, Isolate *isolate);
void bind_folder_open(lua_State *L, Isolate *isolate);
void bind_deflate_open(lua_State *L, Isolate *isolate);
void bind_deflate_open_system(lua_State *L, Isolate *isolate);
void bind_file_open(lua_State *L, Isolate *isolate);
void bind_shared_open(lua_State *L, Isolate *isolate);
void bind_shared_memory_open(lua_State *L, Isolate *isolate);
void bind_shared_memory_open_system(lua_State *L, Isolate *isolate);
void bind_channel_open(lua_State *L, Isolate *isolate);
void bind_metric_open(lua_State *L, Isolate *isolate);
void bind_metric_arena_open(lua_State *L, Isolate *isolate);
void bind_channel_open_system(lua_State *L, Isolate *isolate);

#endif
