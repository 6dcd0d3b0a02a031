#include "isolate/cpu_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void burn(uint64_t ns)
{
    uint64_t until_ns = clock_thread_cpu_ns() + ns;

    while (clock_thread_cpu_ns() < until_ns)
        continue;
}

static void test_first_reading_is_bounded(void **state)
{
    CpuMeter meter = {.budget_ns = 1};

    (void)state;
    cpu_meter_read(&meter, clock_monotonic_ns() - 60000000000u);
    assert_int_equal(meter.used_ns, CPU_METER_FIRST_NS);
    assert_true(cpu_meter_is_over(&meter));
}

static void test_counts_from_reading_to_reading(void **state)
{
    CpuMeter meter = {.budget_ns = 50000000};

    (void)state;
    cpu_meter_read(&meter, clock_monotonic_ns() - 1000000);
    burn(2000000);
    cpu_meter_read(&meter, 0);
    assert_in_range(meter.used_ns, 3000000, 49000000);
    assert_false(cpu_meter_is_over(&meter));
}

static void test_what_others_use_does_not_count(void **state)
{
    CpuMeter meter = {0};
    uint64_t used_ns;

    (void)state;
    cpu_meter_read(&meter, clock_monotonic_ns() - 1000000);
    used_ns = meter.used_ns;
    burn(20000000);
    cpu_meter_go_on(&meter);
    cpu_meter_read(&meter, 0);
    assert_in_range(meter.used_ns, used_ns, used_ns + 10000000);
}

static void test_warning_comes_once_for_each_task(void **state)
{
    CpuMeter meter = {.warning_ns = 5000000};

    (void)state;
    assert_false(cpu_meter_take_warning(&meter));
    cpu_meter_read(&meter, clock_monotonic_ns() - 8000000);
    assert_true(cpu_meter_take_warning(&meter));
    assert_false(cpu_meter_take_warning(&meter));
    cpu_meter_reset(&meter);
    assert_false(cpu_meter_take_warning(&meter));
    cpu_meter_read(&meter, clock_monotonic_ns() - 8000000);
    assert_true(cpu_meter_take_warning(&meter));
}

static void test_budget_of_the_task_beats_that_of_all(void **state)
{
    CpuMeter meter = {.budget_ns = 1000000};

    (void)state;
    cpu_meter_read(&meter, clock_monotonic_ns() - 8000000);
    assert_true(cpu_meter_is_over(&meter));
    meter.task_budget_ns = 0;
    assert_false(cpu_meter_is_over(&meter));
    meter.task_budget_ns = 60000000000u;
    assert_false(cpu_meter_is_over(&meter));
    cpu_meter_reset(&meter);
    cpu_meter_read(&meter, clock_monotonic_ns() - 8000000);
    assert_true(cpu_meter_is_over(&meter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_reading_is_bounded),
        cmocka_unit_test(test_counts_from_reading_to_reading),
        cmocka_unit_test(test_what_others_use_does_not_count),
        cmocka_unit_test(test_warning_comes_once_for_each_task),
        cmocka_unit_test(test_budget_of_the_task_beats_that_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
