/* Clock: monotonic time for deadlines, wall time for people. */
#ifndef PERIGEE_BASE_CLOCK_H
#define PERIGEE_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_monotonic_ns(void);
double clock_wall_s(void); /* seconds since 1970, with fraction */

/* CPU time of the calling thread. */
uint64_t clock_thread_cpu_ns(void);

#endif
