#include "isolate/runner.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "os/turn.h"

enum { ROUNDS_NS = 50 * 1000, DECAY_NS = 500 * 1000 };

struct Runner {
    Turn *turn;
    Pulse *pulse;
    const RunnerHandler *handler;
    void *owner;
    List queue;       /* isolates that something has happened to */
    List busy;        /* isolates that used up their last turn and want another */
    List resting;     /* the others; those with garbage worth collecting come first */
    List buried;      /* isolates that are closed, and whose heaps are still there */
    uint64_t turn_ns; /* when the last turn began */
    bool has_run;     /* anyone since the loop last looked for I/O */
};

static void enqueue(List *queue, RunLink *link)
{
    list_unlink(&link->link);
    list_push_back(queue, &link->link);
    link->is_queued = true;
}

static void rest(Runner *runner, RunLink *link)
{
    list_unlink(&link->link);
    list_push_back(link->is_collecting ? runner->resting.next : &runner->resting, &link->link);
    link->is_queued = false;
}

static void begin_pulse(Runner *runner, const Isolate *isolate, uint64_t now_ns)
{
    Pulse *pulse = runner->pulse;

    /* Names are shorter than this where they come from; a cut one would still be of use. */
    strncpy(pulse->running_name, isolate_name(isolate), PULSE_NAME_SIZE - 1);
    pulse->running_place[0] = '\0';
    atomic_fetch_add_explicit(&pulse->turn_count, 1, memory_order_relaxed);
    atomic_store(&pulse->turn_started_ns, now_ns);
    if (atomic_load(&pulse->is_watchdog_asleep))
        runner->handler->on_busy(runner->owner);
}

static void end_pulse(Pulse *pulse)
{
    atomic_store_explicit(&pulse->turn_started_ns, 0, memory_order_release);
}

static void give_turn(Runner *runner, Isolate *isolate)
{
    uint64_t now_ns = clock_monotonic_ns();
    RunLink *link = isolate_run_link(isolate);

    runner->has_run = true;
    runner->turn_ns = now_ns;
    rest(runner, link);
    begin_pulse(runner, isolate, now_ns);
    bool wants_more = isolate_turn(isolate, now_ns);
    end_pulse(runner->pulse);
    if (isolate_is_broken(isolate)) {
        runner->handler->on_broken(runner->owner, isolate);
        return;
    }
    link->is_collecting = link->is_collecting || isolate_wants_collection(isolate);
    if (wants_more)
        enqueue(&runner->busy, link);
    else if (link->is_queued)
        enqueue(&runner->queue, link);
    else
        rest(runner, link);
}

static bool has_work(const Runner *runner)
{
    return !list_is_empty(&runner->queue) || !list_is_empty(&runner->busy);
}

/* One turn for everyone who was queued when the round began. A turn may destroy other isolates,
 * so the queue is never walked: the front is taken until the marker comes. */
static void run_round(Runner *runner)
{
    List marker;

    if (list_is_empty(&runner->queue))
        return;
    list_init(&marker);
    list_push_back(&runner->queue, &marker);
    while (runner->queue.next != &marker)
        give_turn(runner, isolate_from_run_link(runner->queue.next));
    list_unlink(&marker);
    runner->handler->on_round_end(runner->owner);
}

/* Isolates that speak to each other go on for a moment before the loop looks for I/O, which costs
 * as much as a short turn. */
static void run_rounds(Runner *runner)
{
    uint64_t began_ns;

    run_round(runner);
    began_ns = runner->turn_ns;
    while (!list_is_empty(&runner->queue) && runner->turn_ns - began_ns < ROUNDS_NS)
        run_round(runner);
}

/* One turn for one of those that compute without pause. I/O comes between any two such turns, so
 * what the others wait for takes a slice more at most, however many compute. */
static void run_busy(Runner *runner)
{
    if (list_is_empty(&runner->busy))
        return;
    give_turn(runner, isolate_from_run_link(runner->busy.next));
    runner->handler->on_round_end(runner->owner);
}

static bool has_garbage(const Runner *runner)
{
    return !list_is_empty(&runner->resting) &&
           isolate_run_link(isolate_from_run_link(runner->resting.next))->is_collecting;
}

/* One step of collection for one resting isolate. */
static void collect_step(Runner *runner)
{
    Isolate *isolate = isolate_from_run_link(runner->resting.next);
    RunLink *link = isolate_run_link(isolate);

    link->is_collecting = isolate_collect(isolate);
    if (!link->is_collecting)
        rest(runner, link);
}

/* However busy the others are: the heaps of services that are closed again and again would pile
 * up. */
static void decay_step(Runner *runner)
{
    Isolate *isolate;

    if (list_is_empty(&runner->buried))
        return;
    isolate = isolate_from_run_link(runner->buried.next);
    if (isolate_decay(isolate, clock_monotonic_ns() + DECAY_NS)) {
        list_unlink(runner->buried.next);
        isolate_free(isolate);
    }
}

static void after_io(void *owner)
{
    Runner *runner = owner;

    atomic_fetch_add_explicit(&runner->pulse->loop_count, 1, memory_order_relaxed);
    run_round(runner);
    turn_keep_awake(runner->turn, has_work(runner));
}

static void before_sleep(void *owner)
{
    Runner *runner = owner;
    bool is_collecting;

    run_rounds(runner);
    run_busy(runner);
    decay_step(runner);
    is_collecting = !has_work(runner) && has_garbage(runner);
    /* Where there was work a moment ago, more may be there already: it is looked for first. */
    if (is_collecting && !runner->has_run)
        collect_step(runner);
    runner->has_run = false;
    turn_keep_awake(runner->turn,
                    is_collecting || has_work(runner) || !list_is_empty(&runner->buried));
}

int runner_open(Loop *loop, Pulse *pulse, const RunnerHandler *handler, void *owner, Runner **out)
{
    Runner *runner = memory_alloc(sizeof *runner);
    int result;

    runner->pulse = pulse;
    runner->handler = handler;
    runner->owner = owner;
    list_init(&runner->queue);
    list_init(&runner->busy);
    list_init(&runner->resting);
    list_init(&runner->buried);
    if ((result = turn_open(loop, before_sleep, after_io, runner, &runner->turn)) < 0) {
        memory_free(runner);
        return result;
    }
    *out = runner;
    return 0;
}

void runner_close(Runner *runner)
{
    while (!list_is_empty(&runner->buried)) {
        Isolate *isolate = isolate_from_run_link(runner->buried.next);

        list_unlink(runner->buried.next);
        isolate_free(isolate);
    }
    turn_close(runner->turn);
    memory_free(runner);
}

void runner_add(Runner *runner, Isolate *isolate)
{
    RunLink *link = isolate_run_link(isolate);

    link->runner = runner;
    enqueue(&runner->queue, link);
    turn_keep_awake(runner->turn, true);
}

void runner_wake(Isolate *isolate)
{
    RunLink *link = isolate_run_link(isolate);

    if (link->runner != NULL && !link->is_queued)
        enqueue(&link->runner->queue, link);
}

void runner_bury(Runner *runner, Isolate *isolate)
{
    list_push_back(&runner->buried, &isolate_run_link(isolate)->link);
    turn_keep_awake(runner->turn, true);
}

void runner_remove(Isolate *isolate)
{
    RunLink *link = isolate_run_link(isolate);

    list_unlink(&link->link);
    link->runner = NULL;
    link->is_queued = false;
}
