/* MetricGroup: counters and gauges that something keeps as plain numbers, copied into the
 * cells of one series from time to time. Several may share a series, such as two generations of a
 * service: its cells are their sum. */
#ifndef PERIGEE_METRICS_METRIC_GROUP_H
#define PERIGEE_METRICS_METRIC_GROUP_H

#include "metrics/metric_registry.h"

enum { METRIC_GROUP_LIMIT = 32 };

/* What a group is: a line with the beginning of its metrics' names, an empty one, and its labels;
 * then one for each of its cells, with the end of the name and help. `gauges` has 1 for a cell that
 * is a gauge, 0 for a counter. */
typedef struct MetricGroupShape {
    const char *text;
    double gauges[METRIC_GROUP_LIMIT];
    uint32_t count;
} MetricGroupShape;

typedef struct MetricGroup {
    MetricCell *cells; /* NULL when there was no room for them */
    const MetricGroupShape *shape;
    double last[METRIC_GROUP_LIMIT]; /* what was added so far */
} MetricGroup;

/* `shape` is borrowed for the life of the group, `labels` are copied. */
void metric_group_open(MetricGroup *group, MetricRegistry *registry, const MetricGroupShape *shape,
                       const MetricLabels *labels);

/* Takes its share of the gauges back; what was counted stays. */
void metric_group_close(MetricGroup *group);

/* The number behind cell `index` has this value now. */
void metric_group_update(MetricGroup *group, uint32_t index, double value);

/* Counts in a cell that has no number behind it. */
void metric_group_add(MetricGroup *group, uint32_t index, double value);

#endif
