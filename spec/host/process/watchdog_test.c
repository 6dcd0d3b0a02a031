/* The watchdog of a process whose parent is gone ends it when its turn does not end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "isolate/preempt.h"
#include "process/watchdog.h"

enum { PATIENCE_MS = 20000, SHORT_MS = 300 };

#define TURN_NS (UINT64_C(11) * 1000000000)

/* A child starts a grandchild, whose turn began so long ago, and ends when told. The grandchild
 * holds the write end of `alive`: its end is that of the pipe. */
static int start_orphan(uint64_t turn_ns, int alive[2], int go[2])
{
    int child;

    assert_int_equal(pipe(alive), 0);
    assert_int_equal(pipe(go), 0);
    if ((child = fork()) != 0)
        return child;

    char byte;

    if (fork() == 0) {
        Pulse pulse = {0};
        Watchdog *watchdog;

        close(go[0]);
        close(go[1]);
        preempt_install();
        atomic_store(&pulse.turn_started_ns, clock_monotonic_ns() - turn_ns);
        watchdog_start(&pulse, pthread_self(), 5, &watchdog);
        for (;;)
            pause();
    }
    close(alive[1]);
    close(go[1]);
    if (read(go[0], &byte, 1) < 0)
        _exit(1);
    _exit(0);
}

static bool has_ended(int alive, int timeout_ms)
{
    struct pollfd look = {.fd = alive, .events = POLLIN};

    return poll(&look, 1, timeout_ms) == 1;
}

static void end_parent(int child, int go[2])
{
    close(go[0]);
    close(go[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void an_endless_turn_ends_with_the_parent(void **state)
{
    int alive[2], go[2], child = start_orphan(TURN_NS, alive, go);

    (void)state;
    close(alive[1]);
    assert_false(has_ended(alive[0], SHORT_MS));
    end_parent(child, go);
    assert_true(has_ended(alive[0], PATIENCE_MS));
    close(alive[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endless_turn_ends_with_the_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
