/* Answers and bodies in pieces on real sockets: bounds, and ends a client can tell apart. */
#include "http_server_fixture.h"

#include "server/server_exchange.h"

enum { UNSENT_SIZE = 64 * 1024, ANSWER_SIZE = 16 * 1024 * 1024 };

static const char old[] = "GET / HTTP/1.0\r\n\r\n";
static char piece[10000];

static void open_small_server(void)
{
    HttpServerOptions options = patient_options();

    options.bounds.unsent_size = UNSENT_SIZE;
    options.limits.unread_size = 1024;
    options.limits.body_size = ANSWER_SIZE;
    options.limits.pipelined_count = 4;
    answer = NULL;
    open_server(&options);
}

static Client *ask(const char *request, int count)
{
    Client *client = connect_client();

    say(client, request);
    RUN_UNTIL(request_count == count);
    return client;
}

static void start(Http1Exchange *exchange, uint64_t length)
{
    assert_int_equal(server_exchange_start(exchange, &(Http1Reply){.status = 200}, length), 0);
}

/* Writes until there is no room, or `size` bytes. Returns how many that were. */
static size_t fill(Http1Exchange *exchange, size_t size)
{
    size_t total = 0;

    while (total < size) {
        size_t left = size - total;
        long written =
            server_exchange_write(exchange, piece, left < sizeof piece ? left : sizeof piece);

        if (written == ERR_AGAIN)
            break;
        assert_true(written > 0);
        total += (size_t)written;
    }
    return total;
}

static void an_answer_is_bounded_and_goes_on_with_its_client(void **state)
{
    size_t total;
    int rooms = 0;
    Client *client;

    (void)state;
    open_small_server();
    client = ask(hello, 1);
    start(exchanges[0], ANSWER_SIZE);
    total = fill(exchanges[0], ANSWER_SIZE);
    assert_true(total <= UNSENT_SIZE);
    while (total < ANSWER_SIZE) {
        server_flush(server);
        RUN_UNTIL(take_some(client) || room_count > rooms);
        rooms = room_count;
        total += fill(exchanges[0], ANSWER_SIZE - total);
    }
    assert_true(rooms > 10);
    assert_int_equal(server_exchange_finish(exchanges[0], NULL, 0), 0);
    server_flush(server);
    RUN_UNTIL((take_input(client), client->received.size > ANSWER_SIZE));
    assert_true(http_server_counters(server)->stream_peak_size <= UNSENT_SIZE + 200);
}

static void a_client_that_takes_nothing_stops_the_writer(void **state)
{
    size_t before, total = 0;

    (void)state;
    open_small_server();
    ask(hello, 1);
    start(exchanges[0], HTTP1_UNKNOWN_LENGTH);
    do {
        before = total;
        total += fill(exchanges[0], ANSWER_SIZE);
        server_flush(server);
        run_for(5);
    } while (total > before);
    assert_true(total < ANSWER_SIZE);
    assert_int_equal(server_exchange_write(exchanges[0], piece, 1), ERR_AGAIN);
}

static void an_answer_that_waits_for_its_turn_has_a_share(void **state)
{
    Client *client = NULL;

    (void)state;
    open_small_server();
    client = ask(hello, 1);
    say(client, hello);
    RUN_UNTIL(request_count == 2);
    start(exchanges[1], HTTP1_UNKNOWN_LENGTH);
    assert_true(fill(exchanges[1], ANSWER_SIZE) <= UNSENT_SIZE / 4);
    server_flush(server);
    run_for(5);
    assert_int_equal(room_count, 0);
    give_answer(exchanges[0], "first");
    server_flush(server);
    RUN_UNTIL(room_count == 1);
    assert_true(fill(exchanges[1], ANSWER_SIZE) > 0);
}

static void a_cut_answer_ends_without_its_last_chunk(void **state)
{
    Client *client;

    (void)state;
    open_small_server();
    client = ask(hello, 1);
    start(exchanges[0], HTTP1_UNKNOWN_LENGTH);
    assert_int_equal(server_exchange_write(exchanges[0], "half", 4), 4);
    server_exchange_cut(exchanges[0]);
    server_flush(server);
    expect_end(client);
    assert_true(has_got(client, "\r\n\r\n4\r\nhalf\r\n"));
    assert_false(has_got(client, "\r\n0\r\n"));
}

static void a_cut_answer_without_framing_is_reset(void **state)
{
    Client *client;

    (void)state;
    open_small_server();
    client = ask(old, 1);
    start(exchanges[0], HTTP1_UNKNOWN_LENGTH);
    assert_int_equal(server_exchange_write(exchanges[0], "half", 4), 4);
    server_exchange_cut(exchanges[0]);
    server_flush(server);
    RUN_UNTIL(is_over(client));
    assert_true(client->is_reset);
}

static void a_whole_answer_without_framing_ends_in_order(void **state)
{
    Client *client;

    (void)state;
    open_small_server();
    client = ask(old, 1);
    start(exchanges[0], HTTP1_UNKNOWN_LENGTH);
    assert_int_equal(server_exchange_write(exchanges[0], "whole", 5), 5);
    assert_int_equal(server_exchange_finish(exchanges[0], NULL, 0), 0);
    server_flush(server);
    expect_end(client);
    assert_true(has_got(client, "\r\n\r\nwhole"));
}

static void a_client_that_is_gone_takes_no_more(void **state)
{
    Client *client;

    (void)state;
    open_small_server();
    client = ask(hello, 1);
    start(exchanges[0], HTTP1_UNKNOWN_LENGTH);
    server_flush(server);
    reset(client);
    RUN_UNTIL(abandoned_count == 1);
    assert_int_equal(server_exchange_write(exchanges[0], "a", 1), ERR_CLOSED);
    assert_int_equal(server_exchange_finish(exchanges[0], NULL, 0), ERR_CLOSED);
    server_exchange_cut(exchanges[0]);
    server_exchange_consume_body(exchanges[0], 0);
}

static void consume_body(Http1Exchange *exchange)
{
    server_exchange_consume_body(exchange, http1_exchange_body(exchange)->size);
    server_flush(server);
}

static void a_body_nobody_takes_stays_with_the_client(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16777216\r\n\r\n";
    char *big = make_big(BIG_SIZE);
    size_t sent = 0, before;
    uint64_t received;
    Client *client;

    (void)state;
    open_small_server();
    client = ask(head, 1);
    do {
        before = sent;
        sent += try_send(client, big, BIG_SIZE);
        run_for(2);
    } while (sent > before);
    received = server_counters(server)->received_size;
    assert_true(received < 256 * 1024 && received >= 1024);
    RUN_UNTIL((consume_body(exchanges[0]), server_counters(server)->received_size > received));
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(an_answer_is_bounded_and_goes_on_with_its_client),
        server_test(a_client_that_takes_nothing_stops_the_writer),
        server_test(an_answer_that_waits_for_its_turn_has_a_share),
        server_test(a_cut_answer_ends_without_its_last_chunk),
        server_test(a_cut_answer_without_framing_is_reset),
        server_test(a_whole_answer_without_framing_ends_in_order),
        server_test(a_client_that_is_gone_takes_no_more),
        server_test(a_body_nobody_takes_stays_with_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
