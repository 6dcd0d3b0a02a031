/* A loop for each test, and waiting on it for a condition instead of sleeping. */
#ifndef PERIGEE_SPEC_LOOP_FIXTURE_H
#define PERIGEE_SPEC_LOOP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "os/loop.h"
#include "os/timer.h"

static Loop *loop;
static Timer *fixture_timer;
static uint64_t fixture_deadline_ns;

static inline void fixture_on_timer(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

static inline int loop_setup(void **state)
{
    (void)state;
    if (loop_create(&loop) < 0)
        return -1;
    return timer_create_on(loop, fixture_on_timer, NULL, &fixture_timer);
}

/* Aborts when the test left a handle open. */
static inline int loop_teardown(void **state)
{
    (void)state;
    timer_close(fixture_timer);
    loop_destroy(loop);
    return 0;
}

#define loop_test(test) cmocka_unit_test_setup_teardown(test, loop_setup, loop_teardown)

/* Handles what is due, waiting at most 2 ms for something. */
static inline void run_turn(void)
{
    timer_start(fixture_timer, 2, 0);
    loop_run(loop);
}

static inline void fixture_start_waiting(void)
{
    fixture_deadline_ns = clock_monotonic_ns() + 5000000000u;
}

static inline void fixture_wait(const char *condition)
{
    if (clock_monotonic_ns() > fixture_deadline_ns)
        fail_msg("waited in vain for %s", condition);
    run_turn();
}

#define RUN_UNTIL(condition)                                                                       \
    for (fixture_start_waiting(); !(condition); fixture_wait(#condition)) {                        \
    }

#endif
