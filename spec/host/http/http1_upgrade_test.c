/* Upgrades: no byte behind the request is taken for what it is not, and none is lost. */
#include "http1_peer.h"

#include "http/http1_upgrade.h"

#define ASK                                                                                        \
    "GET /up HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: other\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"

static const char fields[] = "Upgrade: other\r\n";

static int upgrade(Http1Exchange *exchange)
{
    return http1_exchange_upgrade(exchange, fields, sizeof fields - 1);
}

static void assert_body(Http1Exchange *exchange, const char *text)
{
    Buffer *body = http1_exchange_body(exchange);

    assert_int_equal(body->size, strlen(text));
    if (body->size > 0)
        assert_memory_equal(body->bytes, text, body->size);
    buffer_consume(body, body->size);
}

static void bytes_behind_the_request_are_the_protocols(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, ASK "GET / is");
    assert_int_equal(peer.request_count, 1);
    assert_false(http1_connection_wants_input(peer.connection));
    peer_feed(&peer, " no request");
    assert_int_equal(upgrade(peer.requests[0]), 0);
    http1_connection_continue(peer.connection);
    assert_output(&peer, SWITCHED);
    assert_phase(&peer, HTTP1_UPGRADED);
    assert_body(peer.requests[0], "GET / is no request");
    assert_int_equal(http1_exchange_write(peer.requests[0], "hello", 5), 0);
    assert_output(&peer, "hello");
    assert_int_equal(http1_exchange_finish(peer.requests[0], NULL, 0), 0);
    assert_phase(&peer, HTTP1_FINISHED);
    peer_close(&peer);
}

static void one_that_is_not_wanted_changes_nothing(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, ASK GET("/next"));
    assert_int_equal(peer.request_count, 1);
    respond(peer.requests[0], "a");
    http1_connection_continue(peer.connection);
    assert_int_equal(peer.request_count, 2);
    respond(peer.requests[1], "b");
    assert_output(&peer, OK("1", "a") OK("1", "b"));
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

static void answers_due_go_first(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/first") ASK "bytes");
    assert_int_equal(peer.request_count, 2);
    assert_int_equal(upgrade(peer.requests[1]), 0);
    assert_int_equal(http1_exchange_write(peer.requests[1], "hello", 5), 0);
    assert_output(&peer, "");
    respond(peer.requests[0], "a");
    http1_connection_continue(peer.connection);
    assert_output(&peer, OK("1", "a") SWITCHED "hello");
    assert_body(peer.requests[1], "bytes");
    peer_close(&peer);
}

static void only_who_asked_is_upgraded(void **state)
{
    static const char *const requests[] = {
        GET("/"),
        "GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: other\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: other\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: other\r\n\r\n",
        POST("Connection: Upgrade\r\nUpgrade: other\r\nContent-Length: 1\r\n", "x"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        Peer peer;

        peer_open(&peer, NULL);
        peer_feed(&peer, requests[i]);
        assert_int_equal(peer.request_count, 1);
        assert_int_equal(upgrade(peer.requests[0]), ERR_INVALID);
        respond(peer.requests[0], "");
        assert_int_equal(upgrade(peer.requests[0]), ERR_ANSWERED);
        peer_close(&peer);
    }
}

static void a_client_that_left_is_not_upgraded(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, ASK);
    http1_connection_end_input(peer.connection);
    assert_int_equal(upgrade(peer.requests[0]), ERR_CLOSED);
    peer_close(&peer);
}

static void the_clients_end_ends_the_body(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, ASK "last");
    http1_connection_end_input(peer.connection);
    assert_int_equal(upgrade(peer.requests[0]), 0);
    http1_connection_continue(peer.connection);
    assert_body(peer.requests[0], "last");
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), ERR_CLOSED);
    peer_close(&peer);
}

static void a_drain_waits_for_the_answer(void **state)
{
    for (int is_upgraded = 0; is_upgraded <= 1; is_upgraded++) {
        Peer peer;

        (void)state;
        peer_open(&peer, NULL);
        peer_feed(&peer, ASK "GET");
        http1_connection_drain(peer.connection);
        if (is_upgraded) {
            assert_int_equal(upgrade(peer.requests[0]), 0);
            http1_connection_continue(peer.connection);
            assert_body(peer.requests[0], "GET");
            assert_phase(&peer, HTTP1_UPGRADED);
        } else {
            respond(peer.requests[0], "a");
            assert_output(&peer, OK_CLOSE("1", "a"));
            assert_phase(&peer, HTTP1_FINISHED);
        }
        peer_close(&peer);
    }
}

static void what_is_not_taken_is_not_read(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer.limits.unread_size = 4;
    peer_feed(&peer, ASK "12345678");
    assert_int_equal(upgrade(peer.requests[0]), 0);
    http1_connection_continue(peer.connection);
    assert_false(http1_connection_wants_input(peer.connection));
    assert_body(peer.requests[0], "1234");
    http1_connection_continue(peer.connection);
    assert_body(peer.requests[0], "5678");
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_behind_the_request_are_the_protocols),
        cmocka_unit_test(one_that_is_not_wanted_changes_nothing),
        cmocka_unit_test(answers_due_go_first),
        cmocka_unit_test(only_who_asked_is_upgraded),
        cmocka_unit_test(a_client_that_left_is_not_upgraded),
        cmocka_unit_test(the_clients_end_ends_the_body),
        cmocka_unit_test(a_drain_waits_for_the_answer),
        cmocka_unit_test(what_is_not_taken_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
