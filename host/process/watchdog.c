#include "process/watchdog.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "isolate/preempt.h"

/* Ticks without any turn seen before the thread sleeps until it is woken. */
enum { IDLE_TICK_LIMIT = 8, ORPHAN_STATUS = 1 };

/* A turn of this length that nobody ends any more, because the parent that would is gone. */
#define ORPHAN_TURN_NS (UINT64_C(10) * 1000000000)

struct Watchdog {
    Pulse *pulse;
    pthread_t thread;
    pthread_t target;
    uint64_t slice_ns;
    pid_t parent;
    sem_t wake_up;
    _Atomic bool is_stopping;
};

static void sleep_ns(uint64_t duration_ns)
{
    struct timespec duration = {
        .tv_sec = (time_t)(duration_ns / 1000000000),
        .tv_nsec = (long)(duration_ns % 1000000000),
    };

    nanosleep(&duration, NULL);
}

/* The flag is set before the last look, the runner stores the turn before it reads the flag: one
 * of the two sees the other. */
static void sleep_until_busy(Watchdog *watchdog)
{
    Pulse *pulse = watchdog->pulse;

    atomic_store(&pulse->is_watchdog_asleep, 1);
    if (atomic_load(&pulse->turn_started_ns) == 0 && !watchdog->is_stopping) {
        while (sem_wait(&watchdog->wake_up) != 0 && errno == EINTR)
            continue;
    }
    atomic_store(&pulse->is_watchdog_asleep, 0);
}

/* Signals when the turn has lasted a slice. Returns how long to sleep before the next look: to
 * the very end of the slice that has begun, so that a turn is cut there and not up to half a
 * slice later. */
static uint64_t look(const Watchdog *watchdog, uint64_t started_ns)
{
    uint64_t pause_ns = watchdog->slice_ns / 2;
    uint64_t age_ns;

    if (started_ns == 0)
        return pause_ns;
    age_ns = clock_monotonic_ns() - started_ns;
    if (age_ns < watchdog->slice_ns)
        return watchdog->slice_ns - age_ns;
    if (age_ns > ORPHAN_TURN_NS && getppid() != watchdog->parent)
        _exit(ORPHAN_STATUS);
    pthread_kill(watchdog->target, PREEMPT_SIGNAL);
    return pause_ns;
}

static void *watch(void *argument)
{
    Watchdog *watchdog = argument;
    uint64_t seen_turns = 0;
    int idle_ticks = 0;

    while (!watchdog->is_stopping) {
        uint64_t started_ns = atomic_load(&watchdog->pulse->turn_started_ns);
        uint64_t turns = atomic_load_explicit(&watchdog->pulse->turn_count, memory_order_relaxed);

        idle_ticks = turns == seen_turns && started_ns == 0 ? idle_ticks + 1 : 0;
        seen_turns = turns;
        if (idle_ticks > IDLE_TICK_LIMIT)
            sleep_until_busy(watchdog);
        else
            sleep_ns(look(watchdog, started_ns));
    }
    return NULL;
}

int watchdog_start(Pulse *pulse, pthread_t target, unsigned slice_ms, Watchdog **out)
{
    Watchdog *watchdog = memory_alloc(sizeof *watchdog);
    sigset_t all, before;
    int result;

    watchdog->pulse = pulse;
    watchdog->target = target;
    watchdog->parent = getppid();
    watchdog->slice_ns = slice_ms * (uint64_t)1000000;
    sem_init(&watchdog->wake_up, 0, 0);
    /* Signals of the process are the loop's business. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        memory_free(watchdog);
        return -result;
    }
    *out = watchdog;
    return 0;
}

void watchdog_wake(Watchdog *watchdog)
{
    sem_post(&watchdog->wake_up);
}

void watchdog_stop(Watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    watchdog->is_stopping = true;
    sem_post(&watchdog->wake_up);
    pthread_join(watchdog->thread, NULL);
    sem_destroy(&watchdog->wake_up);
    memory_free(watchdog);
}
