/* MetricRegistry: the writer's view of an arena: finds families and series by what they say, or
 * adds them, and gives them numbers, those of their records. What is asked for again is the same,
 * also by a worker that took the place of one that died.
 *
 * Gauges are of whoever took them, and another's when they were given back. A family is hidden
 * while nobody uses it and another of the same name and owner is used: a script was given another
 * shape of it. The text of a family is lines: its name, its owner, its labels, and help. */
#ifndef PERIGEE_METRICS_METRIC_REGISTRY_H
#define PERIGEE_METRICS_METRIC_REGISTRY_H

#include "metrics/metric_arena.h"

typedef struct MetricRegistry MetricRegistry;

/* A family as its maker wants it. Its cells are, of a histogram, the bounds of its buckets,
 * ascending; of a group, 1 for each cell of its series that is a gauge, 0 for a counter. */
typedef struct MetricFamily {
    MetricKind kind;
    const char *text;
    size_t text_size;
    const double *cells;
    uint32_t cell_count;
} MetricFamily;

/* `arena` is copied; its memory outlives the registry. */
MetricRegistry *metric_registry_create(const MetricArena *arena);
void metric_registry_destroy(MetricRegistry *registry); /* NULL is fine */

/* The number of the family, or ERR_FULL; ERR_INVALID for one with too much text or too many cells;
 * -EEXIST when another owner uses one of that name that is of another kind. */
long metric_registry_family(MetricRegistry *registry, const MetricFamily *family);

/* Somebody uses the family from now on, or does not any more. */
void metric_registry_retain(MetricRegistry *registry, long family);
void metric_registry_release(MetricRegistry *registry, long family);

/* Labels of a series, and how many series its family may have before a new one is refused; 0 for
 * any number. */
typedef struct MetricLabels {
    const char *text;
    size_t size;
    uint32_t series_limit;
} MetricLabels;

/* The number of the series with these labels; or ERR_TOO_LARGE at the limit, ERR_FULL without
 * memory, ERR_INVALID for too much text. */
long metric_registry_series(MetricRegistry *registry, long family, const MetricLabels *labels);

/* A gauge of the caller's own, which goes back by drop_gauge. */
long metric_registry_take_gauge(MetricRegistry *registry, long family, const MetricLabels *labels);
void metric_registry_drop_gauge(MetricRegistry *registry, long series);

/* The kind of the family with this number, or of that of the series; METRIC_SERIES when there is
 * none. */
MetricKind metric_registry_kind(const MetricRegistry *registry, long number);

bool metric_registry_is_family(const MetricRegistry *registry, long number);

/* The cells of the series; NULL when there is none. */
MetricCell *metric_registry_cells(const MetricRegistry *registry, long series);
uint32_t metric_registry_cell_count(const MetricRegistry *registry, long series);

/* Counts `value` in the histogram `series`. */
void metric_registry_observe(MetricRegistry *registry, long series, double value);

/* How many records there are. */
uint32_t metric_registry_count(const MetricRegistry *registry);

const MetricArena *metric_registry_arena(const MetricRegistry *registry);

#endif
