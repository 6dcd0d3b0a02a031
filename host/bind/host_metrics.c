#include "bind/host_metrics.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bind/isolates.h"
#include "bind/meter_labels.h"
#include "bind/server_metrics.h"
#include "bind/service_metrics.h"
#include "os/shared_page.h"

enum {
    PRIVATE_SIZE = 1024 * 1024, /* of a process that nobody reads */
    PRIVATE_SERIES_LIMIT = 1000,
    COPY_PERIOD_MS = 250,
};

static const double lag_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                    0.1,   0.25,   0.5,   1,    2.5};

static const MetricFamily lag_family = {
    .kind = METRIC_HISTOGRAM,
    .text = "perigee_loop_lag_seconds\n\n\n"
            "How late the event loop came to a timer, four times a second while it works.",
    .text_size = sizeof "perigee_loop_lag_seconds\n\n\n"
                        "How late the event loop came to a timer, four times a second while it "
                        "works." -
                 1,
    .cells = lag_bounds,
    .cell_count = sizeof lag_bounds / sizeof *lag_bounds,
};

enum {
    LOOPS,
    ISOLATES,
    COMPRESSED_ANSWERS,
    COMPRESSION_REFUSALS,
    MEMORY_SIZE,
    MEMORY_USED,
    MEMORY_REFUSALS,
    LOG_WRITTEN,
    LOG_DROPPED,
    PROCESS_CELL_COUNT,
};

static const MetricGroupShape process_shape = {
    .text = "perigee_\n\n\n"
            "loops_total Rounds of the event loop.\n"
            "isolates Isolates, with those of generations that still finish.\n"
            "compressed_answers Answers being compressed now.\n"
            "compressions_refused_total Answers that went out plain: too many were compressed.\n"
            "metrics_memory_bytes Memory there is for metrics.\n"
            "metrics_memory_used_bytes Memory that metrics use.\n"
            "metrics_refused_total Series that had no room, and were not counted.\n"
            "log_events_total Events that workers have logged.\n"
            "log_events_dropped_total Events that were not logged, for want of room.\n",
    .gauges = {[ISOLATES] = 1, [COMPRESSED_ANSWERS] = 1, [MEMORY_SIZE] = 1, [MEMORY_USED] = 1},
    .count = PROCESS_CELL_COUNT,
};

static long open_lag(MetricRegistry *registry)
{
    MetricLabels none = {.text = "", .size = 0};
    long family = metric_registry_family(registry, &lag_family);

    return family < 0 ? family : metric_registry_series(registry, family, &none);
}

static void open_registry(Host *host, const MetricArena *arena)
{
    HostMetrics *metrics = &host->metrics;
    MetricLabels none = {.text = "", .size = 0};

    metrics->registry = metric_registry_create(arena);
    metrics->request_family = metric_registry_family(metrics->registry, &meter_request_family);
    metrics->call_family = metric_registry_family(metrics->registry, &meter_call_family);
    metrics->lag_series = open_lag(metrics->registry);
    metric_group_open(&metrics->process, metrics->registry, &process_shape, &none);
}

MetricRegistry *host_metrics_registry(Host *host)
{
    HostMetrics *metrics = &host->metrics;
    MetricArena arena;

    if (metrics->registry != NULL)
        return metrics->registry;
    metrics->memory = memory_alloc(PRIVATE_SIZE);
    metrics->size = PRIVATE_SIZE;
    metrics->series_limit = PRIVATE_SERIES_LIMIT;
    metric_arena_format(metrics->memory, metrics->size);
    metric_arena_open(metrics->memory, metrics->size, &arena);
    open_registry(host, &arena);
    return metrics->registry;
}

static void copy_process(Host *host)
{
    MetricGroup *group = &host->metrics.process;
    const MetricArena *arena = metric_registry_arena(host->metrics.registry);
    LogSinkCounters log;

    metric_group_update(group, LOOPS, (double)host->pulse->loop_count);
    metric_group_update(group, ISOLATES, (double)host->pulse->isolate_count);
    metric_group_update(group, COMPRESSED_ANSWERS, host->deflate_count);
    metric_group_update(group, COMPRESSION_REFUSALS, (double)host->refused_deflate_count);
    metric_group_update(group, MEMORY_SIZE, (double)arena->size);
    metric_group_update(group, MEMORY_USED, (double)metric_arena_used_size(arena));
    metric_group_update(group, MEMORY_REFUSALS, (double)metric_arena_refused_count(arena));
    log_sink_read_counters(host->log, &log);
    metric_group_update(group, LOG_WRITTEN, (double)log.written_count);
    metric_group_update(group, LOG_DROPPED, (double)log.dropped_count);
}

static void copy_all(Host *host)
{
    Isolate *isolate;

    copy_process(host);
    for (int i = 0; i < HOST_SERVER_COUNT; i++)
        server_metrics_copy(host, i);
    for (size_t slot = 0; (isolate = handle_table_next(&host->isolates, &slot)) != NULL;)
        service_metrics_copy(isolate);
}

static void on_timer(void *owner)
{
    Host *host = owner;
    HostMetrics *metrics = &host->metrics;
    uint64_t now_ns = clock_monotonic_ns();
    double lag_s = now_ns > metrics->due_ns ? (double)(now_ns - metrics->due_ns) / 1e9 : 0;

    metrics->is_copy_due = false;
    if (metrics->lag_series >= 0)
        metric_registry_observe(metrics->registry, metrics->lag_series, lag_s);
    copy_all(host);
}

uint64_t host_metrics_arrival_ns(Host *host)
{
    if (host->metrics.now_ns == 0)
        host->metrics.now_ns = clock_monotonic_ns();
    return host->metrics.now_ns;
}

static void observe_pending(HostMetrics *metrics)
{
    uint64_t now_ns = clock_monotonic_ns();

    for (size_t i = 0; i < metrics->pending_count; i++) {
        const PendingDuration *ended = &metrics->pending[i];

        metric_registry_observe(metrics->registry, ended->series,
                                (double)(now_ns - ended->started_ns) / 1e9);
    }
    metrics->pending_count = 0;
}

void host_metrics_observe_since(Host *host, long series, uint64_t started_ns)
{
    HostMetrics *metrics = &host->metrics;

    if (metrics->pending_count == HOST_PENDING_COUNT)
        observe_pending(metrics);
    metrics->pending[metrics->pending_count++] = (PendingDuration){series, started_ns};
}

void host_metrics_end_round(Host *host)
{
    HostMetrics *metrics = &host->metrics;

    metrics->now_ns = 0;
    if (metrics->pending_count > 0)
        observe_pending(metrics);
    if (metrics->timer == NULL || metrics->is_copy_due)
        return;
    metrics->is_copy_due = true;
    metrics->due_ns = clock_monotonic_ns() + COPY_PERIOD_MS * UINT64_C(1000000);
    timer_start(metrics->timer, COPY_PERIOD_MS, 0);
}

/* A worker that follows one that died finds the series of that one. */
static int open_shared(Host *host, char *bytes, size_t size)
{
    MetricArena arena;
    int result;

    if ((result = metric_arena_open(bytes, size, &arena)) < 0 ||
        (result = timer_create_on(host->loop, on_timer, host, &host->metrics.timer)) < 0)
        return result;
    timer_unref(host->metrics.timer);
    host->metrics.memory = bytes;
    host->metrics.size = size;
    host->metrics.is_shared = true;
    open_registry(host, &arena);
    return 0;
}

int host_metrics_map(Host *host, int fd, size_t size, uint32_t series_limit)
{
    void *bytes;
    int result;

    if (host->metrics.registry != NULL)
        return -EEXIST;
    if ((result = shared_page_map(fd, size, &bytes)) < 0)
        return result;
    host->metrics.series_limit = series_limit;
    if ((result = open_shared(host, bytes, size)) < 0)
        shared_page_unmap(bytes, size);
    return result;
}

void host_metrics_close(Host *host)
{
    HostMetrics *metrics = &host->metrics;

    timer_close(metrics->timer);
    metric_registry_destroy(metrics->registry);
    if (metrics->is_shared)
        shared_page_unmap(metrics->memory, metrics->size);
    else
        memory_free(metrics->memory);
    *metrics = (HostMetrics){0};
}
