#include "bind/isolates.h"

#include "base/error.h"
#include "bind/seam.h"
#include "bind/service_metrics.h"

int isolates_add(Host *host, const IsolateOptions *options, Isolate **out, char **error)
{
    Isolate *isolate;
    int result = isolate_create(options, &isolate, error);

    if (result < 0)
        return result;
    isolate_set_handle(isolate, handle_table_add(&host->isolates, isolate));
    if (host->system == NULL)
        host->system = isolate;
    runner_add(host->runner, isolate);
    atomic_fetch_add_explicit(&host->pulse->isolate_count, 1, memory_order_relaxed);
    *out = isolate;
    return 0;
}

Isolate *isolates_find(const Host *host, Handle handle)
{
    return handle_table_find(&host->isolates, handle);
}

void isolates_close(Host *host, Isolate *isolate)
{
    struct ServiceMetrics *metrics = isolate_metrics(isolate);

    handle_table_remove(&host->isolates, isolate_handle(isolate));
    atomic_fetch_sub_explicit(&host->pulse->isolate_count, 1, memory_order_relaxed);
    if (isolate == host->system)
        host->system = NULL;
    if (metrics != NULL)
        service_metrics_copy(isolate);
    isolate_destroy(isolate); /* and with it what it has under way, which is counted */
    service_metrics_close(metrics);
}

void isolates_close_all(Host *host)
{
    Isolate *isolate;

    for (size_t slot = 0; (isolate = handle_table_next(&host->isolates, &slot)) != NULL;) {
        if (isolate != host->system)
            isolates_close(host, isolate);
    }
    if (host->system != NULL)
        isolates_close(host, host->system);
}

static void register_for_all(lua_State *L, Isolate *isolate)
{
    bind_task_open(L, isolate);
    bind_log_open(L, isolate);
    bind_exchange_open(L, isolate);
    bind_exchange_stream_open(L, isolate);
    bind_forward_open(L, isolate);
    bind_call_open(L, isolate);
    bind_websocket_open(L, isolate);
    bind_message_open(L, isolate);
    bind_shared_open(L, isolate);
    bind_shared_memory_open(L, isolate);
    bind_folder_open(L, isolate);
    bind_deflate_open(L, isolate);
    bind_channel_open(L, isolate);
    bind_name_lookup_open(L, isolate);
    bind_pattern_open(L, isolate);
    bind_stream_open(L, isolate);
    bind_metric_open(L, isolate);
    bind_tls_open(L, isolate);
}

void isolates_push_service_host(lua_State *L, Isolate *isolate)
{
    seam_push_lazy_table(L, isolate);
    register_for_all(L, isolate);
}

void isolates_push_system_host(lua_State *L, Isolate *isolate)
{
    lua_newtable(L);
    register_for_all(L, isolate);
    bind_server_open(L, isolate);
    bind_server_counters_open(L, isolate);
    bind_routes_open(L, isolate);
    bind_tls_open_system(L, isolate);
    bind_deflate_open_system(L, isolate);
    bind_log_open_system(L, isolate);
    bind_stream_open_system(L, isolate);
    bind_isolate_open(L, isolate);
    bind_process_open(L, isolate);
    bind_privileges_open(L, isolate);
    bind_profile_open(L, isolate);
    bind_child_open(L, isolate);
    bind_pulse_open(L, isolate);
    bind_file_open(L, isolate);
    bind_shared_memory_open_system(L, isolate);
    bind_channel_open_system(L, isolate);
    bind_metric_arena_open(L, isolate);
}
