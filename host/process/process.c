#include "process/process.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "bind/bind.h"
#include "isolate/module_cache.h"
#include "isolate/preempt.h"
#include "isolate/profiler.h"
#include "os/loop.h"
#include "os/shared_page.h"
#include "os/timer.h"
#include "process/watchdog.h"

enum {
    /* Nested callbacks of Lua's C functions use up to 9 KB of C stack each. Only touched pages
     * are committed. */
    STACK_SIZE = 64 * 1024 * 1024,
    KEEP_ALIVE_MS = 24 * 60 * 60 * 1000,
    FAILED = 1,
    /* What a log may hold back while nobody takes it, and how long the end of the process waits for
     * that. */
    LOG_SIZE = 1024 * 1024,
    LOG_CLOSE_MS = 1000,
    WORKER_PULSE_FD = 6,
};

typedef struct Process {
    Host host;
    Watchdog *watchdog;
    Timer *keep_alive; /* the process ends by host.exit, not by running out of handles */
    bool is_pulse_shared;
} Process;

/* There is one process per process; the seam's callbacks have no room for a pointer to it. */
static Process process;

static void start_watchdog(Host *host, unsigned slice_ms)
{
    if (process.watchdog != NULL)
        return;
    host->is_preemptive = preempt_self_test();
    watchdog_start(host->pulse, pthread_self(), slice_ms, &process.watchdog);
}

static void on_round_end(void *owner)
{
    Host *host = owner;

    host_metrics_end_round(host);
    for (int i = 0; i < HOST_SERVER_COUNT; i++) {
        if (host->servers[i] != NULL)
            server_flush(host->servers[i]);
    }
}

static void on_broken(void *owner, Isolate *isolate)
{
    bind_report_broken(owner, isolate);
}

static void on_busy(void *owner)
{
    (void)owner;
    if (process.watchdog != NULL)
        watchdog_wake(process.watchdog);
}

static const RunnerHandler runner_handler = {
    .on_round_end = on_round_end,
    .on_broken = on_broken,
    .on_busy = on_busy,
};

static void never(void *owner)
{
    (void)owner;
}

/* A worker inherits the page its supervisor watches (lua/perigee/worker/init.lua). */
static int open_pulse(Host *host)
{
    void *page;
    int result;

    if (host->argument_count < 2 || strcmp(host->arguments[1], "worker") != 0) {
        host->pulse = memory_alloc(sizeof *host->pulse);
        return 0;
    }
    if ((result = shared_page_map(WORKER_PULSE_FD, sizeof *host->pulse, &page)) < 0)
        return result;
    host->pulse = page;
    process.is_pulse_shared = true;
    return 0;
}

static void close_pulse(Host *host)
{
    if (process.is_pulse_shared)
        shared_page_unmap(host->pulse, sizeof *host->pulse);
    else
        memory_free(host->pulse);
}

static int open_process(Host *host)
{
    int result;

    profiler_install();
    if ((result = preempt_install()) < 0 || (result = open_pulse(host)) < 0 ||
        (result = log_sink_open(STDERR_FILENO, LOG_SIZE, &host->log)) < 0 ||
        (result = loop_create(&host->loop)) < 0)
        return result;
    preempt_tell_place(host->pulse->running_place, sizeof host->pulse->running_place);
    if ((result = timer_create_on(host->loop, never, NULL, &process.keep_alive)) < 0)
        return result;
    timer_start(process.keep_alive, KEEP_ALIVE_MS, KEEP_ALIVE_MS);
    handle_table_init(&host->isolates);
    handle_table_init(&host->exchanges);
    handle_table_init(&host->calls);
    handle_table_init(&host->local_calls);
    handle_table_init(&host->lookups);
    handle_table_init(&host->streams);
    handle_table_init(&host->children);
    handle_table_init(&host->watches);
    host->mounts = mount_table_create();
    host->methods = method_table_create();
    host->gob_types = gob_types_create();
    channel_ports_init(&host->channels, &host->shared.region);
    host->rpc_limits = rpc_server_default_options.limits;
    host->deflate_limit = HOST_DEFLATE_LIMIT;
    host->start_watchdog = start_watchdog;
    return runner_open(host->loop, host->pulse, &runner_handler, host, &host->runner);
}

static void close_process(Host *host)
{
    watchdog_stop(process.watchdog);
    bind_close_isolates(host);
    for (int i = 0; i < HOST_SERVER_COUNT; i++)
        server_close(host->servers[i]);
    channel_ports_deinit(&host->channels);
    runner_close(host->runner);
    host_metrics_close(host);
    timer_close(process.keep_alive);
    loop_destroy(host->loop);
    mount_table_destroy(host->mounts);
    method_table_destroy(host->methods);
    gob_types_destroy(host->gob_types);
    tls_client_context_release(host->default_tls_client);
    handle_table_deinit(&host->isolates);
    handle_table_deinit(&host->exchanges);
    handle_table_deinit(&host->calls);
    handle_table_deinit(&host->local_calls);
    handle_table_deinit(&host->lookups);
    handle_table_deinit(&host->streams);
    handle_table_deinit(&host->children);
    handle_table_deinit(&host->watches);
    module_cache_clear();
    shared_memory_close(&host->shared);
    log_sink_close(host->log, LOG_CLOSE_MS);
    buffer_deinit(&host->log_records);
    close_pulse(host);
}

static void *run(void *unused)
{
    Host *host = &process.host;
    char *error;

    (void)unused;
    if (open_process(host) < 0) {
        fprintf(stderr, "perigee: the event loop could not be set up\n");
        host->exit_status = FAILED;
        return NULL;
    }
    module_cache_set_directory(getenv("PERIGEE_LUA_PATH"));
    if (bind_open_system(host, "(host)", "perigee.cli", &error) < 0) {
        fprintf(stderr, "perigee: %s\n", error);
        memory_free(error);
        host->exit_status = FAILED;
    } else {
        loop_run(host->loop);
    }
    close_process(host);
    return NULL;
}

/* Each connection takes a descriptor, and the soft limit is often only 1,024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int process_run(int argument_count, char **arguments)
{
    pthread_attr_t attributes;
    pthread_t thread;

    /* Workers are started through /proc/self/exe, and that would be their name in ps. */
    pthread_setname_np(pthread_self(), "perigee");
    raise_descriptor_limit();
    process.host.argument_count = argument_count;
    process.host.arguments = arguments;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pthread_create(&thread, &attributes, run, NULL) != 0) {
        fprintf(stderr, "perigee: no thread with a stack of 64 MiB could be started\n");
        return FAILED;
    }
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    return process.host.exit_status;
}
