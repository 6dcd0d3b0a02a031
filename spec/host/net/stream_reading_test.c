/* Stream: reading that pauses. */
#include "stream_fixture.h"

#include "os/turn.h"

static void reading_may_pause(void **state)
{
    (void)state;
    connect_both();
    stream_start_reading(far.stream);
    stream_start_reading(far.stream);
    stream_stop_reading(far.stream);
    write_text(&near, "kept");
    for (int i = 0; i < 3; i++)
        run_turn();
    assert_int_equal(far.received.size, 0);
    stream_start_reading(far.stream);
    expect_received(&far, "kept");
}

static void count(void *owner)
{
    (*(int *)owner)++;
}

static void ignore(void *owner)
{
    (void)owner;
}

/* libuv is told to stop only when something came that nobody wants, and then it is: a loop that
 * kept asking would turn as fast as it can. */
static void what_nobody_reads_does_not_turn_the_loop(void **state)
{
    int turn_count = 0;
    Turn *turn;

    (void)state;
    connect_both();
    stream_start_reading(far.stream);
    stream_stop_reading(far.stream);
    write_text(&near, "kept");
    assert_int_equal(turn_open(loop, count, ignore, &turn_count, &turn), 0);
    timer_start(fixture_timer, 50, 0);
    loop_run(loop);
    turn_close(turn);
    assert_in_range(turn_count, 1, 10);
    assert_int_equal(far.received.size, 0);
    stream_start_reading(far.stream);
    expect_received(&far, "kept");
}

/* Stopped and started in turns, with bytes coming all the time, nothing is lost. */
static void reading_may_pause_again_and_again(void **state)
{
    (void)state;
    connect_both();
    for (int i = 0; i < 100; i++) {
        stream_start_reading(far.stream);
        for (int turns = 0; turns < i % 4; turns++)
            run_turn();
        stream_stop_reading(far.stream);
        write_text(&near, "x");
        for (int turns = 0; turns < i % 3; turns++)
            run_turn();
    }
    stream_start_reading(far.stream);
    RUN_UNTIL(far.received.size == 100);
    stream_stop_reading(far.stream);
    close_end(&near);
    for (int turns = 0; turns < 3; turns++)
        run_turn();
    assert_int_equal(far.end_count, 0);
    stream_start_reading(far.stream);
    RUN_UNTIL(far.end_count == 1);
    assert_int_equal(far.end_status, ERR_EOF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        stream_test(reading_may_pause),
        stream_test(what_nobody_reads_does_not_turn_the_loop),
        stream_test(reading_may_pause_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
