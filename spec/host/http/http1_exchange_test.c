/* The writing side of a connection: answers, their order, and the life of an exchange. */
#include "http1_peer.h"

static void answers_come_in_the_order_of_requests(void **state)
{
    static const size_t orders[][3] = {
        {0, 1, 2},
        {0, 2, 1},
        {1, 0, 2},
        {1, 2, 0},
        {2, 0, 1},
        {2, 1, 0}
    };
    static const char *const bodies[] = {"a", "", "ccc"};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        Peer peer;
        peer_open(&peer, NULL);
        peer_feed(&peer, GET("/1") GET("/2") GET("/3"));
        for (size_t j = 0; j < 3; j++) {
            size_t which = orders[i][j];
            respond(peer.requests[which], bodies[which]);
            peer_release(peer.requests[which]);
        }
        assert_output(&peer, OK("1", "a") OK("0", "") OK("3", "ccc"));
        assert_phase(&peer, HTTP1_IDLE);
        peer_close(&peer);
    }
}

static void fields_stand_behind_our_own(void **state)
{
    static const char fields[] = "Content-Type: text/plain\r\n";
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    http1_exchange_respond(peer.requests[1],
                           &(Http1Reply){404, fields, sizeof fields - 1, "no", 2});
    http1_exchange_respond(peer.requests[0],
                           &(Http1Reply){200, fields, sizeof fields - 1, "yes", 3});
    assert_output(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                         "Content-Type: text/plain\r\n\r\nyes"
                         "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n"
                         "Content-Type: text/plain\r\n\r\nno");
    peer_close(&peer);
}

static void a_date_is_added_unless_given(void **state)
{
    static const char given[] = "A: Date: x\r\ndate: y\r\n", other[] = "X-Date: y\r\nDate2: z\r\n";
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    http1_connection_set_date(peer.connection, "Sun, 06 Nov 1994 08:49:37 GMT");
    peer_feed(&peer, GET("/1") GET("/2") GET("/3") "?");
    http1_exchange_respond(peer.requests[0], &(Http1Reply){.status = 204});
    http1_exchange_respond(peer.requests[1], &(Http1Reply){204, given, sizeof given - 1, NULL, 0});
    http1_exchange_respond(peer.requests[2], &(Http1Reply){204, other, sizeof other - 1, NULL, 0});
    assert_refused_after(&peer,
                         "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
                         "HTTP/1.1 204 No Content\r\nA: Date: x\r\ndate: y\r\n\r\n"
                         "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "X-Date: y\r\nDate2: z\r\n\r\n",
                         400);
    peer_close(&peer);
}

static void head_204_and_304_have_no_body(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, "HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n" GET(
                         "/3") GET("/4"));
    http1_exchange_respond(peer.requests[3], &(Http1Reply){304, NULL, 0, "abc", 3});
    http1_exchange_respond(peer.requests[1], &(Http1Reply){200, NULL, 0, "abc", 3});
    http1_exchange_respond(peer.requests[0], &(Http1Reply){200, NULL, 0, "abc", 3});
    http1_exchange_respond(peer.requests[2], &(Http1Reply){204, NULL, 0, "abc", 3});
    assert_output(&peer, OK("3", "") OK("3", "") "HTTP/1.1 204 No Content\r\n\r\n"
                                                 "HTTP/1.1 304 Not Modified\r\n\r\n");
    peer_close(&peer);
}

static void an_exchange_is_answered_once(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    for (size_t i = 2; i-- > 0;) {
        assert_false(http1_exchange_is_answered(peer.requests[i]));
        respond(peer.requests[i], "");
        assert_true(http1_exchange_is_answered(peer.requests[i]));
        assert_int_equal(http1_exchange_respond(peer.requests[i], &(Http1Reply){.status = 200}),
                         ERR_ANSWERED);
    }
    assert_output(&peer, OK("0", "") OK("0", ""));
    peer_close(&peer);
}

/* --- 100 Continue --- */

static void a_continue_is_sent_when_the_body_is_awaited(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    assert_output(&peer, "");
    http1_exchange_await_body(peer.requests[0]);
    assert_output(&peer, CONTINUE);
    http1_exchange_await_body(peer.requests[0]);
    assert_output(&peer, "");
    peer_feed(&peer, "ab");
    assert_int_equal(peer.body_count, 1);
    respond(peer.requests[0], "");
    assert_output(&peer, OK("0", ""));
    peer_close(&peer);
}

static void no_continue_is_sent_when_the_body_has_begun(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Expect: 100-continue\r\nContent-Length: 2", "a"));
    http1_exchange_await_body(peer.requests[0]);
    assert_output(&peer, "");
    respond(peer.requests[0], "");
    assert_output(&peer, OK("0", ""));
    peer_feed(&peer, "b" POST("Expect: 100-continue\r\nContent-Length: 0", ""));
    http1_exchange_await_body(peer.requests[1]);
    assert_output(&peer, "");
    peer_close(&peer);
}

static void await_body(Peer *peer, Http1Exchange *exchange)
{
    (void)peer;
    http1_exchange_await_body(exchange);
}

static void no_continue_is_sent_when_the_body_came_along(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, await_body);
    peer_feed(&peer, POST("Expect: 100-continue\r\nContent-Length: 2", "a"));
    assert_output(&peer, "");
    peer_feed(&peer, "b" POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    respond(peer.requests[0], "");
    assert_output(&peer, OK("0", "") CONTINUE);
    peer_close(&peer);
}

static void a_continue_waits_for_its_turn(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    http1_exchange_await_body(peer.requests[1]);
    assert_output(&peer, "");
    respond(peer.requests[0], "1");
    assert_output(&peer, OK("1", "1") CONTINUE);
    peer_close(&peer);
}

static void a_continue_is_left_out_when_the_body_came_before_its_turn(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    http1_exchange_await_body(peer.requests[1]);
    peer_feed(&peer, "a");
    respond(peer.requests[0], "1");
    assert_output(&peer, OK("1", "1"));
    peer_close(&peer);
}

/* Whether the client will still send the body is unknown, so nothing behind it can be read. */
static void an_answer_instead_of_a_continue_closes(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    respond(peer.requests[1], "2");
    assert_int_equal(http1_exchange_body_status(peer.requests[1]), ERR_CLOSED);
    peer_feed(&peer, "ab" GET("/3"));
    respond(peer.requests[0], "1");
    assert_output(&peer, OK("1", "1") OK_CLOSE("1", "2"));
    assert_phase(&peer, HTTP1_FINISHED);
    assert_int_equal(peer.request_count, 2);
    peer_close(&peer);
}

static void a_body_after_its_continue_can_be_dropped(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Expect: 100-continue\r\nContent-Length: 2", ""));
    http1_exchange_await_body(peer.requests[0]);
    respond(peer.requests[0], "1");
    peer_feed(&peer, "ab" GET("/2"));
    assert_output(&peer, CONTINUE OK("1", "1"));
    assert_int_equal(peer.body_count, 0);
    assert_int_equal(peer.request_count, 2);
    peer_close(&peer);
}

/* --- life --- */

static void an_exchange_outlives_its_connection(void **state)
{
    Peer peer;
    const Http1Head *head;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2") POST("Content-Length: 2", "a"));
    respond(peer.requests[0], "");
    respond(peer.requests[1], "");
    assert_ptr_equal(http1_exchange_owner(peer.requests[0]), &peer);
    http1_connection_destroy(peer.connection);
    assert_int_equal(peer.abandoned_count, 1);
    assert_null(http1_exchange_owner(peer.requests[0]));
    assert_null(http1_exchange_owner(peer.requests[2]));
    assert_int_equal(http1_exchange_respond(peer.requests[0], &(Http1Reply){.status = 200}),
                     ERR_ANSWERED);
    assert_int_equal(http1_exchange_respond(peer.requests[2], &(Http1Reply){.status = 200}),
                     ERR_CLOSED);
    assert_int_equal(http1_exchange_body_status(peer.requests[0]), 1);
    assert_int_equal(http1_exchange_body_status(peer.requests[2]), ERR_CLOSED);
    http1_exchange_await_body(peer.requests[2]);
    head = http1_exchange_head(peer.requests[1]);
    assert_memory_equal(head->bytes + head->path.offset, "/2", 2);
    assert_memory_equal(http1_exchange_body(peer.requests[2])->bytes, "a", 1);
    for (size_t i = 0; i < 3; i++)
        peer_release(peer.requests[i]);
}

static void release_abandoned(void *owner, Http1Exchange *exchange)
{
    ((Peer *)owner)->abandoned_count++;
    peer_release(exchange);
}

static void an_exchange_may_be_released_as_it_is_abandoned(void **state)
{
    static const Http1Handler handler = {
        .on_request = peer_take_request,
        .on_body = peer_take_body,
        .on_abandoned = release_abandoned,
    };
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    http1_connection_destroy(peer.connection);
    peer.connection = http1_connection_create(&peer.limits, &handler, &peer);
    peer_feed(&peer, GET("/1") GET("/2") POST("Transfer-Encoding: chunked", "z"));
    assert_int_equal(peer.abandoned_count, 1);
    peer_close(&peer);
    assert_int_equal(peer.abandoned_count, 3);
}

static void an_answer_reaches_the_line_after_its_release(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    respond(peer.requests[1], "2");
    peer_release(peer.requests[1]);
    respond(peer.requests[0], "1");
    peer_release(peer.requests[0]);
    assert_output(&peer, OK("1", "1") OK("1", "2"));
    peer_close(&peer);
}

static void a_released_answer_out_of_turn_is_freed_with_the_connection(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    respond(peer.requests[1], "2");
    peer_release(peer.requests[1]);
    peer_close(&peer);
    assert_int_equal(peer.abandoned_count, 1);
}

static void releasing_unanswered_answers_500(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1") GET("/2"));
    peer_release(peer.requests[1]);
    peer_release(peer.requests[0]);
    assert_output(&peer, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
                         "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    assert_phase(&peer, HTTP1_IDLE);
    peer_close(&peer);
}

/* The connection uses the memory of one exchange for the next; nothing of it may be seen. */
static void a_new_exchange_knows_nothing_of_the_last(void **state)
{
    Peer peer;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, POST("Expect: 100-continue\r\nX: y\r\nContent-Length: 2", "ab"));
    respond(peer.requests[0], "");
    peer_release(peer.requests[0]);
    peer_feed(&peer, POST("Content-Length: 1", ""));
    assert_int_equal(http1_exchange_body(peer.requests[1])->size, 0);
    assert_int_equal(http1_exchange_body_status(peer.requests[1]), 0);
    assert_false(http1_exchange_is_answered(peer.requests[1]));
    assert_int_equal(http1_exchange_head(peer.requests[1])->field_count, 2);
    assert_int_equal(http1_exchange_head(peer.requests[1])->content_length, 1);
    http1_exchange_await_body(peer.requests[1]);
    assert_output(&peer, OK("0", ""));
    peer_close(&peer);
}

static void the_holder_is_the_owners_own(void **state)
{
    Peer peer;
    int something;

    (void)state;
    peer_open(&peer, NULL);
    peer_feed(&peer, GET("/1"));
    http1_exchange_set_holder(peer.requests[0], &something);
    assert_ptr_equal(http1_exchange_holder(peer.requests[0]), &something);
    http1_exchange_set_holder(peer.requests[0], &peer.requests[0]);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_the_order_of_requests),
        cmocka_unit_test(fields_stand_behind_our_own),
        cmocka_unit_test(a_date_is_added_unless_given),
        cmocka_unit_test(head_204_and_304_have_no_body),
        cmocka_unit_test(an_exchange_is_answered_once),
        cmocka_unit_test(a_continue_is_sent_when_the_body_is_awaited),
        cmocka_unit_test(no_continue_is_sent_when_the_body_has_begun),
        cmocka_unit_test(no_continue_is_sent_when_the_body_came_along),
        cmocka_unit_test(a_continue_waits_for_its_turn),
        cmocka_unit_test(a_continue_is_left_out_when_the_body_came_before_its_turn),
        cmocka_unit_test(an_answer_instead_of_a_continue_closes),
        cmocka_unit_test(a_body_after_its_continue_can_be_dropped),
        cmocka_unit_test(an_exchange_outlives_its_connection),
        cmocka_unit_test(an_exchange_may_be_released_as_it_is_abandoned),
        cmocka_unit_test(an_answer_reaches_the_line_after_its_release),
        cmocka_unit_test(a_released_answer_out_of_turn_is_freed_with_the_connection),
        cmocka_unit_test(releasing_unanswered_answers_500),
        cmocka_unit_test(a_new_exchange_knows_nothing_of_the_last),
        cmocka_unit_test(the_holder_is_the_owners_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
