/* Watchdog: a thread that looks every half slice whether one isolate has had its turn for longer
 * than a slice, and then signals the thread that runs it (isolate/preempt.h). In a busy worker
 * whose turns are short it sends nothing; while nothing runs it sleeps. A process whose parent is
 * gone, and with it whoever would end a turn that no signal cuts, is ended after ten seconds. */
#ifndef PERIGEE_PROCESS_WATCHDOG_H
#define PERIGEE_PROCESS_WATCHDOG_H

#include <pthread.h>

#include "isolate/pulse.h"

typedef struct Watchdog Watchdog;

/* `pulse` is that of the thread `target`; both outlive the watchdog. */
int watchdog_start(Pulse *pulse, pthread_t target, unsigned slice_ms, Watchdog **out);

/* Called by the runner when pulse->is_watchdog_asleep was found set at the beginning of a turn. */
void watchdog_wake(Watchdog *watchdog);

/* Waits for the thread. NULL is fine. */
void watchdog_stop(Watchdog *watchdog);

#endif
