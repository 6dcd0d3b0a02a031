#include "bind/service_metrics.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "bind/meter_labels.h"

enum {
    LABEL_SIZE = 256,
    ROUTE_LIMIT = 4096,
    CACHED_COUNT = 8, /* of the series of one route */
    NO_ROUTE = 0,
    OTHER_ROUTES = 1, /* there were too many of them */
};

enum {
    TURNS,
    CPU_SECONDS,
    CUTS,
    REFUSED_ALLOCATIONS,
    TURNED_AWAY,
    CPU_WARNINGS,
    CPU_ENDS,
    MEMORY_ENDS,
    GC_CYCLES,
    GC_SECONDS,
    RECEIVED,
    SENT,
    OVERFLOWS,
    HEAP,
    TASKS,
    EVENTS,
    REQUESTS,
    CALLS,
    WEBSOCKETS,
    ISOLATES,
    CELL_COUNT,
};

static const MetricGroupShape shape = {
    .text =
        "perigee_service_\n\nservice\n"
        "turns_total Turns its isolates were given.\n"
        "cpu_seconds_total Time its isolates had the processor.\n"
        "cuts_total Turns that were cut because they lasted longer than a slice.\n"
        "refused_allocations_total Allocations refused at the limit of its heap.\n"
        "turned_away_total Requests and calls refused because too many events waited.\n"
        "cpu_warnings_total Tasks that computed for longer than --cpu-warning.\n"
        "cpu_ends_total Tasks that were ended because they computed for too long.\n"
        "memory_ends_total Tasks that were ended at the limit of its heap.\n"
        "gc_cycles_total Cycles of the collector while it rested.\n"
        "gc_seconds_total Time these cycles took.\n"
        "request_body_bytes_total Bytes of bodies it was sent.\n"
        "response_body_bytes_total Bytes of bodies it answered with.\n"
        "metric_overflows_total What was counted as series=\"overflow\" because a metric had too "
        "many series.\n"
        "heap_bytes Size of its Lua heaps.\n"
        "tasks Tasks that are alive.\n"
        "queued_events Events that wait for its next turn.\n"
        "http_requests_in_flight Requests it has not answered yet.\n"
        "rpc_calls_in_flight Calls it has not answered yet.\n"
        "websockets Open WebSockets.\n"
        "isolates Its isolates: one for each worker, and those of generations that finish.\n",
    .gauges = {[HEAP] = 1,
               [TASKS] = 1,
               [EVENTS] = 1,
               [REQUESTS] = 1,
               [CALLS] = 1,
               [WEBSOCKETS] = 1,
               [ISOLATES] = 1},
    .count = CELL_COUNT,
};

typedef struct Cached {
    uint32_t key;
    long series;
} Cached;

typedef struct Route {
    char *text;
    size_t size;
    uint32_t cached_count;
    Cached cached[CACHED_COUNT];
} Route;

struct ServiceMetrics {
    Host *host;
    MetricRegistry *registry;
    char *name; /* of the service */
    MetricGroup group;
    Route *routes;
    uint32_t route_count;
    uint32_t series_count; /* of requests and calls that it was the first to count */
    Buffer families;       /* its own: numbers as long */
    Buffer gauges;
};

static uint32_t add_route(ServiceMetrics *metrics, const char *text, size_t size)
{
    uint32_t number = metrics->route_count++;

    if ((number & (number - 1)) == 0)
        metrics->routes =
            memory_resize(metrics->routes, (number == 0 ? 1 : number * 2) * sizeof(Route));
    size = meter_cut_text(text, size, LABEL_SIZE);
    metrics->routes[number] = (Route){.text = memory_copy(text, size), .size = size};
    return number;
}

static ServiceMetrics *open(Isolate *isolate)
{
    Host *host = isolate_host(isolate);
    ServiceMetrics *metrics = memory_alloc(sizeof *metrics);
    const char *name = isolate_name(isolate);
    MetricLabels labels = {.text = name, .size = strlen(name)};

    metrics->host = host;
    metrics->registry = host_metrics_registry(host);
    metrics->name = memory_copy(name, labels.size);
    metric_group_open(&metrics->group, metrics->registry, &shape, &labels);
    metric_group_add(&metrics->group, ISOLATES, 1);
    add_route(metrics, "unmatched", strlen("unmatched"));
    add_route(metrics, METER_OVERFLOW, strlen(METER_OVERFLOW));
    isolate_set_metrics(isolate, metrics);
    return metrics;
}

ServiceMetrics *service_metrics_of(Isolate *isolate)
{
    ServiceMetrics *metrics = isolate_metrics(isolate);

    return metrics != NULL ? metrics : open(isolate);
}

void service_metrics_copy(Isolate *isolate)
{
    MetricGroup *group = &service_metrics_of(isolate)->group;
    IsolateCounters counters;

    isolate_read_counters(isolate, &counters);
    metric_group_update(group, TURNS, (double)counters.turn_count);
    metric_group_update(group, CPU_SECONDS, (double)counters.busy_ns / 1e9);
    metric_group_update(group, CUTS, (double)counters.cut_count);
    metric_group_update(group, REFUSED_ALLOCATIONS, (double)counters.refused_count);
    metric_group_update(group, TURNED_AWAY, (double)counters.turned_away_count);
    metric_group_update(group, CPU_WARNINGS, (double)counters.warning_count);
    metric_group_update(group, CPU_ENDS, (double)counters.cpu_end_count);
    metric_group_update(group, MEMORY_ENDS, (double)counters.memory_end_count);
    metric_group_update(group, GC_CYCLES, (double)counters.gc_cycle_count);
    metric_group_update(group, GC_SECONDS, (double)counters.gc_ns / 1e9);
    metric_group_update(group, HEAP, (double)counters.heap_size);
    metric_group_update(group, TASKS, (double)counters.task_count);
    metric_group_update(group, EVENTS, (double)counters.event_count);
}

static long number_at(const Buffer *numbers, size_t index)
{
    long number;

    memcpy(&number, numbers->bytes + index * sizeof number, sizeof number);
    return number;
}

static void give_back(ServiceMetrics *metrics)
{
    for (size_t i = 0; i < metrics->gauges.size / sizeof(long); i++)
        metric_registry_drop_gauge(metrics->registry, number_at(&metrics->gauges, i));
    for (size_t i = 0; i < metrics->families.size / sizeof(long); i++)
        metric_registry_release(metrics->registry, number_at(&metrics->families, i));
    buffer_deinit(&metrics->gauges);
    buffer_deinit(&metrics->families);
}

void service_metrics_close(ServiceMetrics *metrics)
{
    if (metrics == NULL)
        return;
    metric_group_close(&metrics->group);
    give_back(metrics);
    for (uint32_t i = 0; i < metrics->route_count; i++)
        memory_free(metrics->routes[i].text);
    memory_free(metrics->routes);
    memory_free(metrics->name);
    memory_free(metrics);
}

uint32_t service_metrics_route(ServiceMetrics *metrics, const char *text, size_t size)
{
    if (metrics->route_count == ROUTE_LIMIT)
        return OTHER_ROUTES;
    return add_route(metrics, text, size);
}

void meter_set_route(Meter *meter, ptrdiff_t route)
{
    if (meter->metrics != NULL && route > 0 && route < (ptrdiff_t)meter->metrics->route_count)
        meter->route = (uint32_t)route;
}

void service_metrics_note_overflow(ServiceMetrics *metrics)
{
    metric_group_add(&metrics->group, OVERFLOWS, 1);
}

/* --- requests and calls --- */

static Cached *find_cached(Route *route, uint32_t key)
{
    for (uint32_t i = 0; i < route->cached_count; i++) {
        if (route->cached[i].key == key)
            return &route->cached[i];
    }
    return NULL;
}

/* What is not cached is looked up: its labels may stand in the registry already, of another isolate
 * or of a worker that died. */
static long find_series(ServiceMetrics *metrics, Route *route, const MeterSubject *subject)
{
    MetricRegistry *registry = metrics->registry;
    char text[METER_LABELS_SIZE];
    MetricLabels labels = {.text = text, .series_limit = 0};
    uint32_t known = metric_registry_count(registry);
    bool is_new;
    long series;

    if (metrics->series_count >= metrics->host->metrics.series_limit) {
        route = &metrics->routes[OTHER_ROUTES];
        service_metrics_note_overflow(metrics);
    }
    labels.size = meter_write_labels(subject, metrics->name, route->text, text);
    series = metric_registry_series(registry, subject->family, &labels);
    is_new = metric_registry_count(registry) != known;
    metrics->series_count += is_new;
    return series;
}

static long series_of(ServiceMetrics *metrics, uint32_t number, const MeterSubject *subject)
{
    Route *route = &metrics->routes[number];
    const Cached *cached = find_cached(route, subject->key);
    long series;

    if (cached != NULL)
        return cached->series;
    series = find_series(metrics, route, subject);
    if (series >= 0 && route->cached_count < CACHED_COUNT)
        route->cached[route->cached_count++] = (Cached){subject->key, series};
    return series;
}

static void count(const Meter *meter, const MeterSubject *subject)
{
    ServiceMetrics *metrics = meter->metrics;
    long series;

    if (subject->family < 0)
        return;
    series = series_of(metrics, meter->route, subject);
    if (series >= 0)
        host_metrics_observe_since(metrics->host, series, meter->started_ns);
}

static void begin(Meter *meter, Isolate *isolate, uint32_t gauge)
{
    if (meter->started_ns == 0)
        meter->started_ns = host_metrics_arrival_ns(isolate_host(isolate));
    meter->metrics = service_metrics_of(isolate);
    meter->route = NO_ROUTE;
    metric_group_add(&meter->metrics->group, gauge, 1);
}

void meter_begin_request(Meter *meter, Isolate *isolate)
{
    begin(meter, isolate, meter->is_socket ? WEBSOCKETS : REQUESTS);
}

void meter_begin_call(Meter *meter, Isolate *isolate)
{
    begin(meter, isolate, CALLS);
}

static void count_request(const Meter *meter, const Http1Exchange *exchange)
{
    Http1Summary summary = http1_exchange_summary(exchange);
    MeterSubject subject = meter_describe_request(http1_exchange_head(exchange), summary.status);
    MetricGroup *group = &meter->metrics->group;

    subject.family = meter->metrics->host->metrics.request_family;
    count(meter, &subject);
    if (summary.received_size > 0)
        metric_group_add(group, RECEIVED, (double)summary.received_size);
    metric_group_add(group, SENT, (double)summary.answered_size);
}

void meter_end_request(Meter *meter, const Http1Exchange *exchange)
{
    if (meter->metrics == NULL)
        return;
    if (exchange != NULL && !meter->is_socket)
        count_request(meter, exchange);
    metric_group_add(&meter->metrics->group, meter->is_socket ? WEBSOCKETS : REQUESTS, -1);
    meter->metrics = NULL;
}

void meter_upgrade(Meter *meter, const Http1Exchange *exchange)
{
    if (meter->metrics == NULL || meter->is_socket)
        return;
    count_request(meter, exchange);
    meter->is_socket = true;
    metric_group_add(&meter->metrics->group, REQUESTS, -1);
    metric_group_add(&meter->metrics->group, WEBSOCKETS, 1);
}

void meter_end_call(Meter *meter, const RpcCall *call, const RpcReply *reply)
{
    MeterSubject subject;

    if (meter->metrics == NULL)
        return;
    if (reply != NULL) {
        subject = meter_describe_call(call, reply);
        subject.family = meter->metrics->host->metrics.call_family;
        count(meter, &subject);
    }
    metric_group_add(&meter->metrics->group, CALLS, -1);
    meter->metrics = NULL;
}

/* --- what its script counts --- */

static bool has(const Buffer *numbers, long number)
{
    for (size_t i = 0; i < numbers->size / sizeof number; i++) {
        if (number_at(numbers, i) == number)
            return true;
    }
    return false;
}

long service_metrics_family(ServiceMetrics *metrics, const MetricFamily *family)
{
    long number = metric_registry_family(metrics->registry, family);

    if (number >= 0 && !has(&metrics->families, number)) {
        metric_registry_retain(metrics->registry, number);
        buffer_append(&metrics->families, &number, sizeof number);
    }
    return number;
}

long service_metrics_series(ServiceMetrics *metrics, long family, const MetricLabels *labels)
{
    long series;

    if (metric_registry_kind(metrics->registry, family) != METRIC_GAUGE)
        return metric_registry_series(metrics->registry, family, labels);
    series = metric_registry_take_gauge(metrics->registry, family, labels);
    if (series >= 0)
        buffer_append(&metrics->gauges, &series, sizeof series);
    return series;
}
