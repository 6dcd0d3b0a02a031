/* The reading side of a connection: requests, bodies, pipelines and refusals. */
#include "http1_peer.h"

static void a_request_is_answered_and_the_next_awaited(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    assert_phase(&peer, HTTP1_IDLE);
    peer_feed(&peer, GET("/a"));
    assert_phase(&peer, HTTP1_ANSWERING);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), 1);
    respond(peer.requests[0], "hi");
    assert_output(&peer, OK("2", "hi"));
    assert_phase(&peer, HTTP1_IDLE);
    peer_feed(&peer, GET("/b"));
    assert_int_equal(peer.request_count, 2);
    peer_close(&peer);
}

static void a_head_may_come_byte_by_byte(void **state)
{
    static const char bytes[] = GET("/abc") GET("/d");
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        http1_connection_feed(peer.connection, bytes + i, 1);
    assert_output(&peer, OK("4", "/abc") OK("2", "/d"));
    peer_close(&peer);
}

static void the_phase_says_what_is_awaited(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, "\r\n");
    assert_phase(&peer, HTTP1_IDLE);
    peer_feed(&peer, "POST / HT");
    assert_phase(&peer, HTTP1_READING_HEAD);
    peer_feed(&peer, "TP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    assert_phase(&peer, HTTP1_READING_BODY);
    peer_feed(&peer, "a");
    assert_phase(&peer, HTTP1_READING_BODY);
    peer_feed(&peer, "b");
    assert_phase(&peer, HTTP1_ANSWERING);
    peer_feed(&peer, "G");
    assert_phase(&peer, HTTP1_READING_HEAD);
    peer_close(&peer);
}

static void progress_grows_with_heads_bodies_and_answers(void **state)
{
    Peer peer;
    uint64_t last = 0;
    const char *const pieces[] = {POST("Content-Length: 2", ""), "a", "b"};

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, "\r\n");
    assert_int_equal(http1_connection_progress(peer.connection), last);
    for (size_t i = 0; i < 3; i++) {
        peer_feed(&peer, pieces[i]);
        assert_true(http1_connection_progress(peer.connection) > last);
        last = http1_connection_progress(peer.connection);
    }
    peer_feed(&peer, "GET");
    assert_int_equal(http1_connection_progress(peer.connection), last);
    respond(peer.requests[0], "");
    assert_true(http1_connection_progress(peer.connection) > last);
    peer_close(&peer);
}

static void a_body_gathers_behind_its_request(void **state)
{
    Peer peer;
    Buffer *body;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Transfer-Encoding: chunked", "3\r\nabc"));
    assert_int_equal(peer.request_count, 1);
    body = http1_exchange_body(peer.requests[0]);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), 0);
    assert_int_equal(body->size, 3);
    buffer_consume(body, 2);
    peer_feed(&peer, "\r\n2\r\nde\r\n0\r\n\r\n" GET("/next"));
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), 1);
    assert_int_equal(body->size, 3);
    assert_memory_equal(body->bytes, "cde", 3);
    assert_int_equal(peer.request_count, 2);
    assert_int_equal(peer.body_count, 0);
    peer_close(&peer);
}

static void on_body_comes_once_for_each_wait(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Transfer-Encoding: chunked", ""));
    http1_exchange_await_body(peer.requests[0]);
    peer_feed(&peer, "2\r\n");
    assert_int_equal(peer.body_count, 0);
    peer_feed(&peer, "a");
    assert_int_equal(peer.body_count, 1);
    peer_feed(&peer, "b\r\n");
    assert_int_equal(peer.body_count, 1);
    http1_exchange_await_body(peer.requests[0]);
    peer_feed(&peer, "0\r\n\r");
    assert_int_equal(peer.body_count, 1);
    peer_feed(&peer, "\n");
    assert_int_equal(peer.body_count, 2);
    peer_close(&peer);
}

static void answer_when_complete(Peer *peer, Http1Exchange *exchange)
{
    Buffer *body = http1_exchange_body(exchange);

    if (http1_exchange_body_status(exchange) == 0) {
        http1_exchange_await_body(exchange);
        return;
    }
    (void)peer;
    http1_exchange_respond(exchange, &(Http1Reply){200, NULL, 0, body->bytes, body->size});
    peer_release(exchange);
}

static void pipelined_requests_are_answered_inside_their_events(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_when_complete);
    peer.on_body = answer_when_complete;
    peer_feed(&peer, POST("Content-Length: 3", "abc") GET("/")
                         POST("Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n"));
    assert_output(&peer, OK("3", "abc") OK("0", "") OK("1", "x"));
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void no_more_than_the_pipelined_count_wait(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.pipelined_count = 2;
    peer_feed(&peer, GET("/1") GET("/2") GET("/3") "GET /4");
    assert_int_equal(peer.request_count, 2);
    assert_false(http1_connection_wants_input(peer.connection));
    assert_phase(&peer, HTTP1_ANSWERING);

    respond(peer.requests[1], "2");
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 2);

    respond(peer.requests[0], "1");
    assert_int_equal(peer.request_count, 2);
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 3);
    assert_true(http1_connection_wants_input(peer.connection));
    peer_feed(&peer, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(peer.request_count, 4);
    assert_output(&peer, OK("1", "1") OK("1", "2"));
    peer_close(&peer);
}

/* The body of the last request that fits must still be read, or nothing would ever move. */
static void a_body_is_read_while_the_line_is_full(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.pipelined_count = 1;
    peer_feed(&peer, POST("Content-Length: 2", "a"));
    assert_true(http1_connection_wants_input(peer.connection));
    peer_feed(&peer, "b" GET("/"));
    assert_false(http1_connection_wants_input(peer.connection));
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), 1);
    peer_close(&peer);
}

static void answer_much(Peer *peer, Http1Exchange *exchange)
{
    static const char bytes[40 * 1024];

    (void)peer;
    http1_exchange_respond(exchange, &(Http1Reply){200, NULL, 0, bytes, sizeof bytes});
    peer_release(exchange);
}

static void a_full_output_holds_requests_back(void **state)
{
    Peer peer;
    Buffer *output;

    (void)state;
    peer_open(&peer, answer_much);
    output = http1_connection_output(peer.connection);
    peer_feed(&peer, GET("/1") GET("/2") GET("/3") GET("/4"));
    assert_int_equal(peer.request_count, 2);
    assert_false(http1_connection_wants_input(peer.connection));
    assert_phase(&peer, HTTP1_ANSWERING);
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 2);
    buffer_consume(output, 20 * 1024);
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 3);
    buffer_consume(output, output->size);
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 4);
    assert_true(http1_connection_wants_input(peer.connection));
    peer_close(&peer);
}

static void nothing_is_read_behind_a_request_that_closes(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") POST("Connection: close\r\nContent-Length: 2", "a"));
    assert_phase(&peer, HTTP1_READING_BODY);
    peer_feed(&peer, "b" GET("/3"));
    assert_int_equal(peer.request_count, 2);
    assert_phase(&peer, HTTP1_ANSWERING);
    assert_false(http1_connection_wants_input(peer.connection));
    respond(peer.requests[1], "2");
    respond(peer.requests[0], "1");
    assert_output(&peer, OK("1", "1") OK_CLOSE("1", "2"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void http_1_0_closes_unless_it_asks(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
    assert_output(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n/a"
                         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/b");
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void a_trimmed_connection_goes_on(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, GET("/1") "GET /2");
    http1_connection_trim(peer.connection);
    assert_output(&peer, OK("2", "/1"));
    peer_feed(&peer, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_output(&peer, OK("2", "/2"));
    http1_connection_trim(peer.connection);
    assert_null(peer.connection->input.memory);
    assert_null(peer.connection->output.memory);
    peer_feed(&peer, GET("/3"));
    assert_output(&peer, OK("2", "/3"));
    peer_close(&peer);
}

/* --- refusals --- */

static void a_refusal_waits_for_the_answers_before_it(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") "GET / HTTP/1.1\nHost: a\r\n\r\n" GET("/4"));
    assert_output(&peer, "");
    assert_int_equal(peer.request_count, 2);
    assert_phase(&peer, HTTP1_ANSWERING);
    assert_false(http1_connection_wants_input(peer.connection));
    respond(peer.requests[1], "2");
    assert_output(&peer, "");
    assert_int_equal(http1_connection_refusal(peer.connection), 0);
    respond(peer.requests[0], "1");
    assert_refused_after(&peer, OK("1", "1") OK("1", "2"), 400);
    assert_int_equal(http1_connection_refusal(peer.connection), 400);
    peer_close(&peer);
}

static void a_body_beyond_the_limit_is_refused_at_its_head(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.body_size = 4;
    peer_feed(&peer, POST("Content-Length: 4", "abcd"));
    peer_feed(&peer, POST("Expect: 100-continue\r\nContent-Length: 5", ""));
    assert_int_equal(peer.request_count, 1);
    respond(peer.requests[0], "");
    assert_refused_after(&peer, OK("0", ""), 413);
    peer_close(&peer);
}

static void assert_broken_body(const char *bytes, int status, int code)
{
    Peer peer;

    peer_open(&peer, NULL);
    peer.limits.body_size = 4;
    peer.limits.framing_size = 8;
    peer_feed(&peer, GET("/1") POST("Transfer-Encoding: chunked", "1\r\nx\r\n"));
    peer_feed(&peer, bytes);
    assert_int_equal(peer.abandoned_count, 1);
    assert_int_equal(http1_exchange_body_status(peer.requests[1]), code);
    respond(peer.requests[0], "1");
    assert_refused_after(&peer, OK("1", "1"), status);
    peer_close(&peer);
}

static void a_broken_body_abandons_and_refuses_its_request(void **state)
{
    (void)state;
    assert_broken_body("4\r\n", 413, ERR_TOO_LARGE);
    assert_broken_body("z\r\n", 400, ERR_INVALID);
    assert_broken_body("1;xxxxxxxxxxx\r\n", 431, ERR_TOO_LARGE);
}

static void the_rest_of_an_answered_body_is_dropped(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, POST("Content-Length: 5", "ab"));
    assert_output(&peer, OK("1", "/"));
    assert_phase(&peer, HTTP1_READING_BODY);
    assert_true(http1_connection_wants_input(peer.connection));
    peer_feed(&peer, "cde" GET("/next"));
    assert_output(&peer, OK("5", "/next"));
    peer_close(&peer);
}

static void an_answered_request_with_a_broken_body_gets_no_second_answer(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, POST("Transfer-Encoding: chunked", "1\r\nx\r\nz\r\n") GET("/next"));
    assert_output(&peer, OK("1", "/"));
    assert_phase(&peer, HTTP1_FINISHED);
    assert_int_equal(peer.abandoned_count, 0);
    peer_close(&peer);
}

static void a_closing_request_that_is_answered_needs_no_rest(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_path);
    peer_feed(&peer, POST("Connection: close\r\nContent-Length: 5", "ab"));
    assert_output(&peer, OK_CLOSE("1", "/"));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_and_the_next_awaited),
        cmocka_unit_test(a_head_may_come_byte_by_byte),
        cmocka_unit_test(the_phase_says_what_is_awaited),
        cmocka_unit_test(progress_grows_with_heads_bodies_and_answers),
        cmocka_unit_test(a_body_gathers_behind_its_request),
        cmocka_unit_test(on_body_comes_once_for_each_wait),
        cmocka_unit_test(pipelined_requests_are_answered_inside_their_events),
        cmocka_unit_test(no_more_than_the_pipelined_count_wait),
        cmocka_unit_test(a_body_is_read_while_the_line_is_full),
        cmocka_unit_test(a_full_output_holds_requests_back),
        cmocka_unit_test(nothing_is_read_behind_a_request_that_closes),
        cmocka_unit_test(http_1_0_closes_unless_it_asks),
        cmocka_unit_test(a_trimmed_connection_goes_on),
        cmocka_unit_test(a_refusal_waits_for_the_answers_before_it),
        cmocka_unit_test(a_body_beyond_the_limit_is_refused_at_its_head),
        cmocka_unit_test(a_broken_body_abandons_and_refuses_its_request),
        cmocka_unit_test(the_rest_of_an_answered_body_is_dropped),
        cmocka_unit_test(an_answered_request_with_a_broken_body_gets_no_second_answer),
        cmocka_unit_test(a_closing_request_that_is_answered_needs_no_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
