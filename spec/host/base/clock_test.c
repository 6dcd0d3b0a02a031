/* Clock: each clock measures what its name says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "base/clock.h"

static void monotonic_time_does_not_go_back(void **state)
{
    uint64_t before = clock_monotonic_ns();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_ns();
        assert_true(now >= before);
        before = now;
    }
}

static void wall_time_is_in_seconds(void **state)
{
    double now = clock_wall_s();

    (void)state;
    assert_true(now > 1e9 && now < 1e10);
    assert_true(now - (double)time(NULL) < 2 && now - (double)time(NULL) > -2);
}

static void cpu_time_grows_with_work(void **state)
{
    uint64_t start = clock_thread_cpu_ns();
    uint64_t monotonic_start = clock_monotonic_ns();
    uint64_t cpu_ns;

    (void)state;
    do {
        cpu_ns = clock_thread_cpu_ns() - start;
    } while (cpu_ns < 1000000);
    assert_true(clock_monotonic_ns() - monotonic_start >= cpu_ns / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_does_not_go_back),
        cmocka_unit_test(wall_time_is_in_seconds),
        cmocka_unit_test(cpu_time_grows_with_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
