#include "metrics/metric_group.h"

#include <string.h>

void metric_group_open(MetricGroup *group, MetricRegistry *registry, const MetricGroupShape *shape,
                       const MetricLabels *labels)
{
    MetricFamily family = {
        .kind = METRIC_GROUP,
        .text = shape->text,
        .text_size = strlen(shape->text),
        .cells = shape->gauges,
        .cell_count = shape->count,
    };
    long number = metric_registry_family(registry, &family);
    long series = number < 0 ? number : metric_registry_series(registry, number, labels);

    *group = (MetricGroup){.shape = shape};
    group->cells = series < 0 ? NULL : metric_registry_cells(registry, series);
}

void metric_group_add(MetricGroup *group, uint32_t index, double value)
{
    group->last[index] += value;
    if (group->cells != NULL)
        metric_cell_add(&group->cells[index], value);
}

void metric_group_update(MetricGroup *group, uint32_t index, double value)
{
    if (value != group->last[index])
        metric_group_add(group, index, value - group->last[index]);
}

void metric_group_close(MetricGroup *group)
{
    for (uint32_t i = 0; i < group->shape->count; i++) {
        if (group->shape->gauges[i] != 0)
            metric_group_update(group, i, 0);
    }
    group->cells = NULL;
}
