/* Preempt: takes the processor from Lua code that does not give it back.
 *
 * A watchdog (process/watchdog.h) sends the worker's thread a signal once an isolate's turn has
 * lasted a slice. The handler sets a count hook; the hook yields the running task, which pcall
 * cannot catch. The same task is resumed in its isolate's next turn. The hook fires inside
 * compiled loops only in a LuaJIT built with LUAJIT_ENABLE_CHECKHOOK; preempt_self_test finds
 * out. */
#ifndef PERIGEE_ISOLATE_PREEMPT_H
#define PERIGEE_ISOLATE_PREEMPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct Account;
struct lua_State;

/* The signal that ends a slice. Virtual timers send the same one, which the self-test uses. */
enum { PREEMPT_SIGNAL = SIGVTALRM };

typedef struct Preempt {
    struct lua_State *L;    /* the isolate's main thread */
    struct lua_State *task; /* the coroutine of the running task, or NULL in the scheduler */
    struct Account *account;
    volatile sig_atomic_t is_armed; /* the hook is set */
    bool is_slice_over;             /* the scheduler should return */
    bool is_yielded;                /* the task was cut, it did not wait */
    const char *end_reason;         /* not NULL: the task must not be resumed, and why */
    uint64_t turn_started_ns;
    uint64_t yield_count; /* how often a task was cut */
} Preempt;

/* Installs the signal handler. Once per process. */
int preempt_install(void);

/* True when a compiled endless loop can be interrupted. Takes a few milliseconds when it can,
 * and some ten more when it cannot. preempt_install must have been called. */
bool preempt_self_test(void);

void preempt_init(Preempt *preempt, struct lua_State *L, struct Account *account);

/* Around an isolate's turn: from begin to end the signal means this isolate. */
void preempt_begin_turn(Preempt *preempt, uint64_t now_ns);
void preempt_end_turn(Preempt *preempt);

/* Whether its turn is under way. For any thread, which must expect that it has ended since. */
bool preempt_has_turn(const Preempt *preempt);

/* Around lua_resume of a task's coroutine. */
void preempt_enter_task(Preempt *preempt, struct lua_State *task);
void preempt_leave_task(Preempt *preempt);

/* Asks for a collection at the next safe point, and for the task's end if that does not help. */
void preempt_request_memory_check(Preempt *preempt);

#endif
