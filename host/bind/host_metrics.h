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
    Timer *timer; /* NULL where nobody reads */
    bool is_copy_due;
    uint64_t due_ns;
} HostMetrics;

/* Counts in what another process made: `size` bytes of the descriptor, which stays open. -EEXIST
 * when something was counted already. */
int host_metrics_map(struct Host *host, int fd, size_t size, uint32_t series_limit);

/* The registry, which is made when it is first asked for. */
MetricRegistry *host_metrics_registry(struct Host *host);

/* To be called when something has happened: has numbers copied soon. */
void host_metrics_note(struct Host *host);

void host_metrics_close(struct Host *host);

#endif
