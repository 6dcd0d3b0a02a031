#include "isolate/cpu_meter.h"

#include "base/clock.h"

void cpu_meter_read(CpuMeter *meter, uint64_t turn_started_ns)
{
    uint64_t now_ns = clock_thread_cpu_ns();

    if (meter->used_ns == 0) {
        uint64_t turn_ns = clock_monotonic_ns() - turn_started_ns;

        meter->used_ns = turn_ns < CPU_METER_FIRST_NS ? turn_ns : CPU_METER_FIRST_NS;
        meter->task_budget_ns = meter->budget_ns;
    } else {
        meter->used_ns += now_ns - meter->read_ns;
    }
    meter->read_ns = now_ns;
}

void cpu_meter_go_on(CpuMeter *meter)
{
    if (meter->used_ns != 0)
        meter->read_ns = clock_thread_cpu_ns();
}

void cpu_meter_reset(CpuMeter *meter)
{
    meter->used_ns = 0;
    meter->is_warned = false;
}

bool cpu_meter_is_over(const CpuMeter *meter)
{
    return meter->used_ns != 0 && meter->task_budget_ns != 0 &&
           meter->used_ns >= meter->task_budget_ns;
}

bool cpu_meter_take_warning(CpuMeter *meter)
{
    if (meter->is_warned || meter->warning_ns == 0 || meter->used_ns < meter->warning_ns)
        return false;
    meter->is_warned = true;
    return true;
}
