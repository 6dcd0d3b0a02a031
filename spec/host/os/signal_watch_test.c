/* SignalWatch: signals arrive as callbacks on the loop. */
#include "../loop_fixture.h"

#include <errno.h>
#include <signal.h>

#include "os/signal_watch.h"

static int last_signal;
static int call_count;
static SignalWatch *subject;

static void on_signal(void *owner, int number)
{
    assert_ptr_equal(owner, &last_signal);
    last_signal = number;
    call_count++;
}

static int setup(void **state)
{
    last_signal = call_count = 0;
    return loop_setup(state);
}

#define signal_test(test) cmocka_unit_test_setup_teardown(test, setup, loop_teardown)

static void tells_the_signal(void **state)
{
    (void)state;
    assert_int_equal(signal_watch_open(loop, SIGUSR1, on_signal, &last_signal, &subject), 0);
    raise(SIGUSR1);
    RUN_UNTIL(call_count > 0);
    assert_int_equal(last_signal, SIGUSR1);
    signal_watch_close(subject);
}

static void two_watches_of_one_signal_both_hear_it(void **state)
{
    SignalWatch *other;

    (void)state;
    assert_int_equal(signal_watch_open(loop, SIGUSR2, on_signal, &last_signal, &subject), 0);
    assert_int_equal(signal_watch_open(loop, SIGUSR2, on_signal, &last_signal, &other), 0);
    raise(SIGUSR2);
    RUN_UNTIL(call_count == 2);
    signal_watch_close(subject);
    signal_watch_close(other);
}

static void close_in_callback(void *owner, int number)
{
    on_signal(owner, number);
    signal_watch_close(subject);
}

static void may_be_closed_in_its_callback(void **state)
{
    (void)state;
    assert_int_equal(signal_watch_open(loop, SIGUSR1, close_in_callback, &last_signal, &subject),
                     0);
    raise(SIGUSR1);
    loop_run(loop);
    assert_int_equal(call_count, 1);
}

static void a_signal_that_cannot_be_caught_is_refused(void **state)
{
    (void)state;
    subject = NULL;
    assert_int_equal(signal_watch_open(loop, SIGKILL, on_signal, &last_signal, &subject), -EINVAL);
    assert_null(subject);
    signal_watch_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        signal_test(tells_the_signal),
        signal_test(two_watches_of_one_signal_both_hear_it),
        signal_test(may_be_closed_in_its_callback),
        signal_test(a_signal_that_cannot_be_caught_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
