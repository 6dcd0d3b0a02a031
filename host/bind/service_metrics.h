/* ServiceMetrics: what one isolate counts: its turns and its heap, its requests and its calls, and
 * what its script does. Its counters live on when it is closed; its gauges go. */
#ifndef PERIGEE_BIND_SERVICE_METRICS_H
#define PERIGEE_BIND_SERVICE_METRICS_H

#include "bind/host.h"
#include "http/http1_connection.h"
#include "rpc/rpc_call.h"

typedef struct ServiceMetrics ServiceMetrics;

/* Those of the isolate, made when they are first asked for. */
ServiceMetrics *service_metrics_of(Isolate *isolate);

/* Copies the isolate's own numbers. */
void service_metrics_copy(Isolate *isolate);

/* For an isolate that was destroyed. NULL is fine. */
void service_metrics_close(ServiceMetrics *metrics);

/* A number for what a route or a method is called in labels, cut to what a label may hold. It is
 * kept; beyond a few thousand of them all have one number. */
uint32_t service_metrics_route(ServiceMetrics *metrics, const char *text, size_t size);

/* A request or a call under way. All zero: nobody counts it. */
typedef struct Meter {
    ServiceMetrics *metrics;
    uint64_t started_ns;
    uint32_t route; /* 0 before one is known */
    bool is_socket; /* it was counted as a request, and is a WebSocket */
} Meter;

/* The isolate has it from now on; what it took before counts as well. */
void meter_begin_request(Meter *meter, Isolate *isolate);
void meter_begin_call(Meter *meter, Isolate *isolate);

/* What it is counted as; a number that is no route's changes nothing. */
void meter_set_route(Meter *meter, ptrdiff_t route);

/* It is over, or another isolate's soon. `exchange` NULL: it is not to be counted. */
void meter_end_request(Meter *meter, const Http1Exchange *exchange);

/* The same of a call, by how it was answered: `reply` NULL for not to be counted. */
void meter_end_call(Meter *meter, const RpcCall *call, const RpcReply *reply);

/* The request was answered with an upgrade: it is counted now, and is a socket until its end. */
void meter_upgrade(Meter *meter, const Http1Exchange *exchange);

/* The number of a family of the script's, which is its own for as long as the isolate lives; or
 * ERR_FULL, or ERR_INVALID. */
long service_metrics_family(ServiceMetrics *metrics, const MetricFamily *family);

/* The number of a series of such a family; or a code of metric_registry_series. */
long service_metrics_series(ServiceMetrics *metrics, long family, const MetricLabels *labels);

/* Something was counted as one of the many series that its family may not have. */
void service_metrics_note_overflow(ServiceMetrics *metrics);

#endif
