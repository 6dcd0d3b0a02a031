/* What a server has counted. */
#include "base/error.h"
#include "bind/seam.h"

/* How often each limit was reached, by its key in the settings of the server. */
static void set_limits(lua_State *L, const ServerCounters *counters)
{
    seam_set_number(L, "max_connections", (lua_Number)counters->refused_count);
    seam_set_number(L, "max_unsent", (lua_Number)counters->unsent_full_count);
    seam_set_number(L, "head_timeout", (lua_Number)counters->head_timeout_count);
    seam_set_number(L, "body_timeout", (lua_Number)counters->body_timeout_count);
    seam_set_number(L, "idle_timeout", (lua_Number)counters->idle_timeout_count);
    seam_set_number(L, "write_timeout", (lua_Number)counters->write_timeout_count);
}

static void set_http_limits(lua_State *L, const Http1Counters *counters)
{
    seam_set_number(L, "max_target", (lua_Number)counters->target_count);
    seam_set_number(L, "max_head", (lua_Number)counters->head_count);
    seam_set_number(L, "max_fields", (lua_Number)counters->field_count);
    seam_set_number(L, "max_body", (lua_Number)counters->body_count);
    seam_set_number(L, "max_framing", (lua_Number)counters->framing_count);
    seam_set_number(L, "max_pipelined", (lua_Number)counters->pipelined_count);
    seam_set_number(L, "max_unread", (lua_Number)counters->unread_count);
    seam_set_number(L, "max_compressed", (lua_Number)seam_host(L)->refused_deflate_count);
}

static void set_http(lua_State *L, const HttpCounters *counters)
{
    seam_set_number(L, "malformed", (lua_Number)counters->http1.malformed_count);
    seam_set_number(L, "unsupported", (lua_Number)counters->http1.unsupported_count);
    seam_set_number(L, "cut_files", (lua_Number)counters->cut_file_count);
    seam_set_number(L, "stream_peak_size", (lua_Number)counters->stream_peak_size);
}

static void set_common(lua_State *L, const ServerCounters *counters)
{
    seam_set_number(L, "accepted", (lua_Number)counters->accepted_count);
    seam_set_number(L, "accept_failures", (lua_Number)counters->accept_failure_count);
    if (counters->accept_status < 0) {
        lua_pushstring(L, error_text(counters->accept_status));
        lua_setfield(L, -2, "accept_problem");
    }
    seam_set_number(L, "refused", (lua_Number)counters->refused_count);
    seam_set_number(L, "abandoned", (lua_Number)counters->abandoned_count);
    seam_set_number(L, "timeouts", (lua_Number)counters->timeout_count);
    seam_set_number(L, "rejected", (lua_Number)counters->rejected_count);
    seam_set_number(L, "handshake_failures", (lua_Number)counters->handshake_failure_count);
    seam_set_number(L, "received_size", (lua_Number)counters->received_size);
    seam_set_number(L, "sent_size", (lua_Number)counters->sent_size);
    seam_set_number(L, "connections", (lua_Number)counters->connection_count);
}

/* server_counters(server) -> {accepted=, refused=, requests= or calls=, limits = {...}, ...} | nil,
 * "closed" */
static int l_server_counters(lua_State *L)
{
    const Server *server = seam_check_server(L, 1);
    const ServerCounters *counters;
    const HttpCounters *http;

    if (server == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    counters = server_counters(server);
    http = http_server_counters(server);
    lua_createtable(L, 0, 18);
    set_common(L, counters);
    seam_set_number(L, http != NULL ? "requests" : "calls", (lua_Number)counters->request_count);
    if (http != NULL)
        set_http(L, http);
    lua_createtable(L, 0, 15);
    set_limits(L, counters);
    if (http != NULL)
        set_http_limits(L, &http->http1);
    lua_setfield(L, -2, "limits");
    return 1;
}

static const luaL_Reg functions[] = {
    {"server_counters", l_server_counters},
    {NULL,              NULL             },
};

void bind_server_counters_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
