/* Turn: a callback at the two points of a loop turn where queued work is run: after I/O was
 * handled, and before the loop goes to sleep. */
#ifndef PERIGEE_OS_TURN_H
#define PERIGEE_OS_TURN_H

#include <stdbool.h>

#include "os/loop.h"

typedef struct Turn Turn;
typedef void (*TurnCallback)(void *owner);

/* `before_sleep` runs when timers are done and nothing else is due; `after_io` when descriptors
 * were handled. Neither keeps the loop alive. */
int turn_open(Loop *loop, TurnCallback before_sleep, TurnCallback after_io, void *owner,
              Turn **out);

/* While awake the loop polls without sleeping, so the callbacks run again at once. */
void turn_keep_awake(Turn *turn, bool is_awake);

/* NULL is fine. */
void turn_close(Turn *turn);

#endif
