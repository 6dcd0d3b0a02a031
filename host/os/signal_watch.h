/* SignalWatch: delivers one signal number as a callback on the loop. */
#ifndef PERIGEE_OS_SIGNAL_WATCH_H
#define PERIGEE_OS_SIGNAL_WATCH_H

#include "os/loop.h"

typedef struct SignalWatch SignalWatch;
typedef void (*SignalCallback)(void *owner, int signal);

int signal_watch_open(Loop *loop, int signal, SignalCallback callback, void *owner,
                      SignalWatch **out);

/* NULL is fine. */
void signal_watch_close(SignalWatch *watch);

#endif
