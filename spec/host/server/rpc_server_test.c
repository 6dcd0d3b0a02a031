/* A server of RPC: calls and answers of clients on real sockets, and their ends. */
#include "rpc_server_fixture.h"

static void answers_as_they_finish(void **state)
{
    Client *client = open_and_say(NULL, CALL("1") CALL("2"));

    (void)state;
    RUN_UNTIL(call_count == 2);
    give_answer(1, "22");
    server_flush(server);
    expect_text(client, ANSWER("2", "22"));
    give_answer(0, "11");
    server_flush(server);
    expect_text(client, ANSWER("1", "11"));
    assert_int_equal(counters()->request_count, 2);
    assert_int_equal(counters()->received_size, strlen(CALL("1") CALL("2")));
    assert_int_equal(counters()->sent_size, strlen(ANSWER("1", "11") ANSWER("2", "22")));
}

static void an_answer_goes_out_with_the_flush(void **state)
{
    Client *client = open_and_say(NULL, CALL("1"));

    (void)state;
    RUN_UNTIL(call_count == 1);
    give_answer(0, "1");
    run_for(20);
    assert_false(has_got(client, "result"));
    server_flush(server);
    expect_text(client, ANSWER("1", "1"));
}

static void a_message_may_come_byte_by_byte(void **state)
{
    static const char text[] = CALL("1");
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    for (size_t i = 0; i < sizeof text - 2; i++) {
        assert_int_equal(try_send(client, text + i, 1), 1);
        RUN_UNTIL(counters()->received_size == i + 1);
        assert_int_equal(call_count, i + 1 == strlen(text) - 1);
    }
    expect_text(client, ANSWER("1", "7"));
}

static void many_messages_may_come_at_once(void **state)
{
    Client *client = open_and_say("7", CALL("1") CALL("2") CALL("3") "{\"method\":\"S");

    (void)state;
    expect_text(client, ANSWER("1", "7") ANSWER("2", "7") ANSWER("3", "7"));
    say(client, ".Do\",\"params\":[1],\"id\":4}");
    expect_text(client, ANSWER("4", "7"));
}

static void who_ends_a_pipe_of_json_still_gets_the_answer(void **state)
{
    Client *client = open_and_say(NULL, CALL("1"));

    (void)state;
    shutdown(client->fd, SHUT_WR);
    RUN_UNTIL(call_count == 1);
    run_for(50);
    assert_int_equal(abandoned_count, 0);
    give_answer(0, "1");
    server_flush(server);
    expect_end(client);
    assert_int_equal(count_in(client, ANSWER("1", "1")), 1);
    RUN_UNTIL(counters()->connection_count == 0);
}

static void who_ends_a_pipe_and_may_be_gone_is_not_waited_for_long(void **state)
{
    Client *client = open_and_say(NULL, CALL("1"));

    (void)state;
    RUN_UNTIL(call_count == 1);
    hang_up(client);
    RUN_UNTIL(abandoned_count == 1);
    assert_int_equal(counters()->connection_count, 0);
    assert_int_equal(counters()->abandoned_count, 1);
    assert_int_equal(counters()->timeout_count, 0);
    assert_int_equal(give_answer(0, "1"), ERR_CLOSED);
}

static void whoever_ends_another_protocol_is_gone(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    assert_int_equal(try_send(client, packed_call, sizeof packed_call - 1), sizeof packed_call - 1);
    RUN_UNTIL(call_count == 1);
    shutdown(client->fd, SHUT_WR);
    RUN_UNTIL(abandoned_count == 1);
    expect_end(client);
    assert_int_equal(client->received.size, 0);
}

static void a_reset_abandons_what_is_in_flight(void **state)
{
    Client *client = open_and_say(NULL, CALL("1") CALL("2"));

    (void)state;
    RUN_UNTIL(call_count == 2);
    give_answer(0, "1");
    server_flush(server);
    reset(client);
    RUN_UNTIL(abandoned_count == 1);
    assert_int_equal(counters()->connection_count, 0);
}

static void a_stranger_is_told_what_is_spoken(void **state)
{
    Client *client = open_and_say("7", "hello, is it you?");

    (void)state;
    RUN_UNTIL(has_got(client, "perigee: this port speaks Go's net/rpc"));
    expect_end(client);
    assert_int_equal(counters()->rejected_count, 1);
    hang_up(client);
    RUN_UNTIL(counters()->connection_count == 0);
}

/* Unread bytes would make a reset of the close, which takes the text away from the peer. */
static void what_a_stranger_goes_on_to_say_is_dropped(void **state)
{
    char *more = make_big(65536);
    size_t sent_size = 0;
    Client *client = open_and_say("7", "hello, is it you?");

    (void)state;
    RUN_UNTIL(has_got(client, "net/rpc"));
    for (fixture_start_waiting(); counters()->connection_count > 0; fixture_wait("the end"))
        sent_size += try_send(client, more, 65536);
    free(more);
    assert_true(sent_size > 1024 * 1024);
    assert_int_equal(call_count, 0);
}

static void a_drain_ends_what_is_idle_and_answers_what_is_not(void **state)
{
    Client *idle, *busy;

    (void)state;
    open_patient_server();
    idle = connect_client();
    say(idle, CALL("1"));
    expect_text(idle, ANSWER("1", "7"));
    answer = NULL;
    busy = connect_client();
    say(busy, CALL("2"));
    RUN_UNTIL(call_count == 2);
    server_drain(server);
    expect_end(idle);
    say(busy, CALL("3"));
    RUN_UNTIL(has_got(busy, "shutting down"));
    assert_int_equal(call_count, 2);
    assert_false(busy->has_ended);
    give_answer(1, "22");
    server_flush(server);
    expect_end(busy);
    assert_int_equal(count_in(busy, ANSWER("2", "22")), 1);
}

/* It was accepted by the kernel before anybody could tell the peer. */
static void a_drain_waits_for_the_first_call(void **state)
{
    Client *fresh;

    (void)state;
    open_patient_server();
    fresh = connect_client();
    RUN_UNTIL(counters()->connection_count == 1);
    server_drain(server);
    run_for(20);
    assert_false(is_over(fresh));
    say(fresh, CALL("1"));
    expect_end(fresh);
    assert_int_equal(count_in(fresh, ANSWER("1", "7")), 1);
}

static void a_drain_does_not_wait_for_ever(void **state)
{
    RpcServerOptions options = patient_options();
    Client *fresh, *half;

    (void)state;
    options.bounds.head_timeout_ms = options.bounds.body_timeout_ms = 60;
    open_server(&options);
    fresh = connect_client();
    half = connect_client();
    RUN_UNTIL(counters()->connection_count == 2);
    say(half, "{\"method\"");
    server_drain(server);
    expect_end(fresh);
    expect_end(half);
    assert_int_equal(counters()->timeout_count, 1); /* of the one that had begun */
}

static void a_drain_accepts_nobody(void **state)
{
    int fd;

    (void)state;
    open_patient_server();
    server_drain(server);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address.raw, address.raw_size), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
}

static void closing_abandons_what_is_in_flight(void **state)
{
    Client *client = open_and_say(NULL, CALL("1") CALL("2"));

    (void)state;
    RUN_UNTIL(call_count == 2);
    server_close(server);
    server = NULL;
    assert_int_equal(abandoned_count, 2);
    RUN_UNTIL(is_over(client));
}

static void close_server(void)
{
    Server *closing = server;

    server = NULL;
    server_close(closing);
}

static void the_server_may_be_closed_by_a_call(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    during_callback = close_server;
    open_patient_server();
    client = connect_client();
    say(client, CALL("1") CALL("2"));
    RUN_UNTIL(is_over(client));
    assert_int_equal(call_count, 1);
    assert_int_equal(abandoned_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(answers_as_they_finish),
        server_test(an_answer_goes_out_with_the_flush),
        server_test(a_message_may_come_byte_by_byte),
        server_test(many_messages_may_come_at_once),
        server_test(who_ends_a_pipe_of_json_still_gets_the_answer),
        server_test(who_ends_a_pipe_and_may_be_gone_is_not_waited_for_long),
        server_test(whoever_ends_another_protocol_is_gone),
        server_test(a_reset_abandons_what_is_in_flight),
        server_test(a_stranger_is_told_what_is_spoken),
        server_test(what_a_stranger_goes_on_to_say_is_dropped),
        server_test(a_drain_ends_what_is_idle_and_answers_what_is_not),
        server_test(a_drain_waits_for_the_first_call),
        server_test(a_drain_does_not_wait_for_ever),
        server_test(a_drain_accepts_nobody),
        server_test(closing_abandons_what_is_in_flight),
        server_test(the_server_may_be_closed_by_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
