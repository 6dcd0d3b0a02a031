#include "isolate/preempt.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "isolate/account.h"

/* The isolate whose turn it is. Written by the thread that runs isolates; read by its signal
 * handler, and by threads that only compare it. */
static _Atomic(Preempt *) running;

static Preempt *get_running(void)
{
    return atomic_load_explicit(&running, memory_order_relaxed);
}

static void set_running(Preempt *preempt)
{
    atomic_store_explicit(&running, preempt, memory_order_relaxed);
}

/* Code inside a user's own coroutine cannot be yielded to the scheduler. After this long it gets
 * an error instead. */
static const uint64_t coroutine_limit_ns = 1000 * 1000000ULL;

static const char memory_reason[] = "the service has reached its memory limit";

static void on_hook(lua_State *L, lua_Debug *activation);

static void arm(Preempt *preempt)
{
    /* Cleared first: that makes LuaJIT rewrite its dispatch table even if an earlier change of
     * it was cut short. */
    lua_sethook(preempt->L, NULL, 0, 0);
    lua_sethook(preempt->L, on_hook, LUA_MASKCOUNT, 1);
    preempt->is_armed = 1;
}

static void disarm(Preempt *preempt)
{
    preempt->is_armed = 0;
    lua_sethook(preempt->L, NULL, 0, 0);
}

static void on_signal(int signal)
{
    int saved_errno = errno;
    Preempt *preempt = get_running();

    (void)signal;
    if (preempt != NULL)
        arm(preempt);
    errno = saved_errno;
}

int preempt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    return sigaction(PREEMPT_SIGNAL, &action, NULL) == 0 ? 0 : -errno;
}

/* A task must not be ended while Perigee's own modules have their tables half changed. */
static bool is_in_core(lua_State *L, lua_Debug *activation)
{
    static const char prefix[] = "@perigee/core/";

    return lua_getinfo(L, "S", activation) != 0 &&
           strncmp(activation->source, prefix, sizeof prefix - 1) == 0;
}

/* Collects what can be. True when the heap is well below its soft limit again. */
static bool free_memory(Preempt *preempt)
{
    Account *account = preempt->account;

    lua_gc(preempt->L, LUA_GCCOLLECT, 0);
    if (account->used_size > account->soft_size / 4 * 3)
        return false;
    account_forgive(account);
    return true;
}

static void on_memory_due(Preempt *preempt, lua_State *L, lua_Debug *activation)
{
    /* Asked first: the hook comes again with the next instruction, and a full collection for each
     * of them would take seconds. */
    if (is_in_core(L, activation))
        return;
    disarm(preempt);
    if (free_memory(preempt))
        return;
    account_forgive(preempt->account);
    if (L == preempt->task && lua_isyieldable(L)) {
        preempt->end_reason = memory_reason;
        lua_yield(L, 0);
    }
    luaL_error(L, "%s", memory_reason);
}

static void on_hook(lua_State *L, lua_Debug *activation)
{
    Preempt *preempt = get_running();

    if (preempt == NULL)
        return;
    if (preempt->account->is_soft_reached && preempt->task != NULL) {
        on_memory_due(preempt, L, activation);
        return;
    }
    disarm(preempt);
    preempt->is_slice_over = true;
    if (L == preempt->task && lua_isyieldable(L)) {
        preempt->is_yielded = true;
        preempt->yield_count++;
        lua_yield(L, 0);
        return;
    }
    /* In a user's coroutine, or below a C function: the next tick of the watchdog tries again. */
    if (preempt->task != NULL &&
        clock_monotonic_ns() - preempt->turn_started_ns > coroutine_limit_ns)
        luaL_error(L, "ran for more than a second in a place that cannot be interrupted");
}

void preempt_init(Preempt *preempt, lua_State *L, Account *account)
{
    *preempt = (Preempt){.L = L, .account = account};
}

void preempt_begin_turn(Preempt *preempt, uint64_t now_ns)
{
    preempt->turn_started_ns = now_ns;
    preempt->is_slice_over = false;
    set_running(preempt);
}

void preempt_end_turn(Preempt *preempt)
{
    set_running(NULL);
    if (preempt->is_armed)
        disarm(preempt);
}

bool preempt_has_turn(const Preempt *preempt)
{
    return get_running() == preempt;
}

void preempt_enter_task(Preempt *preempt, lua_State *task)
{
    preempt->is_yielded = false;
    preempt->end_reason = NULL;
    preempt->task = task;
    preempt->account->is_limiting = true;
    if (preempt->account->is_soft_reached)
        arm(preempt);
}

void preempt_leave_task(Preempt *preempt)
{
    preempt->account->is_limiting = false;
    preempt->task = NULL;
}

void preempt_request_memory_check(Preempt *preempt)
{
    arm(preempt);
}

/* Long enough to be compiled and to last a while; and it ends, because where the hook does not
 * work nothing else would end it. It says how far it came: where compiled code does not look at
 * the hook, that fires too, but only behind the loop. */
enum { TEST_TURNS = 50000000, TEST_TRIES = 20 };
static const char test_loop[] =
    "progress = {0} local last = ... for i = 1, last do progress[1] = i end";

/* Runs the loop as a task that a timer interrupts. Returns how many turns it came. */
static lua_Integer run_test_loop(Preempt *preempt, lua_State *task)
{
    static const struct itimerval tick = {.it_interval.tv_usec = 2000, .it_value.tv_usec = 2000};
    static const struct itimerval off = {.it_value.tv_usec = 0};

    lua_pushinteger(task, TEST_TURNS);
    preempt_begin_turn(preempt, clock_monotonic_ns());
    preempt_enter_task(preempt, task);
    setitimer(ITIMER_VIRTUAL, &tick, NULL);
    lua_resume(task, 1);
    setitimer(ITIMER_VIRTUAL, &off, NULL);
    preempt_leave_task(preempt);
    preempt_end_turn(preempt);
    lua_getglobal(task, "progress");
    lua_rawgeti(task, -1, 1);
    return lua_tointeger(task, -1);
}

/* The kernel counts a process's time by its own ticks, and where several share a processor a whole
 * loop may pass between two of them. No signal came then, nothing is known, and it runs again. */
static bool test_until_signalled(Preempt *preempt)
{
    for (int i = 0; i < TEST_TRIES; i++) {
        lua_State *task = lua_newthread(preempt->L);
        lua_Integer turns;

        if (luaL_loadstring(task, test_loop) != 0)
            return false;
        turns = run_test_loop(preempt, task);
        if (preempt->is_yielded)
            return turns < TEST_TURNS;
    }
    return false;
}

bool preempt_self_test(void)
{
    lua_State *L = luaL_newstate();
    Account account = {.soft_size = SIZE_MAX, .hard_size = SIZE_MAX};
    Preempt preempt;
    bool is_interrupted;

    if (L == NULL)
        return false;
    luaL_openlibs(L);
    preempt_init(&preempt, L, &account);
    is_interrupted = test_until_signalled(&preempt);
    lua_close(L);
    return is_interrupted;
}
