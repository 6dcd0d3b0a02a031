/* A server of HTTP: clients that are slow, greedy or too many. */
#include "http_server_fixture.h"

static void a_slow_head_is_answered_408(void **state)
{
    HttpServerOptions options = patient_options();
    uint64_t start_ns;
    Client *client;

    (void)state;
    options.bounds.head_timeout_ms = 60;
    open_server(&options);
    client = connect_client();
    run_for(100);
    assert_false(is_over(client));
    say(client, "GET / HTTP/1.1\r\n");
    start_ns = clock_monotonic_ns();
    fixture_start_waiting();
    while (!has_got(client, "HTTP/1.1 408 ")) {
        try_send(client, "A", 1); /* does not buy time */
        fixture_wait("the 408");
    }
    assert_true(clock_monotonic_ns() - start_ns >= 59000000);
    expect_end(client);
    assert_true(has_got(client, "Connection: close\r\n"));
    assert_int_equal(request_count, 0);
    assert_int_equal(server_counters(server)->timeout_count, 1);
    assert_int_equal(server_counters(server)->rejected_count, 0);
}

static void a_stalled_body_is_answered_408(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.body_timeout_ms = 1000; /* a busy machine keeps us waiting for less */
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 8; i++) {
        run_for(150);
        say(client, "x"); /* buys time */
    }
    assert_int_equal(abandoned_count, 0);
    RUN_UNTIL(has_got(client, "HTTP/1.1 408 "));
    expect_end(client);
    assert_int_equal(abandoned_count, 1);
    assert_int_equal(http1_exchange_body_status(exchanges[0]), ERR_TIMEOUT);
    assert_int_equal(server_counters(server)->timeout_count, 1);
}

/* The client waits for us, not the other way round. */
static void a_body_not_invited_yet_is_not_stalled(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.body_timeout_ms = 20;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                "Expect: 100-continue\r\n\r\n");
    RUN_UNTIL(request_count == 1);
    run_for(100);
    assert_false(is_over(client));
    http_server_await_body(exchanges[0]);
    server_flush(server);
    RUN_UNTIL(has_got(client, "100 Continue"));
    RUN_UNTIL(has_got(client, "HTTP/1.1 408 "));
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    HttpServerOptions options = patient_options();
    uint64_t start_ns;
    Client *fresh, *used;

    (void)state;
    options.bounds.idle_timeout_ms = 1000; /* as above */
    open_server(&options);
    fresh = connect_client();
    used = connect_client();
    say(used, hello);
    RUN_UNTIL(has_got(used, "hi"));
    run_for(500);
    start_ns = clock_monotonic_ns();
    say(used, hello);
    RUN_UNTIL(has_got(used, "hi") && count_in(used, "hi") == 2);
    expect_end(fresh);
    assert_false(used->has_ended);
    assert_int_equal(fresh->received.size, 0);
    expect_end(used);
    assert_true(clock_monotonic_ns() - start_ns >= 999000000);
    assert_int_equal(count_in(used, "HTTP/1.1"), 2);
    assert_int_equal(server_counters(server)->timeout_count, 2);
    assert_int_equal(open_count(), 0);
}

static void what_its_owner_does_does_not_keep_an_idle_connection(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.idle_timeout_ms = 100;
    open_server(&options);
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    fixture_start_waiting();
    while (!is_over(client)) {
        assert_int_equal(http_server_respond(exchanges[0], &(Http1Reply){.status = 200}),
                         ERR_ANSWERED);
        server_flush(server);
        fixture_wait("the end");
    }
}

/* Not even a slow service is a reason to end the connection. */
static void an_answer_may_take_its_time(void **state)
{
    HttpServerOptions options = http_server_default_options;
    Client *client;

    (void)state;
    options.bounds.head_timeout_ms = options.bounds.body_timeout_ms = 20;
    options.bounds.idle_timeout_ms = options.bounds.write_timeout_ms = 20;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    run_for(100);
    give_answer(exchanges[0], "at last");
    server_flush(server);
    RUN_UNTIL(has_got(client, "at last"));
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
    HttpServerOptions options = patient_options();
    char *big = make_big(16 * 1024 * 1024);
    Client *client;

    (void)state;
    options.bounds.write_timeout_ms = 100;
    answer = big;
    open_server(&options);
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    RUN_UNTIL(open_count() == 0);
    RUN_UNTIL(is_over(client));
    assert_true(client->is_reset);
    assert_int_equal(server_counters(server)->timeout_count, 1);
    free(big);
}

/* It never waits long for something, but the whole takes several times the limit. */
static void a_client_that_takes_little_is_served(void **state)
{
    HttpServerOptions options = patient_options();
    char *big = make_big(16 * 1024 * 1024);
    Client *client;

    (void)state;
    options.bounds.write_timeout_ms = 300;
    answer = big;
    open_server(&options);
    client = connect_client();
    say(client, hello);
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 4; k++)
            take_some(client);
        run_for(15);
    }
    assert_int_equal(open_count(), 1);
    RUN_UNTIL((take_input(client), client->received.size > (size_t)16 * 1024 * 1024));
    assert_int_equal(server_counters(server)->timeout_count, 0);
    free(big);
}

/* The requests fit into one read, their answers not into any memory we would give. */
static void answers_nobody_takes_hold_back_further_requests(void **state)
{
    char *big = make_big(BIG_SIZE);
    Buffer requests = {0};
    Client *client;

    (void)state;
    answer = big;
    open_patient_server();
    client = connect_client();
    for (int i = 0; i < 100; i++)
        buffer_append_text(&requests, hello);
    assert_int_equal(try_send(client, requests.bytes, requests.size), requests.size);
    buffer_deinit(&requests);
    run_for(50);
    assert_in_range(request_count, 1, 40); /* what the kernel's own buffers take, and a few */
    RUN_UNTIL((take_input(client), request_count == 100));
    RUN_UNTIL((take_input(client), client->received.size > (size_t)100 * BIG_SIZE));
    RUN_UNTIL((take_input(client), count_in(client, "200 OK") == 100));
    free(big);
}

static void nothing_is_read_while_answers_wait(void **state)
{
    char *big = make_big(16 * 1024 * 1024);
    uint64_t received_size;
    Client *client;

    (void)state;
    answer = big;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    received_size = server_counters(server)->received_size;
    say(client, hello);
    run_for(20);
    assert_int_equal(server_counters(server)->received_size, received_size);
    RUN_UNTIL((take_input(client), request_count == 2));
    free(big);
}

/* Without the staged end, the reset would overtake the answer. */
static void a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    char *big = make_big(BIG_SIZE);
    size_t sent = 0;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    fixture_start_waiting();
    while (sent < BIG_SIZE) {
        sent += try_send(client, big + sent, BIG_SIZE - sent);
        fixture_wait("the upload");
    }
    RUN_UNTIL(has_got(client, "HTTP/1.1 413 "));
    expect_end(client);
    assert_int_equal(server_counters(server)->rejected_count, 1);
    assert_int_equal(request_count, 0);
    free(big);
}

static void endless_input_after_the_last_answer_is_cut_off(void **state)
{
    char *big = make_big(BIG_SIZE);
    uint64_t start_ns;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, "nonsense\r\n\r\n");
    RUN_UNTIL(has_got(client, "HTTP/1.1 400 "));
    start_ns = clock_monotonic_ns();
    fixture_start_waiting();
    while (open_count() > 0) {
        try_send(client, big, BIG_SIZE);
        fixture_wait("the cut");
    }
    assert_true(clock_monotonic_ns() - start_ns < 800000000); /* before it lingered its time */
    free(big);
}

static void connections_beyond_the_bound_are_told_503(void **state)
{
    HttpServerOptions options = patient_options();
    Client *first, *second, *third, *fourth;

    (void)state;
    options.bounds.connection_count = 1;
    open_server(&options);
    first = connect_client();
    RUN_UNTIL(open_count() == 1);
    second = connect_client();
    say(second, hello);
    expect_end(second);
    assert_true(has_got(second, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_true(has_got(second, "Retry-After: 1\r\n"));
    assert_true(has_got(second, "Connection: close\r\n"));
    assert_int_equal(request_count, 0);
    assert_int_equal(server_counters(server)->refused_count, 1);
    assert_int_equal(server_counters(server)->accepted_count, 1);

    hang_up(first);
    RUN_UNTIL(open_count() == 1); /* the refused one, which counts for no other */
    third = connect_client();
    say(third, hello);
    RUN_UNTIL(has_got(third, "200 OK"));
    hang_up(second);
    RUN_UNTIL(open_count() == 1);
    fourth = connect_client();
    RUN_UNTIL(has_got(fourth, "503"));
}

static void too_many_refusals_at_once_are_only_closed(void **state)
{
    HttpServerOptions options = patient_options();

    (void)state;
    options.bounds.connection_count = 0;
    open_server(&options);
    for (int i = 0; i < 70; i++)
        connect_client();
    RUN_UNTIL(server_counters(server)->refused_count == 70);
    assert_int_equal(open_count(), 64);
    for (int i = 0; i < 70; i++)
        expect_end(&clients[i]);
    assert_true(has_got(&clients[63], "503"));
    assert_int_equal(clients[64].received.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(a_slow_head_is_answered_408),
        server_test(a_stalled_body_is_answered_408),
        server_test(a_body_not_invited_yet_is_not_stalled),
        server_test(an_idle_connection_is_closed_without_a_word),
        server_test(what_its_owner_does_does_not_keep_an_idle_connection),
        server_test(an_answer_may_take_its_time),
        server_test(a_client_that_takes_nothing_is_reset),
        server_test(a_client_that_takes_little_is_served),
        server_test(answers_nobody_takes_hold_back_further_requests),
        server_test(nothing_is_read_while_answers_wait),
        server_test(a_refusal_reaches_a_client_that_is_still_sending),
        server_test(endless_input_after_the_last_answer_is_cut_off),
        server_test(connections_beyond_the_bound_are_told_503),
        server_test(too_many_refusals_at_once_are_only_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
