/* A server of HTTP: requests and answers of clients on real sockets, and their ends. */
#include "http_server_fixture.h"

static void answers_requests_of_a_connection_one_after_the_other(void **state)
{
    const ServerCounters *counters;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(has_got(client, "\r\n\r\nhi"));
    assert_true(has_got(client, "HTTP/1.1 200 OK\r\n"));
    assert_true(has_got(client, "\r\nDate: "));
    assert_true(has_got(client, " GMT\r\n"));
    say(client, hello);
    RUN_UNTIL(has_got(client, "hi") && count_in(client, "200 OK") == 2);
    counters = server_counters(server);
    assert_int_equal(counters->accepted_count, 1);
    assert_int_equal(counters->request_count, 2);
    assert_int_equal(counters->connection_count, 1);
    assert_int_equal(counters->received_size, 2 * strlen(hello));
    assert_int_equal(counters->sent_size, client->received.size);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(abandoned_count, 0);
}

static void an_answer_given_later_goes_out_with_the_flush(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    give_answer(exchanges[0], "late");
    assert_int_equal(http_server_respond(exchanges[0], &(Http1Reply){.status = 200}), ERR_ANSWERED);
    run_for(20);
    assert_false(has_got(client, "late"));
    server_flush(server);
    RUN_UNTIL(has_got(client, "late"));
}

static void knows_the_client(void **state)
{
    Address own = {.raw_size = sizeof own.raw};
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    assert_int_equal(getsockname(client->fd, (struct sockaddr *)&own.raw, &own.raw_size), 0);
    assert_int_equal(address_port(http_server_peer(exchanges[0])), address_port(&own));
}

static void pipelined_answers_are_in_order(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    for (int i = 0; i < 40; i++)
        say(client, hello);
    RUN_UNTIL(request_count == 16);
    run_for(10);
    assert_int_equal(request_count, 16);
    give_answer(exchanges[1], "second");
    server_flush(server);
    give_answer(exchanges[0], "first");
    server_flush(server);
    RUN_UNTIL(has_got(client, "second"));
    assert_int_equal(count_in(client, "200 OK"), 2);
    assert_true(memmem(client->received.bytes, client->received.size, "first", 5) <
                memmem(client->received.bytes, client->received.size, "second", 6));
    RUN_UNTIL(request_count == 18);
    answer = "rest";
    for (int i = 2; i < 18; i++)
        give_answer(exchanges[i], "rest");
    server_flush(server);
    RUN_UNTIL(request_count == 40 && has_got(client, "rest") && count_in(client, "rest") == 38);
}

static void a_body_is_awaited_and_invited(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                "Expect: 100-continue\r\n\r\n");
    RUN_UNTIL(request_count == 1);
    http_server_await_body(exchanges[0]);
    server_flush(server);
    RUN_UNTIL(has_got(client, "100 Continue\r\n\r\n"));
    say(client, "body");
    RUN_UNTIL(body_count == 1);
    assert_int_equal(http1_exchange_body_status(exchanges[0]), 1);
    assert_memory_equal(http1_exchange_body(exchanges[0])->bytes, "body", 4);
}

static void a_last_answer_is_followed_by_the_end(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, hello_and_close);
    expect_end(client);
    assert_true(has_got(client, "Connection: close\r\n"));
    assert_int_equal(open_count(), 1); /* it waits for the client */
    say(client, hello);
    run_for(20);
    assert_int_equal(request_count, 1);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
}

static void waits_for_the_client_to_close_but_not_for_ever(void **state)
{
    uint64_t start_ns;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, hello_and_close);
    expect_end(client);
    start_ns = clock_monotonic_ns();
    RUN_UNTIL(open_count() == 0);
    assert_in_range((clock_monotonic_ns() - start_ns) / 1000000, 900, 3000);
    assert_int_equal(server_counters(server)->timeout_count, 0);
}

static void a_client_that_is_gone_abandons_its_requests(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    say(client, hello);
    RUN_UNTIL(request_count == 2);
    reset(client);
    RUN_UNTIL(abandoned_count == 2);
    assert_int_equal(open_count(), 0);
    assert_int_equal(server_counters(server)->abandoned_count, 2);
}

static void a_client_that_only_ended_its_side_is_answered(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    shutdown(client->fd, SHUT_WR);
    RUN_UNTIL(request_count == 1);
    run_for(10);
    give_answer(exchanges[0], "still here");
    server_flush(server);
    expect_end(client);
    assert_true(has_got(client, "still here"));
    RUN_UNTIL(open_count() == 0);
}

static void half_a_request_and_an_end_are_nothing(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, "GET / HT");
    shutdown(client->fd, SHUT_WR);
    expect_end(client);
    assert_int_equal(client->received.size, 0);
    assert_int_equal(open_count(), 0);
}

static void flush_server(void)
{
    server_flush(server);
}

static void flushing_inside_a_callback_is_harmless(void **state)
{
    Client *client;

    (void)state;
    during_callback = flush_server;
    open_patient_server();
    client = connect_client();
    for (int i = 0; i < 40; i++)
        say(client, hello);
    RUN_UNTIL(has_got(client, "hi") && count_in(client, "hi") == 40);
}

static void a_descriptor_that_does_not_listen_is_closed(void **state)
{
    HttpServerOptions options = patient_options();
    int fds[2];

    (void)state;
    options.handler = &handler;
    assert_int_equal(http_server_open(loop, -1, &options, &server), -EBADF);
    assert_null(server);
    assert_int_equal(pipe(fds), 0);
    close(fds[1]);
    assert_int_equal(http_server_open(loop, fds[0], &options, &server), 0);
    run_for(20);
    server_close(server);
    server = NULL;
    assert_int_equal(close(fds[0]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(answers_requests_of_a_connection_one_after_the_other),
        server_test(an_answer_given_later_goes_out_with_the_flush),
        server_test(knows_the_client),
        server_test(pipelined_answers_are_in_order),
        server_test(a_body_is_awaited_and_invited),
        server_test(a_last_answer_is_followed_by_the_end),
        server_test(waits_for_the_client_to_close_but_not_for_ever),
        server_test(a_client_that_is_gone_abandons_its_requests),
        server_test(a_client_that_only_ended_its_side_is_answered),
        server_test(half_a_request_and_an_end_are_nothing),
        server_test(flushing_inside_a_callback_is_harmless),
        server_test(a_descriptor_that_does_not_listen_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
