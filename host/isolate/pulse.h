/* Pulse: what a worker tells about itself through shared memory, so that it can be watched even
 * while it is stuck. Written by the worker's thread alone, read by its watchdog thread and by
 * the supervisor. */
#ifndef PERIGEE_ISOLATE_PULSE_H
#define PERIGEE_ISOLATE_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/log_ring.h"

enum { PULSE_NAME_SIZE = 64, PULSE_PLACE_SIZE = 256 };

typedef struct Pulse {
    _Atomic uint64_t turn_started_ns; /* monotonic; 0 while no isolate has its turn */
    _Atomic uint64_t turn_count;
    char running_name
        [PULSE_NAME_SIZE]; /* whose turn it is, or was last; may be read while it changes */
    char running_place[PULSE_PLACE_SIZE]; /* "file:line" where it was to be cut and could not be */
    _Atomic uint32_t is_watchdog_asleep;
    _Atomic uint64_t loop_count; /* rounds of the loop */
    _Atomic uint64_t request_count;
    _Atomic uint64_t isolate_count;
    LogRing log; /* outlives the worker: what it said last tells why it died */
} Pulse;

#endif
