/* Preempt: takes the processor from Lua code that does not give it back.
 *
 * A watchdog (process/watchdog.h) sends the worker's thread a signal once an isolate's turn has
 * lasted a slice. The handler sets a count hook; the hook yields the running task, which pcall
 * cannot catch. The same task is resumed in its isolate's next turn, or never again when it has
 * used up its budget. In a coroutine of a script the hook yields that first, and fires again in
 * whoever resumed it, until the task itself has yielded.
 *
 * Where nothing can be yielded, below a function of C, a slice goes on until control is back; a
 * task that shall end gets errors there as if memory had been refused, which run no handler of
 * xpcall. The hook fires inside compiled loops only in a LuaJIT built with
 * LUAJIT_ENABLE_CHECKHOOK; preempt_self_test finds out. */
#ifndef PERIGEE_ISOLATE_PREEMPT_H
#define PERIGEE_ISOLATE_PREEMPT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isolate/cpu_meter.h"

struct Account;
struct lua_State;

/* The signal that ends a slice. Virtual timers send the same one, which the self-test uses. */
enum { PREEMPT_SIGNAL = SIGVTALRM };

/* Coroutines of a script that were cut, one in another; perigee.core.script_coroutines allows
 * fewer. */
enum { PREEMPT_DEPTH = 256 };

typedef enum PreemptEnd {
    PREEMPT_GOES_ON,
    PREEMPT_END_CPU,
    PREEMPT_END_UNCUT, /* it has run for too long where it cannot be cut */
    PREEMPT_END_MEMORY,
} PreemptEnd;

typedef struct Preempt {
    struct lua_State *L;    /* the isolate's main thread */
    struct lua_State *task; /* the coroutine of the running task, or NULL in the scheduler */
    struct Account *account;
    volatile sig_atomic_t is_armed; /* the hook is set */
    bool is_slice_over;             /* the scheduler should return */
    bool is_yielded;                /* the task was cut, it did not wait */
    bool is_memory_due;             /* it was cut where it may be ended, at the soft limit */
    PreemptEnd due;                 /* the task shall end where it safely can */
    PreemptEnd end;                 /* it has: it must not be resumed */
    char *place;                    /* "file:line" of what shall end; NULL while unknown */
    char *traceback;                /* of the same */
    uint64_t turn_started_ns;
    uint64_t yield_count; /* how often a task was cut or ended */
    CpuMeter meter;
    uint64_t entered_used_ns;       /* of the meter, when the task was resumed */
    unsigned patience;              /* instructions to wait for the end of Perigee's own code */
    unsigned cut_count;             /* of cut_threads */
    struct lua_State **cut_threads; /* a script's coroutines, innermost first; NULL for none yet */
} Preempt;

/* Installs the signal handler. Once per process. */
int preempt_install(void);

/* Where to write the "file:line" of a task that was to be cut and could not be, for whoever looks
 * at the worker from outside. Outlives all isolates. */
void preempt_tell_place(char *place, size_t size);

/* True when a compiled endless loop can be interrupted. Takes a few milliseconds when it can,
 * and some ten more when it cannot. preempt_install must have been called. */
bool preempt_self_test(void);

void preempt_init(Preempt *preempt, struct lua_State *L, struct Account *account);
void preempt_deinit(Preempt *preempt);

/* Around an isolate's turn: from begin to end the signal means this isolate. */
void preempt_begin_turn(Preempt *preempt, uint64_t now_ns);
void preempt_end_turn(Preempt *preempt);

/* Has LuaJIT write its dispatch table anew, in case a signal came while it did. Between turns. */
void preempt_renew_dispatch(Preempt *preempt);

/* Whether its turn is under way. For any thread, which must expect that it has ended since. */
bool preempt_has_turn(const Preempt *preempt);

/* Around lua_resume of a task's coroutine. What shall end and was ended by an error (`has_failed`)
 * has ended as it should. */
void preempt_enter_task(Preempt *preempt, struct lua_State *task);
void preempt_leave_task(Preempt *preempt, bool has_failed);

/* The task that was cut or failed does not go on. */
void preempt_forget_task(Preempt *preempt);

/* Whether `thread`, a coroutine of a script that yielded nothing, was cut and shall be resumed.
 * Says so once. */
bool preempt_take_cut(Preempt *preempt, struct lua_State *thread);

/* Pushes two texts: why and where the task was ended, and a traceback. */
void preempt_push_end(const Preempt *preempt, struct lua_State *L);

/* Pushes a traceback of a task that was cut, or has failed, and of the innermost of its
 * coroutines. */
void preempt_push_traceback(const Preempt *preempt, struct lua_State *L, struct lua_State *task);

/* Has the task cut where it may be ended, because the soft limit is reached. */
void preempt_request_memory_check(Preempt *preempt);

/* Whether the task that came back was cut for that. */
bool preempt_wants_memory_check(const Preempt *preempt);

#endif
