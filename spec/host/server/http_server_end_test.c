/* A server of HTTP: draining and closing it, at any moment. */
#include "http_server_fixture.h"

static void draining_ends_idle_connections_and_answers_busy_ones(void **state)
{
    Client *idle, *busy, *fresh, *late;

    (void)state;
    open_patient_server();
    idle = connect_client();
    say(idle, hello);
    RUN_UNTIL(has_got(idle, "hi"));
    answer = NULL;
    busy = connect_client();
    say(busy, hello);
    RUN_UNTIL(request_count == 2);
    fresh = connect_client();
    RUN_UNTIL(open_count() == 3);

    server_drain(server);
    server_drain(server);
    late = &clients[client_count++];
    *late = (Client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(late->fd, (const struct sockaddr *)&address.raw, address.raw_size),
                     -1);
    expect_end(idle);
    assert_int_equal(count_in(idle, "HTTP/1.1"), 1);
    run_for(20);
    assert_false(is_over(busy));
    assert_false(is_over(fresh));

    give_answer(exchanges[1], "done");
    server_flush(server);
    expect_end(busy);
    assert_true(has_got(busy, "done"));
    assert_true(has_got(busy, "Connection: close\r\n"));

    answer = "first and last";
    say(fresh, hello);
    say(fresh, hello);
    expect_end(fresh);
    assert_true(has_got(fresh, "first and last"));
    hang_up(idle);
    hang_up(busy);
    hang_up(fresh);
    RUN_UNTIL(open_count() == 0);
}

static void a_drained_server_waits_for_a_first_request_only_so_long(void **state)
{
    HttpServerOptions options = patient_options();
    Client *fresh;

    (void)state;
    options.bounds.head_timeout_ms = 600;
    open_server(&options);
    fresh = connect_client();
    RUN_UNTIL(open_count() == 1);
    run_for(80);
    server_drain(server);
    run_for(20);
    assert_false(is_over(fresh));
    expect_end(fresh);
    assert_int_equal(fresh->received.size, 0);
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
        server_test(draining_ends_idle_connections_and_answers_busy_ones),
        server_test(a_drained_server_waits_for_a_first_request_only_so_long),
        server_test(draining_inside_a_callback_lets_that_request_be_the_last),
        server_test(closing_abandons_what_is_unanswered),
        server_test(may_be_closed_while_a_request_is_told),
        server_test(may_be_closed_while_a_body_is_told),
        server_test(may_be_closed_while_an_abandoned_request_is_told),
        server_test(may_be_closed_when_a_timeout_abandons_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
