#include "isolate/preempt.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/memory.h"
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

/* See preempt_tell_place. */
static char *told_place;
static size_t told_place_size;

/* Instructions that Perigee's own code may take to get out of itself when the task shall end;
 * then the slice ends first, and this is tried again. */
enum { PATIENCE = 20000, PLACE_SIZE = 256 };

/* Below a function of C, or in a handler of xpcall, a task cannot be cut, and everybody waits. It
 * is given no more time there than this. */
static const uint64_t uncut_limit_ns = 100 * 1000000;

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

void preempt_tell_place(char *place, size_t size)
{
    told_place = place;
    told_place_size = size;
}

/* A task must not be ended while Perigee's own modules have their tables half changed. */
static bool is_in_core(lua_State *L, lua_Debug *activation)
{
    static const char prefix[] = "@perigee/core/";

    return lua_getinfo(L, "S", activation) != 0 &&
           strncmp(activation->source, prefix, sizeof prefix - 1) == 0;
}

static void push_task_traceback(lua_State *L, lua_State *inner, lua_State *task)
{
    luaL_traceback(L, inner, NULL, 0);
    if (inner != task) {
        luaL_traceback(L, task, "\nin a coroutine of", 0);
        lua_concat(L, 2);
    }
}

/* Remembers the traceback of what shall end: its coroutines may be gone when it has. Taken where
 * memory is not refused. */
static void note_traceback(Preempt *preempt, lua_State *L)
{
    const char *text;
    size_t size;

    preempt->account->is_limiting = false;
    push_task_traceback(L, L, preempt->task);
    preempt->account->is_limiting = true;
    text = lua_tolstring(L, -1, &size);
    memory_free(preempt->traceback);
    preempt->traceback = memory_copy(text, size);
    lua_pop(L, 1);
}

/* Writes the nearest line of a script, or nothing. */
static void write_place(lua_State *L, char *text, size_t size)
{
    lua_Debug activation;

    *text = '\0';
    for (int level = 0; *text == '\0' && lua_getstack(L, level, &activation) != 0; level++) {
        lua_getinfo(L, "Sl", &activation);
        if (activation.currentline > 0 && strncmp(activation.source, "@perigee/", 9) != 0)
            snprintf(text, size, "%s:%d",
                     *activation.source == '@' ? activation.source + 1 : activation.short_src,
                     activation.currentline);
    }
}

/* Remembers where the task is. */
static void note_place(Preempt *preempt, lua_State *L)
{
    char text[PLACE_SIZE];

    write_place(L, text, sizeof text);
    memory_free(preempt->place);
    preempt->place = *text == '\0' ? NULL : memory_copy(text, strlen(text));
}

static void push_cut_thread(Preempt *preempt, lua_State *L)
{
    if (preempt->cut_threads == NULL)
        preempt->cut_threads = memory_alloc(PREEMPT_DEPTH * sizeof(lua_State *));
    preempt->cut_threads[preempt->cut_count++] = L;
}

/* Where it is possible this leaves the running function and does not return. */
static void yield(Preempt *preempt, lua_State *L)
{
    if (!lua_isyieldable(L))
        return;
    if (L == preempt->task) {
        preempt->is_yielded = true;
        preempt->yield_count++;
    }
    lua_yield(L, 0);
}

static void cut(Preempt *preempt, lua_State *L)
{
    bool is_coroutine = L != preempt->task;

    preempt->is_slice_over = true;
    if (lua_isyieldable(L) && (!is_coroutine || preempt->cut_count < PREEMPT_DEPTH)) {
        if (is_coroutine)
            push_cut_thread(preempt, L);
        yield(preempt, L);
    }
    if (told_place != NULL)
        write_place(L, told_place, told_place_size);
    /* The next tick of the watchdog tries again. */
    disarm(preempt);
}

/* The hook stays armed and comes again with the next instruction of whoever catches this. */
static void end(Preempt *preempt, lua_State *L)
{
    if (L == preempt->task && lua_isyieldable(L))
        preempt->end = preempt->due;
    yield(preempt, L);
    preempt->account->fail_countdown = 1;
    lua_newuserdata(L, 1);
}

/* Perigee's own modules get some time to finish what they are at. */
static bool is_to_wait(Preempt *preempt, lua_State *L, lua_Debug *activation)
{
    if (preempt->patience == 0 || !is_in_core(L, activation))
        return false;
    preempt->patience--;
    return true;
}

static void note(Preempt *preempt, lua_State *L)
{
    note_place(preempt, L);
    note_traceback(preempt, L);
}

/* Whether the task has used up its budget, or what it may take at once. */
static void find_end(Preempt *preempt, lua_State *L)
{
    CpuMeter *meter = &preempt->meter;

    cpu_meter_read(meter, preempt->turn_started_ns);
    if (cpu_meter_is_over(meter))
        preempt->due = PREEMPT_END_CPU;
    else if (!lua_isyieldable(L) && meter->budget_ns != 0 &&
             meter->used_ns - preempt->entered_used_ns > uncut_limit_ns)
        preempt->due = PREEMPT_END_UNCUT;
    else
        return;
    note(preempt, L);
}

/* The innermost function that is cut says where the task is: whoever resumed its coroutine stands
 * in Perigee's own code, and is as safe to leave. */
static void cut_for_memory(Preempt *preempt, lua_State *L, lua_Debug *activation)
{
    if (preempt->cut_count == 0) {
        preempt->is_memory_due = !is_in_core(L, activation);
        note(preempt, L);
    }
    cut(preempt, L);
}

static void on_hook(lua_State *L, lua_Debug *activation)
{
    Preempt *preempt = get_running();
    bool is_soft_reached;

    if (preempt == NULL)
        return;
    if (preempt->task == NULL) {
        preempt->is_slice_over = true;
        disarm(preempt);
        return;
    }
    is_soft_reached = preempt->account->is_soft_reached;
    if ((preempt->due != PREEMPT_GOES_ON || is_soft_reached) && preempt->cut_count == 0 &&
        is_to_wait(preempt, L, activation))
        return;
    if (preempt->due == PREEMPT_GOES_ON)
        find_end(preempt, L);
    if (preempt->due != PREEMPT_GOES_ON && !is_in_core(L, activation))
        end(preempt, L);
    else if (is_soft_reached)
        cut_for_memory(preempt, L, activation);
    else
        cut(preempt, L);
}

void preempt_init(Preempt *preempt, lua_State *L, Account *account)
{
    *preempt = (Preempt){.L = L, .account = account};
}

void preempt_deinit(Preempt *preempt)
{
    memory_free(preempt->place);
    memory_free(preempt->traceback);
    memory_free(preempt->cut_threads);
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

void preempt_renew_dispatch(Preempt *preempt)
{
    arm(preempt);
    disarm(preempt);
}

bool preempt_has_turn(const Preempt *preempt)
{
    return get_running() == preempt;
}

void preempt_enter_task(Preempt *preempt, lua_State *task)
{
    preempt->is_yielded = false;
    preempt->is_memory_due = false;
    preempt->end = PREEMPT_GOES_ON;
    preempt->task = task;
    preempt->account->is_limiting = true;
    if (preempt->account->is_soft_reached || preempt->due != PREEMPT_GOES_ON)
        arm(preempt);
    preempt->patience = PATIENCE;
    cpu_meter_go_on(&preempt->meter);
    preempt->entered_used_ns = preempt->meter.used_ns;
}

void preempt_leave_task(Preempt *preempt, bool has_failed)
{
    preempt->account->is_limiting = false;
    preempt->task = NULL;
    if (has_failed)
        preempt->end = preempt->due;
    else if (!preempt->is_yielded)
        preempt_forget_task(preempt);
}

bool preempt_wants_memory_check(const Preempt *preempt)
{
    return preempt->is_yielded && preempt->is_memory_due && preempt->end == PREEMPT_GOES_ON;
}

void preempt_forget_task(Preempt *preempt)
{
    preempt->due = PREEMPT_GOES_ON;
    preempt->cut_count = 0;
    cpu_meter_reset(&preempt->meter);
}

bool preempt_take_cut(Preempt *preempt, lua_State *thread)
{
    if (preempt->due != PREEMPT_GOES_ON || preempt->cut_count == 0 ||
        preempt->cut_threads[preempt->cut_count - 1] != thread)
        return false;
    preempt->cut_count--;
    return true;
}

void preempt_push_end(const Preempt *preempt, lua_State *L)
{
    const char *place = preempt->place == NULL ? "?" : preempt->place;

    if (preempt->end == PREEMPT_END_MEMORY)
        lua_pushfstring(L, "the service has reached its memory limit, at %s", place);
    else
        lua_pushfstring(L, "it computed for %d ms without waiting%s, at %s",
                        (int)(preempt->meter.used_ns / 1000000),
                        preempt->end == PREEMPT_END_UNCUT ? " where nothing can be cut" : "",
                        place);
    lua_pushstring(L, preempt->traceback);
}

void preempt_push_traceback(const Preempt *preempt, lua_State *L, lua_State *task)
{
    push_task_traceback(L, preempt->cut_count > 0 ? preempt->cut_threads[0] : task, task);
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
    preempt_leave_task(preempt, false);
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
    preempt_deinit(&preempt);
    lua_close(L);
    return is_interrupted;
}
