/* Clock: the three clocks of the system that the host reads. */
#include "base/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec read_clock(clockid_t which)
{
    struct timespec now;
    int result = clock_gettime(which, &now);

    /* Fails only for a clock that does not exist. */
    assert(result == 0);
    (void)result;
    return now;
}

static uint64_t to_ns(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return to_ns(read_clock(CLOCK_MONOTONIC));
}

double clock_wall_s(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t clock_thread_cpu_ns(void)
{
    return to_ns(read_clock(CLOCK_THREAD_CPUTIME_ID));
}
