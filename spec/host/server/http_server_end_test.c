/* A server of HTTP: draining and closing it, at any moment. */
#include "http_server_fixture.h"

static void draining_answers_busy_connections_and_accepts_nobody(void **state)
{
    Client *busy, *late;

    (void)state;
    open_patient_server();
    answer = NULL;
    busy = connect_client();
    say(busy, hello);
    RUN_UNTIL(request_count == 1);

    server_drain(server);
    server_drain(server);
    late = &clients[client_count++];
    *late = (Client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(late->fd, (const struct sockaddr *)&address.raw, address.raw_size),
                     -1);
    run_for(20);
    assert_false(is_over(busy));

    give_answer(exchanges[0], "done");
    server_flush(server);
    expect_end(busy);
    assert_true(has_got(busy, "done"));
    assert_true(has_got(busy, "Connection: close\r\n"));
    hang_up(busy);
    RUN_UNTIL(open_count() == 0);
}

static void draining_ends_what_has_been_idle_for_long(void **state)
{
    HttpServerOptions options = patient_options();
    Client *idle;

    (void)state;
    options.bounds.idle_timeout_ms = 1000; /* half of it warm, half of it idle */
    open_server(&options);
    idle = connect_client();
    say(idle, hello);
    RUN_UNTIL(has_got(idle, "hi"));
    run_for(800);
    server_drain(server);
    run_for(20);
    expect_end(idle);
    assert_int_equal(count_in(idle, "HTTP/1.1"), 1);
}

/* Its next request may be on its way already. */
static void draining_answers_one_more_request_of_a_connection_just_used(void **state)
{
    Client *warm, *fresh, *waiting;

    (void)state;
    open_patient_server();
    warm = connect_client();
    say(warm, hello);
    RUN_UNTIL(has_got(warm, "hi"));
    fresh = connect_client();
    RUN_UNTIL(open_count() == 2);
    waiting = connect_client();
    answer = NULL;
    server_drain(server);
    run_for(20);
    assert_int_equal(open_count(), 3);
    say(warm, hello);
    say(fresh, hello);
    say(waiting, hello);
    RUN_UNTIL(request_count == 4);
    for (int i = 1; i < 4; i++)
        give_answer(exchanges[i], "last");
    server_flush(server);
    for (int i = 0; i < 3; i++) {
        expect_end(&clients[i]);
        assert_int_equal(count_in(&clients[i], "Connection: close\r\n"), 1);
        assert_int_equal(count_in(&clients[i], "last"), 1);
        hang_up(&clients[i]);
    }
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(server_counters(server)->timeout_count, 0);
}

static void a_drained_server_waits_for_one_more_request_only_so_long(void **state)
{
    Client *warm, *fresh;

    (void)state;
    open_patient_server();
    warm = connect_client();
    say(warm, hello);
    RUN_UNTIL(has_got(warm, "hi"));
    fresh = connect_client();
    RUN_UNTIL(open_count() == 2);
    server_drain(server);
    run_for(20);
    assert_false(is_over(warm));
    assert_false(is_over(fresh));
    expect_end(warm);
    expect_end(fresh);
    assert_int_equal(fresh->received.size, 0);
    assert_int_equal(server_counters(server)->timeout_count, 0);
}

static void drain_server(void)
{
    server_drain(server);
}

static void draining_inside_a_callback_lets_that_request_be_the_last(void **state)
{
    Client *client;

    (void)state;
    during_callback = drain_server;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    expect_end(client);
    assert_true(has_got(client, "hi"));
    assert_int_equal(request_count, 1);
}

static void closing_abandons_what_is_unanswered(void **state)
{
    Client *client, *other;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    other = connect_client();
    say(client, hello);
    say(other, begun_upload);
    RUN_UNTIL(request_count == 2);
    server_close(server);
    server = NULL;
    assert_int_equal(abandoned_count, 2);
    expect_end(client);
    RUN_UNTIL(is_over(other));
    server_close(NULL);
}

/* Closing makes callbacks too. */
static void close_server(void)
{
    Server *closing = server;

    server = NULL;
    server_close(closing);
}

static void may_be_closed_while_a_request_is_told(void **state)
{
    Client *client, *other;

    (void)state;
    answer = NULL;
    open_patient_server();
    other = connect_client();
    say(other, hello);
    RUN_UNTIL(request_count == 1);
    during_callback = close_server;
    client = connect_client();
    say(client, hello);
    say(client, hello);
    RUN_UNTIL(request_count == 2);
    run_for(10);
    assert_int_equal(request_count, 2);
    assert_int_equal(abandoned_count, 2);
    RUN_UNTIL(is_over(client) && is_over(other));
}

static void may_be_closed_while_a_body_is_told(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, begun_upload);
    RUN_UNTIL(request_count == 1);
    http_server_await_body(exchanges[0]);
    during_callback = close_server;
    say(client, "6");
    RUN_UNTIL(body_count == 1);
    assert_int_equal(abandoned_count, 1);
    RUN_UNTIL(is_over(client));
}

static void may_be_closed_while_an_abandoned_request_is_told(void **state)
{
    Client *client, *other;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    other = connect_client();
    say(other, hello);
    say(client, hello);
    RUN_UNTIL(request_count == 2);
    during_callback = close_server;
    reset(client);
    RUN_UNTIL(abandoned_count == 2);
    RUN_UNTIL(is_over(other));
}

static void may_be_closed_when_a_timeout_abandons_a_request(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.body_timeout_ms = 20;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, begun_upload);
    RUN_UNTIL(request_count == 1);
    during_callback = close_server;
    RUN_UNTIL(abandoned_count == 1);
    RUN_UNTIL(is_over(client));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(draining_answers_busy_connections_and_accepts_nobody),
        server_test(draining_ends_what_has_been_idle_for_long),
        server_test(draining_answers_one_more_request_of_a_connection_just_used),
        server_test(a_drained_server_waits_for_one_more_request_only_so_long),
        server_test(draining_inside_a_callback_lets_that_request_be_the_last),
        server_test(closing_abandons_what_is_unanswered),
        server_test(may_be_closed_while_a_request_is_told),
        server_test(may_be_closed_while_a_body_is_told),
        server_test(may_be_closed_while_an_abandoned_request_is_told),
        server_test(may_be_closed_when_a_timeout_abandons_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
