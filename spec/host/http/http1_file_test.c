/* Pieces of files in answers: their place between bytes and other answers. What is "sent" here is
 * only counted. */
#include "http1_peer.h"

#include <fcntl.h>

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static OpenFile *file;

static int setup(void **state)
{
    (void)state;
    file = open_file_adopt(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return 0;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Nobody but the test has a reference left. */
static int teardown(void **state)
{
    int fd = open_file_descriptor(file);

    (void)state;
    open_file_release(file);
    assert_false(is_open(fd));
    return 0;
}

#define file_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void start(Http1Exchange *exchange, uint64_t length)
{
    assert_int_equal(http1_exchange_start(exchange, &(Http1Reply){.status = 200}, length), 0);
}

static void put(Http1Exchange *exchange, const char *text)
{
    assert_int_equal(http1_exchange_write(exchange, text, strlen(text)), 0);
}

static int put_piece(Http1Exchange *exchange, uint64_t offset, uint64_t size)
{
    return http1_exchange_write_file(exchange, &(Http1FilePiece){file, offset, size});
}

static void finish(Http1Exchange *exchange)
{
    assert_int_equal(http1_exchange_finish(exchange, NULL, 0), 0);
}

static void assert_piece(Peer *peer, uint64_t offset, uint64_t size)
{
    const Http1FilePiece *piece = http1_connection_file(peer->connection);

    assert_non_null(piece);
    assert_ptr_equal(piece->file, file);
    assert_int_equal(piece->offset, offset);
    assert_int_equal(piece->size, size);
}

static void send_piece(Peer *peer, uint64_t size)
{
    http1_connection_consume_file(peer->connection, size);
    http1_connection_continue(peer->connection);
}

/* An answer that is nothing but ten bytes of the file. */
static void answer_with_file(Peer *peer, Http1Exchange *exchange)
{
    (void)peer;
    start(exchange, 10);
    assert_int_equal(put_piece(exchange, 5, 10), 0);
    finish(exchange);
    peer_release(exchange);
}

static void a_piece_comes_behind_the_head(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_with_file);
    peer_feed(&peer, GET("/"));
    assert_output(&peer, HEAD);
    assert_piece(&peer, 5, 10);
    assert_phase(&peer, HTTP1_ANSWERING);
    send_piece(&peer, 4);
    assert_piece(&peer, 9, 6);
    send_piece(&peer, 6);
    assert_null(http1_connection_file(peer.connection));
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void later_answers_wait_for_its_end(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") GET("/3"));
    answer_with_file(&peer, peer.requests[2]);
    respond(peer.requests[1], "2");
    assert_output(&peer, "");
    answer_with_file(&peer, peer.requests[0]);
    assert_output(&peer, HEAD);
    send_piece(&peer, 9);
    assert_output(&peer, "");
    send_piece(&peer, 1);
    assert_output(&peer, OK("1", "2") HEAD);
    assert_piece(&peer, 5, 10);
    send_piece(&peer, 10);
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void pieces_and_bytes_keep_their_order(void **state)
{
    Http1Exchange *exchange;
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/"));
    exchange = peer.requests[0];
    start(exchange, HTTP1_UNKNOWN_LENGTH);
    put(exchange, "a");
    assert_int_equal(put_piece(exchange, 0, 20), 0);
    put(exchange, "b");
    assert_int_equal(put_piece(exchange, 100, 5), 0);
    assert_int_equal(put_piece(exchange, 0, 0), 0);
    assert_output(&peer, CHUNKED "1\r\na\r\n14\r\n");
    assert_true(http1_exchange_unsent_size(exchange) > 0);
    send_piece(&peer, 20);
    assert_output(&peer, "\r\n1\r\nb\r\n5\r\n");
    send_piece(&peer, 5);
    assert_output(&peer, "\r\n");
    assert_int_equal(http1_exchange_unsent_size(exchange), 0);
    put(exchange, "c");
    finish(exchange);
    assert_output(&peer, "1\r\nc\r\n0\r\n\r\n");
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void the_length_counts_pieces(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/"));
    start(peer.requests[0], 10);
    assert_int_equal(put_piece(peer.requests[0], 0, 11), ERR_TOO_LARGE);
    assert_int_equal(put_piece(peer.requests[0], 0, 9), 0);
    assert_int_equal(http1_exchange_write(peer.requests[0], "ab", 2), ERR_TOO_LARGE);
    assert_int_equal(http1_exchange_finish(peer.requests[0], NULL, 0), ERR_INVALID);
    assert_null(http1_connection_file(peer.connection));
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void answers_without_a_body_take_none(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    start(peer.requests[0], 10);
    assert_int_equal(put_piece(peer.requests[0], 0, 10), ERR_CLOSED);
    finish(peer.requests[0]);
    assert_output(&peer, HEAD);
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void a_piece_that_fails_ends_the_connection(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    answer_with_file(&peer, peer.requests[0]);
    assert_output(&peer, HEAD);
    send_piece(&peer, 3);
    http1_connection_fail_file(peer.connection);
    assert_null(http1_connection_file(peer.connection));
    assert_phase(&peer, HTTP1_FINISHED);
    assert_int_equal(peer.abandoned_count, 1);
    assert_output(&peer, "");
    peer_close(&peer);
}

static void a_piece_that_fails_tells_who_still_writes(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1"));
    start(peer.requests[0], HTTP1_UNKNOWN_LENGTH);
    assert_int_equal(put_piece(peer.requests[0], 0, 10), 0);
    http1_connection_fail_file(peer.connection);
    assert_int_equal(peer.abandoned_count, 1);
    assert_int_equal(put_piece(peer.requests[0], 0, 10), ERR_CLOSED);
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void a_cut_before_its_turn_is_a_500(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    start(peer.requests[1], 20);
    assert_int_equal(put_piece(peer.requests[1], 0, 10), 0);
    http1_exchange_cut(peer.requests[1]);
    respond(peer.requests[0], "1");
    assert_null(http1_connection_file(peer.connection));
    assert_output(&peer,
                  OK("1", "1") "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    peer_close(&peer);
}

static void a_connection_that_goes_lets_go_of_all(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") GET("/3"));
    answer_with_file(&peer, peer.requests[0]);
    answer_with_file(&peer, peer.requests[1]);
    start(peer.requests[2], 20);
    assert_int_equal(put_piece(peer.requests[2], 0, 10), 0);
    send_piece(&peer, 1);
    peer_close(&peer);
}

static void the_last_answer_closes_behind_its_piece(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, answer_with_file);
    peer_feed(&peer, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_output(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n");
    assert_phase(&peer, HTTP1_ANSWERING);
    send_piece(&peer, 10);
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void one_that_ends_with_the_connection_does_so_behind_its_piece(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                     "GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    start(peer.requests[1], HTTP1_UNKNOWN_LENGTH);
    assert_int_equal(put_piece(peer.requests[1], 0, 10), 0);
    finish(peer.requests[1]);
    respond(peer.requests[0], "1");
    assert_piece(&peer, 0, 10);
    assert_phase(&peer, HTTP1_ANSWERING);
    send_piece(&peer, 10);
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        file_test(a_piece_comes_behind_the_head),
        file_test(later_answers_wait_for_its_end),
        file_test(pieces_and_bytes_keep_their_order),
        file_test(the_length_counts_pieces),
        file_test(answers_without_a_body_take_none),
        file_test(a_piece_that_fails_ends_the_connection),
        file_test(a_piece_that_fails_tells_who_still_writes),
        file_test(a_cut_before_its_turn_is_a_500),
        file_test(a_connection_that_goes_lets_go_of_all),
        file_test(the_last_answer_closes_behind_its_piece),
        file_test(one_that_ends_with_the_connection_does_so_behind_its_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
