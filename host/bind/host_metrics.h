/* HostMetrics: what this process counts, and where: in memory that its supervisor made and maps
 * too, or, in a process without one, in its own. What others keep as plain numbers is copied there
 * a few times a second while something happens. */
#ifndef PERIGEE_BIND_HOST_METRICS_H
#define PERIGEE_BIND_HOST_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/metric_group.h"
#include "os/timer.h"

struct Host;

/* How many servers a process has at most. */
enum { HOST_SERVER_COUNT = 4 };

/* Observed at the end of a round: to look at the clock for each request would cost more than all
 * else that is counted of it. */
typedef struct PendingDuration {
    long series;
    uint64_t started_ns;
} PendingDuration;

enum { HOST_PENDING_COUNT = 128 };

/* All zero: nothing was counted yet. */
typedef struct HostMetrics {
    MetricRegistry *registry; /* NULL before its first use */
    char *memory;
    size_t size;
    bool is_shared;        /* the memory is mapped */
    uint32_t series_limit; /* of one family, for a service */
    long request_family;
    long call_family;
    long lag_series;
    MetricGroup process;
    MetricGroup servers[HOST_SERVER_COUNT];
    PendingDuration pending[HOST_PENDING_COUNT];
    size_t pending_count;
    uint64_t now_ns; /* when the first request of this round came; 0 before that */
    Timer *timer;    /* NULL where nobody reads */
    bool is_copy_due;
    uint64_t due_ns;
} HostMetrics;

/* Counts in what another process made: `size` bytes of the descriptor, which stays open. -EEXIST
 * when something was counted already. */
int host_metrics_map(struct Host *host, int fd, size_t size, uint32_t series_limit);

/* The registry, which is made when it is first asked for. */
MetricRegistry *host_metrics_registry(struct Host *host);

/* When what comes in now has come in, on the monotonic clock: what one look at all connections
 * finds has come at the same time. */
uint64_t host_metrics_arrival_ns(struct Host *host);

/* What began at `started_ns` has ended: the histogram `series` is to hear of it. */
void host_metrics_observe_since(struct Host *host, long series, uint64_t started_ns);

/* To be called at the end of each round of turns, which something has happened in: has numbers
 * copied soon. */
void host_metrics_end_round(struct Host *host);

void host_metrics_close(struct Host *host);

#endif
