/* Isolate: one Lua state with its own heap, scheduler and event queue: a service in one
 * generation, or the host's own code. C enters its Lua in one place, isolate_turn. Everything it
 * opens hangs on its resource list. */
#ifndef PERIGEE_ISOLATE_ISOLATE_H
#define PERIGEE_ISOLATE_ISOLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/handle_table.h"
#include "base/list.h"
#include "isolate/event.h"
#include "os/loop.h"

typedef struct Isolate Isolate;
struct Runner;
struct lua_State;

typedef struct IsolateOptions {
    const char *name;     /* copied */
    const char *entry;    /* the module of Perigee that is run first */
    const char *folder;   /* below which it may read files; copied; NULL for none */
    const char *readable; /* more such folders, one a line; copied; NULL for none */
    bool is_privileged;   /* the host's own code: all libraries, no limits */
    size_t soft_size;     /* of the heap; 0 for none */
    size_t hard_size;
    size_t event_limit; /* with so many events waiting it gets no new work */
    /* Pushes the `host` module. The isolate is found again by isolate_from. */
    void (*push_host)(struct lua_State *L, Isolate *isolate);
    void *host; /* for isolate_host */
    Loop *loop; /* for the alarm */
} IsolateOptions;

typedef struct IsolateCounters {
    uint64_t turn_count;
    uint64_t busy_ns;           /* time spent in turns */
    uint64_t cut_count;         /* slices that ended by force */
    uint64_t refused_count;     /* allocations refused at the hard limit */
    uint64_t turned_away_count; /* new work for which too many events waited */
    uint64_t gc_cycle_count;    /* of the collector, those that went in steps while it rested */
    uint64_t gc_ns;             /* the time these took */
    uint64_t warning_count;     /* tasks that computed for longer than the warning */
    uint64_t cpu_end_count;     /* tasks ended for it */
    uint64_t memory_end_count;  /* tasks ended at the soft limit */
    size_t heap_size;
    size_t task_count;  /* alive at the end of its last turn */
    size_t event_count; /* that wait for its next one */
} IsolateCounters;

/* On failure `*error` is a text to free with memory_free. */
int isolate_create(const IsolateOptions *options, Isolate **out, char **error);

/* Closes its resources and then the state; a large heap is freed in steps, by the runner. Never
 * from inside the isolate's own turn. */
void isolate_destroy(Isolate *isolate);

/* Gives the isolate's scheduler one slice. Returns true when it wants another without a new
 * event. */
bool isolate_turn(Isolate *isolate, uint64_t now_ns);

/* Gives it new work. Takes ownership of event.bytes. ERR_FULL at the limit, ERR_CLOSED when the
 * isolate is broken; then nothing was queued. */
int isolate_push_event(Isolate *isolate, Event event);

/* Tells it what came of something it has, or what its host wants: never refused for want of room.
 * Whoever calls it sees to it that there are few for each such thing, or that they come seldom.
 * Takes ownership of event.bytes. ERR_CLOSED when the isolate is broken. */
int isolate_tell(Isolate *isolate, Event event);
bool isolate_pop_event(Isolate *isolate, Event *out);

/* From now on it is known when events of new work have come. */
void isolate_time_events(Isolate *isolate);

/* For how long the event that was taken last has waited for that; 0 when it is not known. */
uint64_t isolate_event_delay_ns(const Isolate *isolate);
bool isolate_has_events(const Isolate *isolate);

/* The isolate's one alarm: EVENT_ALARM once, `delay_ms` from now. Starting again replaces. */
void isolate_start_alarm(Isolate *isolate, uint64_t delay_ms);
void isolate_stop_alarm(Isolate *isolate);

/* True when the heap has grown by half since it was without garbage. */
bool isolate_wants_collection(const Isolate *isolate);

/* Collects for a few dozen microseconds. Returns false when a cycle was completed and no other is
 * wanted. */
bool isolate_collect(Isolate *isolate);

/* Resumes a task, without values. Returns how it came back. */
typedef enum TaskState {
    TASK_WAITING = 0, /* it yielded: *result_count values are on top of L */
    TASK_CUT = 1,     /* the turn is over: it goes on, or begins, with the next resume. On top of L
                         are the seconds it has used, if it ran, and a traceback to warn with */
    TASK_FAILED = 2,  /* the error and a traceback are on top of L */
    TASK_ENDED = 3,   /* it must not be resumed: the reason and a traceback are on top of L */
} TaskState;
TaskState isolate_resume(Isolate *isolate, struct lua_State *L, struct lua_State *thread,
                         int *result_count);

/* Whether a coroutine of a script that yielded nothing was cut, and shall be resumed. Says so
 * once. */
bool isolate_take_cut(Isolate *isolate, struct lua_State *thread);

/* Processor time that a task may take between two waits before there is a warning, and before it is
 * ended; 0 for none. */
void isolate_set_budget(Isolate *isolate, uint64_t warning_ns, uint64_t budget_ns);

/* Of the task that was cut last, until it waits. */
void isolate_set_task_budget(Isolate *isolate, uint64_t budget_ns);

/* The isolate a seam function belongs to; its first upvalue says so. */
Isolate *isolate_from(struct lua_State *L);

void *isolate_host(const Isolate *isolate);
const char *isolate_name(const Isolate *isolate);
const char *isolate_folder(const Isolate *isolate); /* NULL for none */
/* Whether `folder` is one of the readable ones. */
bool isolate_may_read(const Isolate *isolate, const char *folder);
List *isolate_resources(Isolate *isolate);
Handle isolate_handle(const Isolate *isolate);
void isolate_set_handle(Isolate *isolate, Handle handle);
bool isolate_is_broken(const Isolate *isolate);
const char *isolate_failure(const Isolate *isolate); /* why it is broken */
void isolate_read_counters(const Isolate *isolate, IsolateCounters *out);
/* What bind/ counts of it; NULL before there is any. */
struct ServiceMetrics;
struct ServiceMetrics *isolate_metrics(const Isolate *isolate);
void isolate_set_metrics(Isolate *isolate, struct ServiceMetrics *metrics);

/* Of the heap, in place of those of the options; 0 for none. */
void isolate_set_limits(Isolate *isolate, size_t soft_size, size_t hard_size);
void isolate_fail_allocation(Isolate *isolate, uint64_t countdown); /* for tests */

/* Samples its stacks: see isolate/profiler.h. */
int isolate_start_profile(Isolate *isolate, unsigned interval_us);
int isolate_take_profile(const Isolate *isolate, Buffer *samples, uint64_t *dropped_count);
void isolate_stop_profile(const Isolate *isolate);

/* For the runner alone: its links into the run queue. */
typedef struct RunLink {
    List link;
    struct Runner *runner; /* NULL while it is not added */
    bool is_queued;
    bool is_collecting;
} RunLink;
RunLink *isolate_run_link(Isolate *isolate);

/* Of an isolate that was destroyed and given to runner_bury: frees its heap until then. Returns
 * true when isolate_free has little left to do. */
bool isolate_decay(Isolate *isolate, uint64_t until_ns);
void isolate_free(Isolate *isolate);
Isolate *isolate_from_run_link(List *link);

#endif
