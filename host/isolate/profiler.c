#include "isolate/profiler.h"

#include <errno.h>
#include <lua.h>
#include <luajit.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"

enum {
    DEPTH_LIMIT = 64, /* of one stack; of a deeper one the innermost frames are kept */
    NAME_SIZE = 192,
    SAMPLES_SIZE = 1024 * 1024, /* that wait for profiler_take */
};

/* "f": compiled code can be sampled where a function begins and ends. LuaJIT's own timer is set to
 * a time that never comes. */
static const char mode[] = "fi1000000000";

static struct {
    Preempt *preempt; /* NULL: nothing is sampled */
    pthread_t thread;
    pthread_t target;
    struct timespec interval;
    Buffer samples;
    uint64_t dropped_count;
    _Atomic bool is_stopping;
} profiler;

void profiler_install(void)
{
    signal(SIGPROF, SIG_IGN);
}

/* A semicolon or a line break in the name of a file would make two frames of it, or two samples. */
static void append_clean(Buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        char character = *text;

        if (character == ';' || (unsigned char)character < ' ' || character == 127)
            character = '?';
        buffer_append(out, &character, 1);
    }
}

/* Where a function of Lua begins, or that it is one of C. Perigee's own modules have no lines. */
static void format_place(const lua_Debug *frame, char out[NAME_SIZE])
{
    const char *source = frame->source;

    if (*frame->what == 'C')
        snprintf(out, NAME_SIZE, "[C]");
    else if (frame->linedefined > 0)
        snprintf(out, NAME_SIZE, "%s:%d", source + (*source == '@'), frame->linedefined);
    else
        snprintf(out, NAME_SIZE, "%s", source + (*source == '@'));
}

static void append_frame(Buffer *out, const lua_Debug *frame)
{
    char place[NAME_SIZE];

    format_place(frame, place);
    if (out->size > 0 && out->bytes[out->size - 1] != ' ')
        buffer_append_text(out, ";");
    if (*frame->what == 'm')
        append_clean(out, "main chunk");
    else
        append_clean(out, frame->name != NULL && *frame->name != '\0' ? frame->name : "function");
    buffer_append_text(out, " ");
    append_clean(out, place);
}

/* The frames of one coroutine, outermost first. */
static void append_stack(Buffer *out, lua_State *L)
{
    lua_Debug frames[DEPTH_LIMIT];
    int depth = 0;

    while (depth < DEPTH_LIMIT && lua_getstack(L, depth, &frames[depth]) != 0 &&
           lua_getinfo(L, "nS", &frames[depth]) != 0)
        depth++;
    while (depth-- > 0)
        append_frame(out, &frames[depth]);
}

/* What the isolate was at when the tick came, where that is not the code of its innermost
 * function. */
static const char *describe_state(int state)
{
    switch (state) {
    case 'G':
        return ";(garbage collector)";
    case 'J':
        return ";(compiler)";
    case 'C':
        return ";(in C)";
    default:
        return NULL;
    }
}

static void on_sample(void *owner, lua_State *L, int count, int state)
{
    Buffer *out = &profiler.samples;
    lua_State *task = profiler.preempt->task;
    const char *activity = describe_state(state);

    (void)owner;
    if (out->size > SAMPLES_SIZE) {
        profiler.dropped_count += (uint64_t)count;
        return;
    }
    buffer_append_uint(out, (uint64_t)count);
    buffer_append_text(out, " ");
    /* A coroutine of a script's own runs on top of its task. */
    if (task != NULL && task != L)
        append_stack(out, task);
    append_stack(out, L);
    if (activity != NULL)
        buffer_append_text(out, activity);
    buffer_append_text(out, "\n");
}

static void *tick(void *unused)
{
    (void)unused;
    while (!profiler.is_stopping) {
        nanosleep(&profiler.interval, NULL);
        if (preempt_has_turn(profiler.preempt))
            pthread_kill(profiler.target, SIGPROF);
    }
    return NULL;
}

/* Signals of the process are not for this thread. */
static int start_thread(void)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&profiler.thread, NULL, tick, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -result;
}

int profiler_start(Preempt *preempt, unsigned interval_us)
{
    int result;

    if (profiler.preempt != NULL)
        return ERR_FULL;
    profiler.preempt = preempt;
    profiler.target = pthread_self();
    profiler.interval = (struct timespec){
        .tv_sec = interval_us / 1000000,
        .tv_nsec = (long)(interval_us % 1000000) * 1000,
    };
    profiler.dropped_count = 0;
    profiler.is_stopping = false;
    luaJIT_profile_start(preempt->L, mode, on_sample, NULL);
    if ((result = start_thread()) < 0) {
        luaJIT_profile_stop(preempt->L);
        profiler.preempt = NULL;
    }
    return result;
}

int profiler_take(const Preempt *preempt, Buffer *out, uint64_t *dropped_count)
{
    if (profiler.preempt != preempt)
        return ERR_CLOSED;
    preempt_renew_dispatch(profiler.preempt);
    buffer_move(out, &profiler.samples);
    *dropped_count = profiler.dropped_count;
    profiler.dropped_count = 0;
    return 0;
}

void profiler_stop(const Preempt *preempt)
{
    if (profiler.preempt != preempt)
        return;
    profiler.is_stopping = true;
    pthread_join(profiler.thread, NULL);
    luaJIT_profile_stop(preempt->L);
    profiler.preempt = NULL;
    buffer_deinit(&profiler.samples);
}
