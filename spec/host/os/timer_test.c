/* Timer: when it fires, and that it does not once stopped or closed. */
#include "../loop_fixture.h"

static int call_count;
static Timer *subject;

static void count_call(void *owner)
{
    (void)owner;
    call_count++;
}

static int setup(void **state)
{
    call_count = 0;
    return loop_setup(state);
}

#define timer_test(test) cmocka_unit_test_setup_teardown(test, setup, loop_teardown)

static void make(TimerCallback callback)
{
    assert_int_equal(timer_create_on(loop, callback, NULL, &subject), 0);
}

static void fires_once_after_its_delay(void **state)
{
    uint64_t start_ns = clock_monotonic_ns();

    (void)state;
    make(count_call);
    timer_start(subject, 20, 0);
    RUN_UNTIL(call_count > 0);
    assert_true(clock_monotonic_ns() - start_ns >= 19000000);
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(call_count, 1);
    timer_close(subject);
}

static void repeats(void **state)
{
    (void)state;
    make(count_call);
    timer_start(subject, 1, 1);
    RUN_UNTIL(call_count >= 5);
    timer_close(subject);
}

static void starting_again_replaces(void **state)
{
    (void)state;
    make(count_call);
    timer_start(subject, 0, 1);
    timer_start(subject, 60000, 0);
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(call_count, 0);
    timer_close(subject);
}

static void stop_in_callback(void *owner)
{
    count_call(owner);
    timer_stop(subject);
}

static void may_be_stopped_in_its_callback(void **state)
{
    (void)state;
    make(stop_in_callback);
    timer_start(subject, 1, 1);
    loop_run(loop);
    assert_int_equal(call_count, 1);
    timer_close(subject);
}

static void close_in_callback(void *owner)
{
    count_call(owner);
    timer_close(subject);
}

static void may_be_closed_in_its_callback(void **state)
{
    (void)state;
    make(close_in_callback);
    timer_start(subject, 1, 1);
    loop_run(loop);
    assert_int_equal(call_count, 1);
}

static void keep_busy(void *owner)
{
    uint64_t start_ns = clock_monotonic_ns();

    (void)owner;
    while (clock_monotonic_ns() - start_ns < 30000000) {
    }
    timer_start(subject, 20, 0);
}

static void ignore(void *owner)
{
    (void)owner;
}

/* The turn that starts the timer is itself longer than the delay. The third one keeps the loop from
 * sleeping. */
static void counts_from_its_start_and_not_from_the_turns(void **state)
{
    Timer *busy, *restless;
    uint64_t start_ns;

    (void)state;
    make(count_call);
    assert_int_equal(timer_create_on(loop, keep_busy, NULL, &busy), 0);
    assert_int_equal(timer_create_on(loop, ignore, NULL, &restless), 0);
    timer_start(busy, 0, 0);
    timer_start(restless, 1, 1);
    start_ns = clock_monotonic_ns();
    RUN_UNTIL(call_count > 0);
    assert_true(clock_monotonic_ns() - start_ns >= 49000000);
    timer_close(busy);
    timer_close(restless);
    timer_close(subject);
}

static void an_unreferenced_one_does_not_keep_the_loop(void **state)
{
    (void)state;
    make(count_call);
    timer_start(subject, 60000, 0);
    timer_unref(subject);
    loop_run(loop);
    assert_int_equal(call_count, 0);
    timer_close(subject);
}

static void closing_none_is_fine(void **state)
{
    (void)state;
    timer_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        timer_test(fires_once_after_its_delay),
        timer_test(repeats),
        timer_test(starting_again_replaces),
        timer_test(may_be_stopped_in_its_callback),
        timer_test(may_be_closed_in_its_callback),
        timer_test(counts_from_its_start_and_not_from_the_turns),
        timer_test(an_unreferenced_one_does_not_keep_the_loop),
        timer_test(closing_none_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
