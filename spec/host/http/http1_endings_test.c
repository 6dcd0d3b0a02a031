/* The ways a connection ends: the input does, its owner has it fail, or it is drained. */
#include "http1_peer.h"

static void the_end_of_input_drops_what_is_half(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") "GET /2 HTTP/1.1\r\n");
    http1_connection_end_input(peer.connection);
    assert_phase(&peer, HTTP1_ANSWERING);
    assert_false(http1_connection_wants_input(peer.connection));
    respond(peer.requests[0], "1");
    assert_output(&peer, OK_CLOSE("1", "1"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void the_end_of_input_abandons_half_a_body(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") POST("Content-Length: 2", "a"));
    http1_connection_end_input(peer.connection);
    assert_int_equal(peer.abandoned_count, 1);
    assert_int_equal(http1_exchange_body_status(peer.requests[1]), ERR_CLOSED);
    respond(peer.requests[0], "1");
    assert_output(&peer, OK_CLOSE("1", "1"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void the_end_of_input_does_not_lose_kept_requests(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.pipelined_count = 1;
    peer_feed(&peer, GET("/1") GET("/2") "GET /3");
    http1_connection_end_input(peer.connection);
    peer_feed(&peer, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_phase(&peer, HTTP1_ANSWERING);
    respond(peer.requests[0], "1");
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 2);
    assert_phase(&peer, HTTP1_ANSWERING);
    respond(peer.requests[1], "2");
    http1_connection_continue(peer.connection);
    assert_output(&peer, OK("1", "1") OK("1", "2"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void the_end_of_input_behind_a_full_line_is_its_end(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.pipelined_count = 1;
    peer_feed(&peer, GET("/1"));
    http1_connection_end_input(peer.connection);
    peer_feed(&peer, GET("/2"));
    respond(peer.requests[0], "1");
    assert_output(&peer, OK_CLOSE("1", "1"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void the_end_of_an_idle_input_finishes(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, GET("/1"));
    http1_connection_end_input(peer.connection);
    assert_output(&peer, OK("2", "/1"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void failing_refuses_the_head_being_read(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") "GET /2");
    http1_connection_fail(peer.connection, 408);
    assert_output(&peer, "");
    respond(peer.requests[0], "1");
    assert_refused_after(&peer, OK("1", "1"), 408);
    peer_close(&peer);
}

static void failing_abandons_the_body_being_read(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Content-Length: 2", "a"));
    http1_connection_fail(peer.connection, 408);
    assert_int_equal(peer.abandoned_count, 1);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), ERR_TIMEOUT);
    assert_refused(&peer, 408);
    peer_close(&peer);
}

static void failing_without_a_status_is_silent(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, GET("/1"));
    http1_connection_fail(peer.connection, 0);
    assert_output(&peer, OK("2", "/1"));
    assert_phase(&peer, HTTP1_FINISHED);
    http1_connection_fail(peer.connection, 408);
    assert_output(&peer, "");
    peer_close(&peer);

    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Content-Length: 2", "a"));
    http1_connection_fail(peer.connection, 0);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), ERR_CLOSED);
    assert_output(&peer, "");
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void failing_while_an_answered_body_is_dropped_is_silent(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, POST("Content-Length: 2", "a"));
    http1_connection_fail(peer.connection, 408);
    assert_output(&peer, OK("1", "/"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void failing_before_anything_came_refuses(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    http1_connection_fail(peer.connection, 503);
    assert_refused(&peer, 503);
    peer_close(&peer);
}

static void draining_finishes_an_idle_connection(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, GET("/1"));
    http1_connection_drain(peer.connection);
    assert_output(&peer, OK("2", "/1"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void draining_lets_the_last_answer_close(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.pipelined_count = 2;
    peer_feed(&peer, GET("/1") GET("/2") GET("/3"));
    respond(peer.requests[1], "2");
    http1_connection_drain(peer.connection);
    assert_phase(&peer, HTTP1_ANSWERING);
    respond(peer.requests[0], "1");
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 2);
    assert_output(&peer, OK("1", "1") OK_CLOSE("1", "2"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void draining_lets_a_begun_request_through(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Le");
    http1_connection_drain(peer.connection);
    respond(peer.requests[0], "1");
    assert_output(&peer, OK("1", "1"));
    assert_true(http1_connection_wants_input(peer.connection));
    peer_feed(&peer, "ngth: 2\r\n\r\nab" GET("/3"));
    assert_int_equal(peer.request_count, 2);
    respond(peer.requests[1], "2");
    assert_output(&peer, OK_CLOSE("1", "2"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void draining_waits_for_no_dropped_body(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, POST("Content-Length: 2", "a"));
    http1_connection_drain(peer.connection);
    assert_output(&peer, OK("1", "/"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void drain_inside(Peer *peer, Http1Exchange *exchange)
{
    http1_connection_drain(peer->connection);
    answer_path(peer, exchange);
}

static void fail_inside(Peer *peer, Http1Exchange *exchange)
{
    http1_connection_fail(peer->connection, 503);
    answer_path(peer, exchange);
}

static void a_connection_may_be_ended_inside_an_event(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, drain_inside);
    peer_feed(&peer, "GET ");
    peer_feed(&peer, "/1 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/2"));
    assert_output(&peer, OK_CLOSE("2", "/1"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);

    peer_open(&peer, fail_inside);
    peer_feed(&peer, "GET ");
    peer_feed(&peer, "/1 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/2"));
    assert_refused_after(&peer, OK("2", "/1"), 503);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_input_drops_what_is_half),
        cmocka_unit_test(the_end_of_input_abandons_half_a_body),
        cmocka_unit_test(the_end_of_input_does_not_lose_kept_requests),
        cmocka_unit_test(the_end_of_input_behind_a_full_line_is_its_end),
        cmocka_unit_test(the_end_of_an_idle_input_finishes),
        cmocka_unit_test(failing_refuses_the_head_being_read),
        cmocka_unit_test(failing_abandons_the_body_being_read),
        cmocka_unit_test(failing_without_a_status_is_silent),
        cmocka_unit_test(failing_while_an_answered_body_is_dropped_is_silent),
        cmocka_unit_test(failing_before_anything_came_refuses),
        cmocka_unit_test(draining_finishes_an_idle_connection),
        cmocka_unit_test(draining_lets_the_last_answer_close),
        cmocka_unit_test(draining_lets_a_begun_request_through),
        cmocka_unit_test(draining_waits_for_no_dropped_body),
        cmocka_unit_test(a_connection_may_be_ended_inside_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
