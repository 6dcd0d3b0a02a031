/* Timer: one monotonic one-shot or repeating timer on the loop. */
#ifndef PERIGEE_OS_TIMER_H
#define PERIGEE_OS_TIMER_H

#include <stdint.h>

#include "os/loop.h"

typedef struct Timer Timer;
typedef void (*TimerCallback)(void *owner);

int timer_create_on(Loop *loop, TimerCallback callback, void *owner, Timer **out);

/* Fires once `delay_ms` from now, then every `repeat_ms` unless that is 0. Starting again replaces.
 * Both ends are cut to whole milliseconds, so it may come up to one early by a finer clock. */
void timer_start(Timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void timer_stop(Timer *timer);

/* A timer keeps the loop alive while it runs, unless it is told not to. */
void timer_unref(Timer *timer);

/* NULL is fine. The memory goes in the close callback; `callback` is not called any more. */
void timer_close(Timer *timer);

#endif
