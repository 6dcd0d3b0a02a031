/* Runner: gives isolates their turns. Callbacks of the loop only push events; after I/O, and
 * before the loop would sleep, every isolate with something to do gets one turn, in rotation.
 * While any still has something to do the loop polls without sleeping. With nothing to do, heaps
 * are collected in small steps. */
#ifndef PERIGEE_ISOLATE_RUNNER_H
#define PERIGEE_ISOLATE_RUNNER_H

#include "isolate/isolate.h"
#include "isolate/pulse.h"
#include "os/loop.h"

typedef struct Runner Runner;

typedef struct RunnerHandler {
    /* All turns of a round are done: what they wrote can be sent. */
    void (*on_round_end)(void *owner);
    /* The isolate's scheduler failed. It gets no more turns; destroying it here is fine. */
    void (*on_broken)(void *owner, Isolate *isolate);
    /* A turn begins while the watchdog sleeps. */
    void (*on_busy)(void *owner);
} RunnerHandler;

/* `pulse` and `handler` are borrowed. */
int runner_open(Loop *loop, Pulse *pulse, const RunnerHandler *handler, void *owner, Runner **out);
void runner_close(Runner *runner);

void runner_add(Runner *runner, Isolate *isolate);

/* Puts the isolate into the run queue. Nothing happens to one that was not added, or is queued. */
void runner_wake(Isolate *isolate);

/* Takes over an isolate that was destroyed: its heap is freed in steps. */
void runner_bury(Runner *runner, Isolate *isolate);

/* Takes it out for good. */
void runner_remove(Isolate *isolate);

#endif
