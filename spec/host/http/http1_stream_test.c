/* Answers in pieces: their framing, order and ends; and bodies that are taken in pieces. */
#include "http1_peer.h"

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_CLOSE "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
#define OLD "GET / HTTP/1.0\r\n\r\n"

static void start(Http1Exchange *exchange, uint64_t length)
{
    assert_int_equal(http1_exchange_start(exchange, &(Http1Reply){.status = 200}, length), 0);
}

static void start_unknown(Http1Exchange *exchange)
{
    start(exchange, HTTP1_UNKNOWN_LENGTH);
}

static void put(Http1Exchange *exchange, const char *text)
{
    assert_int_equal(http1_exchange_write(exchange, text, strlen(text)), 0);
}

static void finish(Http1Exchange *exchange)
{
    assert_int_equal(http1_exchange_finish(exchange, NULL, 0), 0);
}

static void assert_finished(Peer *peer, bool is_cut)
{
    assert_phase(peer, HTTP1_FINISHED);
    assert_int_equal(http1_connection_is_cut(peer->connection), is_cut);
}

/* --- framing --- */

static void pieces_are_chunks(void **state)
{
    static const char fields[] = "X-A: b\r\n", trailers[] = "X-Sum: 7\r\n";
    Http1Reply head = {201, fields, sizeof fields - 1, NULL, 0};
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/"));
    assert_int_equal(http1_exchange_start(peer.requests[0], &head, HTTP1_UNKNOWN_LENGTH), 0);
    assert_output(&peer, "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n");
    put(peer.requests[0], "hello");
    put(peer.requests[0], "");
    put(peer.requests[0], "0123456789abcdef");
    assert_output(&peer, "5\r\nhello\r\n10\r\n0123456789abcdef\r\n");
    assert_phase(&peer, HTTP1_ANSWERING);
    assert_int_equal(http1_exchange_finish(peer.requests[0], trailers, sizeof trailers - 1), 0);
    assert_output(&peer, "0\r\nX-Sum: 7\r\n\r\n");
    assert_phase(&peer, HTTP1_IDLE);
    peer_feed(&peer, GET("/2"));
    respond(peer.requests[1], "2");
    assert_output(&peer, OK("1", "2"));
    peer_close(&peer);
}

static void a_length_frames_the_pieces(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/"));
    start(peer.requests[0], 4);
    put(peer.requests[0], "ab");
    assert_int_equal(http1_exchange_write(peer.requests[0], "cde", 3), ERR_TOO_LARGE);
    put(peer.requests[0], "cd");
    assert_int_equal(http1_exchange_write(peer.requests[0], "e", 1), ERR_TOO_LARGE);
    assert_int_equal(http1_exchange_finish(peer.requests[0], "A: b\r\n", 6), 0);
    assert_output(&peer, OK("4", "abcd"));
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void an_answer_shorter_than_its_length_is_cut(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/"));
    start(peer.requests[0], 4);
    put(peer.requests[0], "abc");
    assert_int_equal(http1_exchange_finish(peer.requests[0], NULL, 0), ERR_INVALID);
    assert_output(&peer, OK("4", "abc"));
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void old_clients_get_the_body_to_the_end_of_the_connection(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, OLD);
    start_unknown(peer.requests[0]);
    put(peer.requests[0], "abc");
    finish(peer.requests[0]);
    assert_output(&peer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void requests_behind_such_a_body_are_abandoned(void **state)
{
    static const char kept[] = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

    (void)state;
    for (int first = 0; first < 2; first++) {
        Peer peer;
        peer_open(&peer, NULL);
        if (first)
            peer_feed(&peer, GET("/0"));
        peer_feed(&peer, kept);
        peer_feed(&peer, GET("/1") POST("Content-Length: 2", "a"));
        respond(peer.requests[first + 1], "1");
        start_unknown(peer.requests[first]);
        put(peer.requests[first], "abc");
        if (first) {
            assert_int_equal(peer.abandoned_count, 0);
            respond(peer.requests[0], "0");
        }
        assert_int_equal(peer.abandoned_count, 1);
        finish(peer.requests[first]);
        assert_output(&peer, first ? OK("1", "0") "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"
                                   : "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
        assert_finished(&peer, false);
        peer_close(&peer);
    }
}

static void what_has_no_body_takes_none(void **state)
{
    static const char heads[] = "HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                                "HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n"
                                "HEAD /3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, heads);
    peer_feed(&peer, GET("/4") GET("/5"));
    start_unknown(peer.requests[0]);
    start(peer.requests[1], 5);
    start_unknown(peer.requests[2]);
    http1_exchange_start(peer.requests[3], &(Http1Reply){.status = 204}, HTTP1_UNKNOWN_LENGTH);
    http1_exchange_start(peer.requests[4], &(Http1Reply){.status = 304}, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(http1_exchange_write(peer.requests[i], "a", 1), ERR_CLOSED);
        if (i == 1)
            http1_exchange_cut(peer.requests[i]);
        else
            finish(peer.requests[i]);
    }
    assert_output(&peer, CHUNKED OK("5", "") "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"
                                             "HTTP/1.1 204 No Content\r\n\r\n"
                                             "HTTP/1.1 304 Not Modified\r\n\r\n");
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

/* --- order --- */

static void pieces_wait_for_their_turn(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") GET("/3"));
    start_unknown(peer.requests[1]);
    put(peer.requests[1], "early");
    start(peer.requests[2], 3);
    put(peer.requests[2], "all");
    finish(peer.requests[2]);
    assert_output(&peer, "");
    assert_false(http1_exchange_has_turn(peer.requests[1]));
    assert_true(http1_exchange_unsent_size(peer.requests[1]) >= 5);
    assert_int_equal(http1_exchange_unsent_size(peer.requests[0]), 0);
    respond(peer.requests[0], "1");
    assert_true(http1_exchange_has_turn(peer.requests[1]));
    assert_output(&peer, OK("1", "1") CHUNKED "5\r\nearly\r\n");
    put(peer.requests[1], "late");
    finish(peer.requests[1]);
    assert_output(&peer, "4\r\nlate\r\n0\r\n\r\n" OK("3", "all"));
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void room_is_offered_to_the_answer_being_sent(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    start_unknown(peer.requests[0]);
    start_unknown(peer.requests[1]);
    http1_connection_offer_room(peer.connection);
    assert_int_equal(peer.room_count, 0);
    http1_exchange_await_room(peer.requests[1]);
    http1_connection_offer_room(peer.connection);
    assert_int_equal(peer.room_count, 0);
    http1_exchange_await_room(peer.requests[0]);
    http1_connection_offer_room(peer.connection);
    http1_connection_offer_room(peer.connection);
    assert_int_equal(peer.room_count, 1);
    finish(peer.requests[0]);
    http1_connection_offer_room(peer.connection);
    assert_int_equal(peer.room_count, 2);
    peer_close(&peer);
}

static void the_last_answer_says_close_in_its_head(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    start_unknown(peer.requests[0]);
    finish(peer.requests[0]);
    assert_output(&peer, CHUNKED_CLOSE "0\r\n\r\n");
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void a_drain_lets_a_begun_answer_end(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/"));
    start_unknown(peer.requests[0]);
    http1_connection_drain(peer.connection);
    put(peer.requests[0], "a");
    assert_phase(&peer, HTTP1_ANSWERING);
    finish(peer.requests[0]);
    assert_output(&peer, CHUNKED "1\r\na\r\n0\r\n\r\n");
    assert_finished(&peer, false);
    peer_close(&peer);
}

/* --- ends --- */

static void a_cut_answer_has_no_end(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") POST("Content-Length: 3", "a"));
    respond(peer.requests[1], "2");
    start_unknown(peer.requests[0]);
    put(peer.requests[0], "a");
    http1_exchange_cut(peer.requests[0]);
    assert_int_equal(peer.abandoned_count, 1);
    assert_int_equal(http1_exchange_write(peer.requests[0], "b", 1), ERR_CLOSED);
    assert_int_equal(http1_exchange_finish(peer.requests[0], NULL, 0), ERR_CLOSED);
    peer_feed(&peer, "bc" GET("/4"));
    assert_output(&peer, CHUNKED "1\r\na\r\n");
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void only_a_reset_tells_that_an_old_answer_was_cut(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, OLD);
    start_unknown(peer.requests[0]);
    put(peer.requests[0], "a");
    peer_release(peer.requests[0]);
    assert_output(&peer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na");
    assert_finished(&peer, true);
    peer_close(&peer);
}

static void an_answer_cut_before_its_turn_is_a_500(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") GET("/3"));
    start_unknown(peer.requests[1]);
    put(peer.requests[1], "a");
    http1_exchange_cut(peer.requests[1]);
    respond(peer.requests[0], "1");
    respond(peer.requests[2], "3");
    assert_output(&peer, OK("1", "1") "HTTP/1.1 500 Internal Server Error\r\n"
                                      "Content-Length: 0\r\n\r\n" OK("1", "3"));
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void an_answer_is_begun_once(void **state)
{
    Http1Reply head = {.status = 200};
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    start_unknown(peer.requests[0]);
    assert_true(http1_exchange_is_answered(peer.requests[0]));
    assert_int_equal(http1_exchange_start(peer.requests[0], &head, 0), ERR_ANSWERED);
    assert_int_equal(http1_exchange_respond(peer.requests[0], &head), ERR_ANSWERED);
    assert_int_equal(http1_exchange_write(peer.requests[1], "a", 1), ERR_CLOSED);
    assert_int_equal(http1_exchange_finish(peer.requests[1], NULL, 0), ERR_CLOSED);
    http1_exchange_cut(peer.requests[1]);
    assert_false(http1_exchange_is_answered(peer.requests[1]));
    peer_close(&peer);
}

static void a_begun_answer_is_abandoned_with_its_connection(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1"));
    start_unknown(peer.requests[0]);
    http1_connection_destroy(peer.connection);
    assert_int_equal(peer.abandoned_count, 1);
    assert_int_equal(http1_exchange_write(peer.requests[0], "a", 1), ERR_CLOSED);
    assert_int_equal(http1_exchange_finish(peer.requests[0], NULL, 0), ERR_CLOSED);
    assert_int_equal(http1_exchange_unsent_size(peer.requests[0]), 0);
    http1_exchange_await_room(peer.requests[0]);
    peer_release(peer.requests[0]);
}

/* --- bodies --- */

static Http1Limits small_window(void)
{
    Http1Limits limits = http1_default_limits;

    limits.unread_size = 4;
    return limits;
}

static void open_small(Peer *peer)
{
    *peer = (Peer){.limits = small_window()};
    peer_connect(peer);
}

static void consume(Peer *peer, Http1Exchange *exchange, size_t size)
{
    buffer_consume(http1_exchange_body(exchange), size);
    http1_connection_continue(peer->connection);
}

static void a_body_nobody_takes_is_not_read(void **state)
{
    Peer peer;
    Http1Exchange *exchange;

    (void)state;
    open_small(&peer);
    peer_feed(&peer, POST("Content-Length: 12", "abcd"));
    exchange = peer.requests[0];
    assert_false(http1_connection_wants_input(peer.connection));
    assert_phase(&peer, HTTP1_ANSWERING);
    peer_feed(&peer, "efgh");
    assert_int_equal(http1_exchange_body(exchange)->size, 4);
    consume(&peer, exchange, 1);
    assert_int_equal(http1_exchange_body(exchange)->size, 4);
    assert_memory_equal(http1_exchange_body(exchange)->bytes, "bcde", 4);
    assert_false(http1_connection_wants_input(peer.connection));
    consume(&peer, exchange, 4);
    assert_memory_equal(http1_exchange_body(exchange)->bytes, "fgh", 3);
    assert_true(http1_connection_wants_input(peer.connection));
    assert_phase(&peer, HTTP1_READING_BODY);
    consume(&peer, exchange, 3);
    peer_feed(&peer, "ijkl" GET("/2"));
    assert_int_equal(http1_exchange_body_status(exchange), 1);
    assert_int_equal(peer.request_count, 2);
    peer_close(&peer);
}

static void the_whole_is_read_when_it_is_awaited(void **state)
{
    Peer peer;

    (void)state;
    open_small(&peer);
    peer_feed(&peer, POST("Content-Length: 12", "abcd"));
    http1_exchange_await_whole_body(peer.requests[0]);
    peer_feed(&peer, "efgh");
    assert_true(http1_connection_wants_input(peer.connection));
    assert_int_equal(peer.body_count, 0);
    peer_feed(&peer, "ijkl");
    assert_int_equal(peer.body_count, 1);
    assert_memory_equal(http1_exchange_body(peer.requests[0])->bytes, "abcdefghijkl", 12);
    peer_close(&peer);
}

static void an_answer_lets_an_untaken_body_go(void **state)
{
    Peer peer;

    (void)state;
    open_small(&peer);
    peer_feed(&peer, POST("Content-Length: 12", "abcdefgh"));
    respond(peer.requests[0], "");
    http1_connection_continue(peer.connection);
    peer_feed(&peer, "ijkl" GET("/2"));
    assert_int_equal(peer.request_count, 2);
    assert_output(&peer, OK("0", ""));
    peer_close(&peer);
}

/* Reading on for the sake of the next request would cost more than a new connection. */
static void the_rest_of_a_large_body_is_not_read(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Content-Length: 1000000", "a"));
    respond(peer.requests[0], "");
    assert_output(&peer, OK_CLOSE("0", ""));
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void a_body_may_be_read_while_its_answer_is_written(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Content-Length: 4", ""));
    start_unknown(peer.requests[0]);
    http1_exchange_await_body(peer.requests[0]);
    peer_feed(&peer, "ab");
    assert_int_equal(peer.body_count, 1);
    put(peer.requests[0], "ab");
    peer_feed(&peer, "cd" GET("/2"));
    finish(peer.requests[0]);
    respond(peer.requests[1], "2");
    assert_output(&peer, CHUNKED "2\r\nab\r\n0\r\n\r\n" OK("1", "2"));
    peer_close(&peer);
}

/* No refusal can follow a head that is out, so it is the holder's to decide what becomes of it. */
static void a_body_that_fails_leaves_a_begun_answer_to_its_holder(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Transfer-Encoding: chunked", ""));
    start_unknown(peer.requests[0]);
    http1_exchange_await_body(peer.requests[0]);
    peer_feed(&peer, "nonsense");
    assert_int_equal(peer.body_count, 1);
    assert_int_equal(peer.abandoned_count, 0);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), ERR_INVALID);
    finish(peer.requests[0]);
    assert_output(&peer, CHUNKED "0\r\n\r\n");
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void a_begun_answer_gives_up_a_body_that_waits_for_a_continue(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    start_unknown(peer.requests[0]);
    http1_exchange_await_body(peer.requests[0]);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), ERR_CLOSED);
    finish(peer.requests[0]);
    assert_output(&peer, CHUNKED_CLOSE "0\r\n\r\n");
    assert_finished(&peer, false);
    peer_close(&peer);
}

static void trailers_are_there_after_the_body(void **state)
{
    static const char bytes[] =
        POST("Transfer-Encoding: chunked", "1\r\na\r\n0\r\nX-A: 1\r\nX-B:\t2 \r\n\r\n");

    (void)state;
    for (size_t split = 1; split < sizeof bytes; split++) {
        Peer peer;
        const Buffer *trailers;
        peer_open(&peer, NULL);
        http1_connection_feed(peer.connection, bytes, split);
        peer_feed(&peer, bytes + split);
        trailers = http1_exchange_trailers(peer.requests[0]);
        assert_int_equal(trailers->size, 17);
        assert_memory_equal(trailers->bytes, "X-A: 1\r\nX-B:\t2 \r\n", 17);
        peer_close(&peer);
    }
}

static uint64_t limit_of_path(void *owner, const Http1Head *head)
{
    (void)owner;
    return head->path.size == 2 ? 0 : 5;
}

static void the_owner_may_set_the_limit_of_a_body(void **state)
{
    static const Http1Handler handler = {
        .body_limit = limit_of_path,
        .on_request = peer_take_request,
        .on_abandoned = peer_take_abandoned,
    };
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        Peer peer = {
            .limits = {100, 1000, 10, 3, 100, 100, 4}
        };
        peer.connection = http1_connection_create(&peer.limits, &handler, &peer);
        peer_feed(&peer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde");
        respond(peer.requests[0], "");
        peer_feed(&peer, heads[i]);
        assert_refused_after(&peer, OK("0", ""), 413);
        peer_close(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_chunks),
        cmocka_unit_test(a_length_frames_the_pieces),
        cmocka_unit_test(an_answer_shorter_than_its_length_is_cut),
        cmocka_unit_test(old_clients_get_the_body_to_the_end_of_the_connection),
        cmocka_unit_test(requests_behind_such_a_body_are_abandoned),
        cmocka_unit_test(what_has_no_body_takes_none),
        cmocka_unit_test(pieces_wait_for_their_turn),
        cmocka_unit_test(room_is_offered_to_the_answer_being_sent),
        cmocka_unit_test(the_last_answer_says_close_in_its_head),
        cmocka_unit_test(a_drain_lets_a_begun_answer_end),
        cmocka_unit_test(a_cut_answer_has_no_end),
        cmocka_unit_test(only_a_reset_tells_that_an_old_answer_was_cut),
        cmocka_unit_test(an_answer_cut_before_its_turn_is_a_500),
        cmocka_unit_test(an_answer_is_begun_once),
        cmocka_unit_test(a_begun_answer_is_abandoned_with_its_connection),
        cmocka_unit_test(a_body_nobody_takes_is_not_read),
        cmocka_unit_test(the_whole_is_read_when_it_is_awaited),
        cmocka_unit_test(an_answer_lets_an_untaken_body_go),
        cmocka_unit_test(the_rest_of_a_large_body_is_not_read),
        cmocka_unit_test(a_body_may_be_read_while_its_answer_is_written),
        cmocka_unit_test(a_body_that_fails_leaves_a_begun_answer_to_its_holder),
        cmocka_unit_test(a_begun_answer_gives_up_a_body_that_waits_for_a_continue),
        cmocka_unit_test(trailers_are_there_after_the_body),
        cmocka_unit_test(the_owner_may_set_the_limit_of_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
