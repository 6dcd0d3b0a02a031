#include "isolate/isolate.h"

#include <assert.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "isolate/account.h"
#include "isolate/event_queue.h"
#include "isolate/memory_check.h"
#include "isolate/module_cache.h"
#include "isolate/preempt.h"
#include "isolate/profiler.h"
#include "isolate/resource.h"
#include "isolate/runner.h"
#include "isolate/stack_repair.h"
#include "os/timer.h"

enum {
    GC_PAUSE = 300, /* collect when the heap has tripled: idle steps usually come first */
    GC_STEP_MULTIPLIER = 400,
    GC_IDLE_STEP = 32, /* about 30 to 60 us */
    GC_IDLE_MIN_SIZE = 128 * 1024,
    DECAY_MIN_SIZE = 1024 * 1024, /* what is smaller is freed in a millisecond or two */
};

struct Isolate {
    lua_State *L;
    char *name;
    char *folder;   /* NULL for none */
    char *readable; /* NULL for none */
    Handle handle;
    void *host;
    Timer *alarm;
    Account account;
    Preempt preempt;
    MemoryCheck memory_check;
    Collection decay; /* of the heap, once it is closed */
    EventQueue events;
    List resources;
    RunLink run_link;
    char *failure;         /* why the scheduler stopped; NULL while it works */
    size_t collected_size; /* of the heap without garbage, as far as is known */
    size_t cycle_size;     /* of the heap when the last cycle of idle steps ended */
    IsolateCounters counters;
    struct ServiceMetrics *metrics;
    bool is_timing_events;
    uint64_t taken_pushed_ns; /* when the event that was taken last had come; 0 for unknown */
};

/* The registry key of the function that runs one turn. */
static const char turn_key;

static void on_soft_limit(void *owner)
{
    Isolate *isolate = owner;
    preempt_request_memory_check(&isolate->preempt);
}

static void on_alarm(void *owner)
{
    isolate_tell(owner, (Event){.kind = EVENT_ALARM});
}

typedef struct Boot {
    const IsolateOptions *options;
    Isolate *isolate;
} Boot;

static void open_library(lua_State *L, const char *name, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

/* What an isolate for services never contains cannot be reached from it: no io, package or ffi. */
static void open_service_libraries(lua_State *L)
{
    open_library(L, "", luaopen_base);
    open_library(L, LUA_TABLIBNAME, luaopen_table);
    open_library(L, LUA_STRLIBNAME, luaopen_string);
    open_library(L, LUA_MATHLIBNAME, luaopen_math);
    open_library(L, LUA_BITLIBNAME, luaopen_bit);
    open_library(L, LUA_OSLIBNAME, luaopen_os);
    open_library(L, LUA_DBLIBNAME, luaopen_debug);
    open_library(L, LUA_JITLIBNAME, luaopen_jit);
}

/* Runs protected: any step may run out of memory. */
static int boot(lua_State *L)
{
    const Boot *what = lua_touserdata(L, 1);

    lua_gc(L, LUA_GCSTOP, 0);
    if (what->options->is_privileged)
        luaL_openlibs(L);
    else
        open_service_libraries(L);
    lua_pushlightuserdata(L, (void *)&turn_key);
    if (module_cache_load(L, "perigee.core.boot") != 0)
        lua_error(L);
    what->options->push_host(L, what->isolate);
    lua_pushstring(L, what->options->entry);
    lua_pushboolean(L, what->options->is_privileged);
    lua_call(L, 3, 1);
    assert(lua_isfunction(L, -1));
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_gc(L, LUA_GCSETPAUSE, GC_PAUSE);
    lua_gc(L, LUA_GCSETSTEPMUL, GC_STEP_MULTIPLIER);
    lua_gc(L, LUA_GCRESTART, 0);
    return 0;
}

static void init_account(Isolate *isolate, const IsolateOptions *options)
{
    isolate->account = (Account){.on_soft = on_soft_limit, .owner = isolate};
    isolate_set_limits(isolate, options->soft_size, options->hard_size);
}

static char *copy_error(lua_State *L)
{
    const char *message = lua_tostring(L, -1);

    if (message == NULL)
        message = "the error is not a text";
    return memory_copy(message, strlen(message));
}

int isolate_create(const IsolateOptions *options, Isolate **out, char **error)
{
    lua_State *L = luaL_newstate();
    Isolate *isolate;
    Boot what;

    if (L == NULL) {
        *error = memory_copy("out of memory", strlen("out of memory"));
        return ERR_FULL;
    }
    isolate = memory_alloc(sizeof *isolate);
    if (timer_create_on(options->loop, on_alarm, isolate, &isolate->alarm) < 0) {
        lua_close(L);
        memory_free(isolate);
        *error = memory_copy("no timer", strlen("no timer"));
        return ERR_FULL;
    }
    timer_unref(isolate->alarm);
    isolate->L = L;
    isolate->name = memory_copy(options->name, strlen(options->name));
    if (options->folder != NULL)
        isolate->folder = memory_copy(options->folder, strlen(options->folder));
    if (options->readable != NULL)
        isolate->readable = memory_copy(options->readable, strlen(options->readable));
    isolate->host = options->host;
    list_init(&isolate->resources);
    list_init(&isolate->run_link.link);
    event_queue_init(&isolate->events, options->event_limit);
    init_account(isolate, options);
    account_open(&isolate->account, L);
    preempt_init(&isolate->preempt, L, &isolate->account);
    what = (Boot){.options = options, .isolate = isolate};
    if (lua_cpcall(L, boot, &what) != 0) {
        *error = copy_error(L);
        isolate_destroy(isolate);
        return ERR_INVALID;
    }
    isolate->collected_size = isolate->cycle_size = isolate->account.used_size;
    *out = isolate;
    return 0;
}

/* Leaves nothing in the state but what the end of Perigee's userdata needs: their types. */
static int let_go(lua_State *L)
{
    static const char prefix[] = "perigee.";

    lua_pushnil(L);
    while (lua_next(L, LUA_REGISTRYINDEX) != 0) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

        lua_pop(L, 1);
        if (strncmp(name, prefix, sizeof prefix - 1) != 0) {
            lua_pushvalue(L, -1);
            lua_pushnil(L);
            lua_rawset(L, LUA_REGISTRYINDEX);
        }
    }
    lua_pushliteral(L, "");
    lua_pushnil(L);
    lua_setmetatable(L, -2);
    lua_newtable(L);
    lua_replace(L, LUA_GLOBALSINDEX);
    return 0;
}

void isolate_destroy(Isolate *isolate)
{
    Runner *runner = isolate->run_link.runner;

    assert(isolate->preempt.turn_started_ns == 0);
    profiler_stop(&isolate->preempt);
    runner_remove(isolate);
    while (!list_is_empty(&isolate->resources))
        resource_close(list_entry(isolate->resources.next, Resource, link));
    timer_close(isolate->alarm);
    event_queue_deinit(&isolate->events);
    if (runner == NULL || isolate->account.used_size < DECAY_MIN_SIZE ||
        lua_cpcall(isolate->L, let_go, NULL) != 0) {
        isolate_free(isolate);
        return;
    }
    collection_start(&isolate->decay);
    runner_bury(runner, isolate);
}

bool isolate_decay(Isolate *isolate, uint64_t until_ns)
{
    return collection_step(&isolate->decay, isolate->L, until_ns);
}

void isolate_free(Isolate *isolate)
{
    account_close(&isolate->account, isolate->L);
    lua_close(isolate->L);
    preempt_deinit(&isolate->preempt);
    memory_free(isolate->failure);
    memory_free(isolate->name);
    memory_free(isolate->folder);
    memory_free(isolate->readable);
    memory_free(isolate);
}

/* The scheduler guards every task, so an error that arrives here is its own; it cannot go on. */
static void break_isolate(Isolate *isolate)
{
    isolate->failure = copy_error(isolate->L);
    lua_settop(isolate->L, 0);
}

static void break_at_cap(Isolate *isolate)
{
    char text[160];

    snprintf(text, sizeof text,
             "its memory limit is reached: %.1f MB are in use and belong to no task that could be "
             "ended",
             (double)isolate->account.used_size / (1024 * 1024));
    isolate->failure = memory_copy(text, strlen(text));
}

/* A turn in which no Lua runs. Returns whether another is wanted. */
static bool check_memory(Isolate *isolate, uint64_t now_ns)
{
    MemoryVerdict verdict =
        memory_check_step(&isolate->memory_check, isolate->L, &isolate->account);

    if (verdict == MEMORY_END_TASK)
        isolate->preempt.due = PREEMPT_END_MEMORY;
    else if (verdict == MEMORY_AT_CAP)
        break_at_cap(isolate);
    isolate->counters.busy_ns += clock_monotonic_ns() - now_ns;
    return verdict != MEMORY_AT_CAP;
}

bool isolate_turn(Isolate *isolate, uint64_t now_ns)
{
    lua_State *L = isolate->L;
    bool wants_more = false;

    if (isolate->failure != NULL)
        return false;
    isolate->counters.turn_count++;
    if (isolate->memory_check.is_under_way)
        return check_memory(isolate, now_ns);
    preempt_begin_turn(&isolate->preempt, now_ns);
    lua_pushlightuserdata(L, (void *)&turn_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_pushnumber(L, (lua_Number)now_ns / 1e9);
    if (lua_pcall(L, 1, 2, 0) != 0) {
        break_isolate(isolate);
    } else {
        wants_more = lua_toboolean(L, -2);
        isolate->counters.task_count = (size_t)lua_tointeger(L, -1);
        lua_settop(L, 0);
    }
    preempt_end_turn(&isolate->preempt);
    isolate->preempt.turn_started_ns = 0;
    isolate->counters.busy_ns += clock_monotonic_ns() - now_ns;
    return wants_more;
}

int isolate_push_event(Isolate *isolate, Event event)
{
    int result;

    if (isolate->failure != NULL) {
        memory_free(event.bytes);
        return ERR_CLOSED;
    }
    if (isolate->is_timing_events)
        event.pushed_ns = clock_monotonic_ns();
    if ((result = event_queue_push(&isolate->events, event)) == 0)
        runner_wake(isolate);
    else
        isolate->counters.turned_away_count++;
    return result;
}

int isolate_tell(Isolate *isolate, Event event)
{
    if (isolate->failure != NULL) {
        memory_free(event.bytes);
        return ERR_CLOSED;
    }
    event_queue_append(&isolate->events, event);
    runner_wake(isolate);
    return 0;
}

bool isolate_pop_event(Isolate *isolate, Event *out)
{
    if (!event_queue_pop(&isolate->events, out))
        return false;
    isolate->taken_pushed_ns = out->pushed_ns;
    return true;
}

void isolate_time_events(Isolate *isolate)
{
    isolate->is_timing_events = true;
}

uint64_t isolate_event_delay_ns(const Isolate *isolate)
{
    if (isolate->taken_pushed_ns == 0)
        return 0;
    return clock_monotonic_ns() - isolate->taken_pushed_ns;
}

bool isolate_has_events(const Isolate *isolate)
{
    return isolate->events.count > 0;
}

void isolate_start_alarm(Isolate *isolate, uint64_t delay_ms)
{
    timer_start(isolate->alarm, delay_ms, 0);
}

void isolate_stop_alarm(Isolate *isolate)
{
    timer_stop(isolate->alarm);
}

bool isolate_wants_collection(const Isolate *isolate)
{
    size_t due_size = isolate->collected_size / 2 * 3;

    return isolate->account.used_size > (due_size < GC_IDLE_MIN_SIZE ? GC_IDLE_MIN_SIZE : due_size);
}

/* Returns true when that completed a cycle. */
static bool step_collector(Isolate *isolate)
{
    uint64_t began_ns = clock_monotonic_ns();
    bool is_complete = lua_gc(isolate->L, LUA_GCSTEP, GC_IDLE_STEP) != 0;

    isolate->counters.gc_ns += clock_monotonic_ns() - began_ns;
    isolate->counters.gc_cycle_count += is_complete;
    return is_complete;
}

bool isolate_collect(Isolate *isolate)
{
    if (!step_collector(isolate))
        return true;
    /* A cycle that was under way when something became garbage may have kept it. What was there
     * when the last one ended is no more than what this one began with, so a heap that is still
     * much larger is collected once more before it is believed to be in use. */
    isolate->collected_size = isolate->account.used_size < isolate->cycle_size
                                  ? isolate->account.used_size
                                  : isolate->cycle_size;
    isolate->cycle_size = isolate->account.used_size;
    return isolate_wants_collection(isolate);
}

static TaskState fail(Isolate *isolate, lua_State *L, lua_State *thread)
{
    lua_xmove(thread, L, 1);
    stack_repair(thread);
    preempt_push_traceback(&isolate->preempt, L, thread);
    preempt_forget_task(&isolate->preempt);
    return TASK_FAILED;
}

static TaskState end_task(Isolate *isolate, lua_State *L)
{
    Preempt *preempt = &isolate->preempt;

    if (preempt->end != PREEMPT_END_MEMORY) {
        isolate->counters.cpu_end_count++;
    } else {
        isolate->counters.memory_end_count++;
        memory_check_start(&isolate->memory_check, true);
        preempt->is_slice_over = true;
    }
    preempt_push_end(preempt, L);
    preempt_forget_task(preempt);
    return TASK_ENDED;
}

/* Returns how many values tell of it. */
static int push_cut(Isolate *isolate, lua_State *L, lua_State *thread)
{
    CpuMeter *meter = &isolate->preempt.meter;

    lua_pushnumber(L, (lua_Number)meter->used_ns / 1e9);
    if (!cpu_meter_take_warning(meter))
        return 1;
    isolate->counters.warning_count++;
    preempt_push_traceback(&isolate->preempt, L, thread);
    return 2;
}

TaskState isolate_resume(Isolate *isolate, lua_State *L, lua_State *thread, int *result_count)
{
    Preempt *preempt = &isolate->preempt;
    int status;

    *result_count = 0;
    if (preempt->is_slice_over)
        return TASK_CUT;
    *result_count = 2;
    if (preempt->due == PREEMPT_END_MEMORY) {
        preempt->end = preempt->due;
        return end_task(isolate, L);
    }
    preempt_enter_task(preempt, thread);
    status = lua_resume(thread, 0);
    preempt_leave_task(preempt, status != LUA_YIELD && status != 0);
    if (preempt_wants_memory_check(preempt))
        memory_check_start(&isolate->memory_check, false);
    if (preempt->end != PREEMPT_GOES_ON)
        return end_task(isolate, L);
    if (status != LUA_YIELD && status != 0)
        return fail(isolate, L, thread);
    if (preempt->is_yielded) {
        *result_count = push_cut(isolate, L, thread);
        return TASK_CUT;
    }
    *result_count = lua_gettop(thread);
    luaL_checkstack(L, *result_count, "a task yielded too many values");
    lua_xmove(thread, L, *result_count);
    return TASK_WAITING;
}

bool isolate_take_cut(Isolate *isolate, lua_State *thread)
{
    return preempt_take_cut(&isolate->preempt, thread);
}

void isolate_set_budget(Isolate *isolate, uint64_t warning_ns, uint64_t budget_ns)
{
    isolate->preempt.meter.warning_ns = warning_ns;
    isolate->preempt.meter.budget_ns = budget_ns;
}

void isolate_set_task_budget(Isolate *isolate, uint64_t budget_ns)
{
    isolate->preempt.meter.task_budget_ns = budget_ns;
}

Isolate *isolate_from(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

void *isolate_host(const Isolate *isolate)
{
    return isolate->host;
}

const char *isolate_name(const Isolate *isolate)
{
    return isolate->name;
}

const char *isolate_folder(const Isolate *isolate)
{
    return isolate->folder;
}

bool isolate_may_read(const Isolate *isolate, const char *folder)
{
    const char *line = isolate->readable;
    size_t size = strlen(folder);

    while (line != NULL && *line != '\0') {
        size_t line_size = strcspn(line, "\n");

        if (line_size == size && memcmp(line, folder, size) == 0)
            return true;
        line += line_size + (line[line_size] != '\0');
    }
    return false;
}

List *isolate_resources(Isolate *isolate)
{
    return &isolate->resources;
}

Handle isolate_handle(const Isolate *isolate)
{
    return isolate->handle;
}

void isolate_set_handle(Isolate *isolate, Handle handle)
{
    isolate->handle = handle;
}

bool isolate_is_broken(const Isolate *isolate)
{
    return isolate->failure != NULL;
}

const char *isolate_failure(const Isolate *isolate)
{
    return isolate->failure;
}

void isolate_read_counters(const Isolate *isolate, IsolateCounters *out)
{
    *out = isolate->counters;
    out->heap_size = isolate->account.used_size;
    out->cut_count = isolate->preempt.yield_count;
    out->refused_count = isolate->account.refused_count;
    out->event_count = isolate->events.count;
}

struct ServiceMetrics *isolate_metrics(const Isolate *isolate)
{
    return isolate->metrics;
}

void isolate_set_metrics(Isolate *isolate, struct ServiceMetrics *metrics)
{
    isolate->metrics = metrics;
}

void isolate_set_limits(Isolate *isolate, size_t soft_size, size_t hard_size)
{
    isolate->account.soft_size = soft_size == 0 ? SIZE_MAX : soft_size;
    isolate->account.hard_size = hard_size == 0 ? SIZE_MAX : hard_size;
    account_forgive(&isolate->account);
}

int isolate_start_profile(Isolate *isolate, unsigned interval_us)
{
    return profiler_start(&isolate->preempt, interval_us);
}

int isolate_take_profile(const Isolate *isolate, Buffer *samples, uint64_t *dropped_count)
{
    return profiler_take(&isolate->preempt, samples, dropped_count);
}

void isolate_stop_profile(const Isolate *isolate)
{
    profiler_stop(&isolate->preempt);
}

void isolate_fail_allocation(Isolate *isolate, uint64_t countdown)
{
    isolate->account.fail_countdown = countdown;
}

RunLink *isolate_run_link(Isolate *isolate)
{
    return &isolate->run_link;
}

Isolate *isolate_from_run_link(List *link)
{
    return list_entry(link, Isolate, run_link.link);
}
