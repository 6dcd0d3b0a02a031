/* CpuMeter: the processor time a task has taken since it last waited. The clock is read only where
 * a task is cut, so tasks whose turns are short cost nothing; the part of a slice before the first
 * reading is taken from the time of day, and never for more than CPU_METER_FIRST_NS. */
#ifndef PERIGEE_ISOLATE_CPU_METER_H
#define PERIGEE_ISOLATE_CPU_METER_H

#include <stdbool.h>
#include <stdint.h>

#define CPU_METER_FIRST_NS 10000000u

typedef struct CpuMeter {
    uint64_t warning_ns; /* of every task; 0 for none */
    uint64_t budget_ns;
    uint64_t task_budget_ns; /* of the task being measured */
    uint64_t used_ns;        /* by it; 0 while nothing is measured */
    uint64_t read_ns;        /* the thread's clock when it was last read */
    bool is_warned;          /* of the task being measured */
} CpuMeter;

/* Counts what was used until now, in a turn that began at `turn_started_ns`. */
void cpu_meter_read(CpuMeter *meter, uint64_t turn_started_ns);

/* The task that was cut goes on: time from now on counts. */
void cpu_meter_go_on(CpuMeter *meter);

/* The task has waited or ended: the next one begins with nothing. */
void cpu_meter_reset(CpuMeter *meter);

bool cpu_meter_is_over(const CpuMeter *meter);

/* True once for each task that has passed the warning. */
bool cpu_meter_take_warning(CpuMeter *meter);

#endif
