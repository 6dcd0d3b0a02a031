/* Profiler: samples the Lua stack of one isolate while it has its turn. A process has one, as
 * LuaJIT has: its own profiler marks where compiled code may be sampled, and a thread of ours says
 * when, because the timer of that profiler would also count the turns of other isolates.
 *
 * A sample is a line: how many ticks it stands for, a space, and the functions from the outermost
 * to the innermost, joined by ";". Samples wait in a bounded buffer; those for which it has no
 * room are counted. */
#ifndef PERIGEE_ISOLATE_PROFILER_H
#define PERIGEE_ISOLATE_PROFILER_H

#include <stdint.h>

#include "base/buffer.h"
#include "isolate/preempt.h"

/* Makes a signal that comes when nothing is sampled harmless. Once per process. */
void profiler_install(void);

/* Samples the isolate of `preempt` every `interval_us` of its turns, until profiler_stop. Code
 * that was compiled before is compiled anew. ERR_FULL when an isolate is being sampled already.
 * Called on the thread that runs isolates, outside this isolate's turn. */
int profiler_start(Preempt *preempt, unsigned interval_us);

/* Moves what was sampled since the last call to `out`, which must be empty. `*dropped_count` is how
 * many ticks were left out since for want of room. ERR_CLOSED when this isolate is not being
 * sampled. Called outside its turn. */
int profiler_take(const Preempt *preempt, Buffer *out, uint64_t *dropped_count);

/* Nothing happens when this isolate is not being sampled. */
void profiler_stop(const Preempt *preempt);

#endif
