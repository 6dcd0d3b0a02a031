/* A server of RPC: clients that are slow, greedy or too many. */
#include "rpc_server_fixture.h"

static void half_a_message_is_not_waited_for_long(void **state)
{
    RpcServerOptions options = patient_options();
    uint64_t start_ns;
    Client *client;

    (void)state;
    options.bounds.body_timeout_ms = 60;
    open_server(&options);
    client = connect_client();
    say(client, "{\"method\":\"");
    start_ns = clock_monotonic_ns();
    fixture_start_waiting();
    while (!is_over(client)) {
        try_send(client, "A", 1); /* does not buy time */
        fixture_wait("the end");
    }
    assert_true(clock_monotonic_ns() - start_ns >= 58000000);
    assert_int_equal(client->received.size, 0);
    assert_int_equal(counters()->body_timeout_count, 1);
    assert_int_equal(counters()->timeout_count, 1);
    assert_int_equal(call_count, 0);
}

static void each_message_has_the_whole_time(void **state)
{
    RpcServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.body_timeout_ms = 1000;
    open_server(&options);
    client = connect_client();
    say(client, "{\"method\":\"S.Do\"");
    for (int i = 1; i <= 4; i++) {
        run_for(300);
        say(client, ",\"params\":[1],\"id\":1}{\"method\":\"S.Do\"");
        RUN_UNTIL(call_count == i);
    }
    assert_false(is_over(client));
}

static void an_idle_connection_is_closed(void **state)
{
    RpcServerOptions options = patient_options();
    Client *fresh, *used;

    (void)state;
    options.bounds.idle_timeout_ms = 60;
    open_server(&options);
    fresh = connect_client();
    used = connect_client();
    say(used, CALL("1"));
    expect_text(used, ANSWER("1", "7"));
    expect_end(fresh);
    expect_end(used);
    assert_int_equal(counters()->idle_timeout_count, 2);
}

static void one_that_waits_for_answers_is_not_idle(void **state)
{
    RpcServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.idle_timeout_ms = options.bounds.body_timeout_ms = 20;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, CALL("1"));
    RUN_UNTIL(call_count == 1);
    run_for(150);
    assert_false(is_over(client));
    give_answer(0, "1");
    server_flush(server);
    expect_text(client, ANSWER("1", "1"));
    expect_end(client);
}

static void without_a_time_none_is_idle_for_too_long(void **state)
{
    RpcServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.write_timeout_ms = 40; /* so that it looks often */
    options.bounds.idle_timeout_ms = 0;
    open_server(&options);
    client = connect_client();
    run_for(200);
    say(client, CALL("1"));
    expect_text(client, ANSWER("1", "7"));
}

static void who_takes_no_byte_is_reset(void **state)
{
    RpcServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.write_timeout_ms = 100;
    options.bounds.unsent_size = 64 * 1024 * 1024;
    answer = make_big(32 * 1024 * 1024);
    open_server(&options);
    client = connect_client();
    say(client, CALL("1"));
    RUN_UNTIL(counters()->write_timeout_count == 1);
    assert_int_equal(counters()->connection_count, 0);
    free((char *)answer);
    RUN_UNTIL(is_over(client));
    assert_true(client->is_reset);
}

static void who_has_much_unsent_is_not_read(void **state)
{
    RpcServerOptions options = patient_options();
    char *big = make_big(512 * 1024);
    Client *client;

    (void)state;
    options.bounds.unsent_size = 1024;
    answer = big;
    open_server(&options);
    client = connect_client();
    for (fixture_start_waiting(); counters()->unsent_full_count == 0; fixture_wait("the bound"))
        say(client, CALL("1"));
    run_for(20);
    int stalled_count = call_count;
    say(client, CALL("2") CALL("3"));
    run_for(20);
    assert_int_equal(call_count, stalled_count);
    for (fixture_start_waiting(); call_count < stalled_count + 2; fixture_wait("the rest"))
        take_input(client);
    free(big);
}

static void no_more_calls_are_in_flight_than_may_be(void **state)
{
    RpcServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.limits.pending_count = 2;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, CALL("1") CALL("2") CALL("3"));
    RUN_UNTIL(call_count == 2);
    run_for(20);
    assert_int_equal(call_count, 2);
    give_answer(1, "22");
    server_flush(server);
    RUN_UNTIL(call_count == 3);
    expect_text(client, ANSWER("2", "22"));
}

static void a_message_that_is_too_large_ends_it(void **state)
{
    RpcServerOptions options = patient_options();
    char *big = make_big(8192);
    Client *client;

    (void)state;
    options.limits.message_size = 1000;
    open_server(&options);
    client = connect_client();
    say(client, CALL("1") "{\"method\":\"");
    say(client, big);
    free(big);
    expect_end(client);
    assert_int_equal(count_in(client, ANSWER("1", "7")), 1);
    assert_int_equal(call_count, 1);
}

static void connections_beyond_the_bound_are_closed(void **state)
{
    RpcServerOptions options = patient_options();
    Client *first, *second, *third;

    (void)state;
    options.bounds.connection_count = 1;
    open_server(&options);
    first = connect_client();
    RUN_UNTIL(counters()->connection_count == 1);
    second = connect_client();
    expect_end(second);
    assert_int_equal(second->received.size, 0);
    assert_int_equal(counters()->refused_count, 1);
    hang_up(first);
    RUN_UNTIL(counters()->connection_count == 0);
    third = connect_client();
    say(third, CALL("1"));
    expect_text(third, ANSWER("1", "7"));
    assert_int_equal(counters()->accepted_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(half_a_message_is_not_waited_for_long),
        server_test(each_message_has_the_whole_time),
        server_test(an_idle_connection_is_closed),
        server_test(one_that_waits_for_answers_is_not_idle),
        server_test(without_a_time_none_is_idle_for_too_long),
        server_test(who_takes_no_byte_is_reset),
        server_test(who_has_much_unsent_is_not_read),
        server_test(no_more_calls_are_in_flight_than_may_be),
        server_test(a_message_that_is_too_large_ends_it),
        server_test(connections_beyond_the_bound_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
