/* HttpServer: clients on real sockets, from their first byte to the last. */
#include "../loop_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "net/socket.h"
#include "server/http_server.h"

enum { EXCHANGE_COUNT = 128, CLIENT_COUNT = 80, BIG_SIZE = 512 * 1024, LONG_MS = 60000 };

typedef struct Client {
    int fd;
    Buffer received;
    bool has_ended;
    bool is_reset;
} Client;

static HttpServer *server;
static Address address;
static Client clients[CLIENT_COUNT];
static int client_count;

/* What the handler got, and what it is to do about it. */
static Http1Exchange *exchanges[EXCHANGE_COUNT];
static int request_count, body_count, abandoned_count;
static const char *answer; /* NULL: the test answers by itself */
static void (*during_callback)(void);

static const char hello[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
static const char hello_and_close[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
static const char begun_upload[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345";

static void give_answer(Http1Exchange *exchange, const char *body)
{
    assert_int_equal(http_server_respond(exchange, &(Http1Reply){200, NULL, 0, body, strlen(body)}),
                     0);
}

static void on_request(void *owner, Http1Exchange *exchange)
{
    assert_ptr_equal(owner, &request_count);
    if (request_count < EXCHANGE_COUNT)
        exchanges[request_count] = exchange;
    request_count++;
    if (during_callback != NULL)
        during_callback();
    if (answer != NULL)
        give_answer(exchange, answer);
}

static void on_body(void *owner, Http1Exchange *exchange)
{
    assert_ptr_equal(owner, &request_count);
    assert_ptr_equal(exchange, exchanges[0]);
    body_count++;
    if (during_callback != NULL)
        during_callback();
}

static void on_abandoned(void *owner, Http1Exchange *exchange)
{
    assert_ptr_equal(owner, &request_count);
    assert_int_equal(http_server_respond(exchange, &(Http1Reply){.status = 200}), ERR_CLOSED);
    assert_int_equal(http_server_peer(exchange)->raw_size, 0);
    abandoned_count++;
    if (during_callback != NULL)
        during_callback();
}

static const HttpServerHandler handler = {on_request, on_body, on_abandoned};

static void open_server(const HttpServerOptions *options)
{
    Address where;
    int fd;

    assert_int_equal(address_parse("127.0.0.1:0", &where), 0);
    assert_int_equal(socket_listen(&where, 128, 1, &fd, &address), 0);
    assert_int_equal(http_server_open(loop, fd, options, &handler, &request_count, &server), 0);
}

static HttpServerOptions patient_options(void)
{
    HttpServerOptions options = http_server_default_options;

    options.head_timeout_ms = options.body_timeout_ms = LONG_MS;
    options.idle_timeout_ms = options.write_timeout_ms = LONG_MS;
    return options;
}

static void open_patient_server(void)
{
    HttpServerOptions options = patient_options();

    open_server(&options);
}

static int setup(void **state)
{
    server = NULL;
    client_count = request_count = body_count = abandoned_count = 0;
    memset(exchanges, 0, sizeof exchanges);
    answer = "hi";
    during_callback = NULL;
    return loop_setup(state);
}

static int teardown(void **state)
{
    during_callback = NULL;
    http_server_close(server);
    for (int i = 0; i < request_count && i < EXCHANGE_COUNT; i++)
        http1_exchange_release(exchanges[i]);
    for (int i = 0; i < client_count; i++) {
        buffer_deinit(&clients[i].received);
        if (clients[i].fd >= 0)
            close(clients[i].fd);
    }
    return loop_teardown(state);
}

#define server_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static Client *connect_client(void)
{
    Client *client = &clients[client_count++];

    *client = (Client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address.raw, address.raw_size),
                     0);
    return client;
}

static void hang_up(Client *client)
{
    close(client->fd);
    client->fd = -1;
}

static void reset(Client *client)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up(client);
}

/* As much as the kernel takes. */
static size_t try_send(const Client *client, const char *bytes, size_t size)
{
    ssize_t sent = send(client->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    return sent < 0 ? 0 : (size_t)sent;
}

static void say(const Client *client, const char *text)
{
    assert_int_equal(try_send(client, text, strlen(text)), strlen(text));
}

static void take_input(Client *client)
{
    ssize_t size;

    for (;;) {
        char *room = buffer_reserve(&client->received, 65536);

        size = recv(client->fd, room, 65536, MSG_DONTWAIT);
        if (size <= 0)
            break;
        buffer_grow(&client->received, (size_t)size);
    }
    client->has_ended |= size == 0;
    client->is_reset |= size < 0 && errno != EAGAIN;
}

static bool has_got(Client *client, const char *text)
{
    take_input(client);
    return client->received.size > 0 &&
           memmem(client->received.bytes, client->received.size, text, strlen(text)) != NULL;
}

static bool is_over(Client *client)
{
    take_input(client);
    return client->has_ended || client->is_reset;
}

static int count_in(const Client *client, const char *text)
{
    const char *at = client->received.bytes;
    size_t left = client->received.size;
    int count = 0;

    while (left > 0 && (at = memmem(at, left, text, strlen(text))) != NULL) {
        count++;
        at += strlen(text);
        left = client->received.size - (size_t)(at - client->received.bytes);
    }
    return count;
}

static void expect_end(Client *client)
{
    RUN_UNTIL(is_over(client));
    assert_true(client->has_ended);
    assert_false(client->is_reset);
}

static size_t open_count(void)
{
    return http_server_counters(server)->connection_count;
}

static void run_for(uint64_t ms)
{
    uint64_t end_ns = clock_monotonic_ns() + ms * 1000000;

    while (clock_monotonic_ns() < end_ns)
        run_turn();
}

static void answers_requests_of_a_connection_one_after_the_other(void **state)
{
    const HttpServerCounters *counters;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(has_got(client, "\r\n\r\nhi"));
    assert_true(has_got(client, "HTTP/1.1 200 OK\r\n"));
    assert_true(has_got(client, "\r\nDate: "));
    assert_true(has_got(client, " GMT\r\n"));
    say(client, hello);
    RUN_UNTIL(has_got(client, "hi") && count_in(client, "200 OK") == 2);
    counters = http_server_counters(server);
    assert_int_equal(counters->accepted_count, 1);
    assert_int_equal(counters->request_count, 2);
    assert_int_equal(counters->connection_count, 1);
    assert_int_equal(counters->received_size, 2 * strlen(hello));
    assert_int_equal(counters->sent_size, client->received.size);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(abandoned_count, 0);
}

static void an_answer_given_later_goes_out_with_the_flush(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    give_answer(exchanges[0], "late");
    assert_int_equal(http_server_respond(exchanges[0], &(Http1Reply){.status = 200}), ERR_ANSWERED);
    run_for(20);
    assert_false(has_got(client, "late"));
    http_server_flush(server);
    RUN_UNTIL(has_got(client, "late"));
}

static void knows_the_client(void **state)
{
    Address own = {.raw_size = sizeof own.raw};
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    assert_int_equal(getsockname(client->fd, (struct sockaddr *)&own.raw, &own.raw_size), 0);
    assert_int_equal(address_port(http_server_peer(exchanges[0])), address_port(&own));
}

static void pipelined_answers_are_in_order(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    for (int i = 0; i < 40; i++)
        say(client, hello);
    RUN_UNTIL(request_count == 16);
    run_for(10);
    assert_int_equal(request_count, 16);
    give_answer(exchanges[1], "second");
    http_server_flush(server);
    give_answer(exchanges[0], "first");
    http_server_flush(server);
    RUN_UNTIL(has_got(client, "second"));
    assert_int_equal(count_in(client, "200 OK"), 2);
    assert_true(memmem(client->received.bytes, client->received.size, "first", 5) <
                memmem(client->received.bytes, client->received.size, "second", 6));
    RUN_UNTIL(request_count == 18);
    answer = "rest";
    for (int i = 2; i < 18; i++)
        give_answer(exchanges[i], "rest");
    http_server_flush(server);
    RUN_UNTIL(request_count == 40 && has_got(client, "rest") && count_in(client, "rest") == 38);
}

static void a_body_is_awaited_and_invited(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                "Expect: 100-continue\r\n\r\n");
    RUN_UNTIL(request_count == 1);
    http_server_await_body(exchanges[0]);
    http_server_flush(server);
    RUN_UNTIL(has_got(client, "100 Continue\r\n\r\n"));
    say(client, "body");
    RUN_UNTIL(body_count == 1);
    assert_int_equal(http1_exchange_body_status(exchanges[0]), 1);
    assert_memory_equal(http1_exchange_body(exchanges[0])->bytes, "body", 4);
}

static void a_slow_head_is_answered_408(void **state)
{
    HttpServerOptions options = patient_options();
    uint64_t start_ns;
    Client *client;

    (void)state;
    options.head_timeout_ms = 60;
    open_server(&options);
    client = connect_client();
    run_for(100);
    assert_false(is_over(client));
    say(client, "GET / HTTP/1.1\r\n");
    start_ns = clock_monotonic_ns();
    fixture_start_waiting();
    while (!has_got(client, "HTTP/1.1 408 ")) {
        try_send(client, "A", 1); /* does not buy time */
        fixture_wait("the 408");
    }
    assert_true(clock_monotonic_ns() - start_ns >= 59000000);
    expect_end(client);
    assert_true(has_got(client, "Connection: close\r\n"));
    assert_int_equal(request_count, 0);
    assert_int_equal(http_server_counters(server)->timeout_count, 1);
    assert_int_equal(http_server_counters(server)->rejected_count, 0);
}

static void a_stalled_body_is_answered_408(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.body_timeout_ms = 120;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, begun_upload);
    for (int i = 0; i < 4; i++) {
        run_for(60);
        say(client, "x"); /* buys time */
    }
    assert_int_equal(abandoned_count, 0);
    RUN_UNTIL(has_got(client, "HTTP/1.1 408 "));
    expect_end(client);
    assert_int_equal(abandoned_count, 1);
    assert_int_equal(http1_exchange_body_status(exchanges[0]), ERR_TIMEOUT);
    assert_int_equal(http_server_counters(server)->timeout_count, 1);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    HttpServerOptions options = patient_options();
    uint64_t start_ns;
    Client *fresh, *used;

    (void)state;
    options.idle_timeout_ms = 100;
    open_server(&options);
    fresh = connect_client();
    used = connect_client();
    say(used, hello);
    RUN_UNTIL(has_got(used, "hi"));
    run_for(50);
    say(used, hello);
    RUN_UNTIL(has_got(used, "hi") && count_in(used, "hi") == 2);
    start_ns = clock_monotonic_ns();
    expect_end(fresh);
    assert_false(used->has_ended);
    assert_int_equal(fresh->received.size, 0);
    expect_end(used);
    assert_true(clock_monotonic_ns() - start_ns >= 99000000);
    assert_int_equal(count_in(used, "HTTP/1.1"), 2);
    assert_int_equal(http_server_counters(server)->timeout_count, 2);
    assert_int_equal(open_count(), 0);
}

/* Not even a slow service is a reason to end the connection. */
static void an_answer_may_take_its_time(void **state)
{
    HttpServerOptions options = http_server_default_options;
    Client *client;

    (void)state;
    options.head_timeout_ms = options.body_timeout_ms = 20;
    options.idle_timeout_ms = options.write_timeout_ms = 20;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    run_for(100);
    give_answer(exchanges[0], "at last");
    http_server_flush(server);
    RUN_UNTIL(has_got(client, "at last"));
}

static char *make_big(size_t size)
{
    char *bytes = malloc(size + 1);

    assert_non_null(bytes);
    memset(bytes, 'b', size);
    bytes[size] = '\0';
    return bytes;
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
    HttpServerOptions options = patient_options();
    char *big = make_big(8 * 1024 * 1024);
    Client *client;

    (void)state;
    options.write_timeout_ms = 100;
    answer = big;
    open_server(&options);
    client = connect_client();
    say(client, hello);
    for (int i = 0; i < 20; i++) { /* slowly, but it takes some */
        take_input(client);
        run_for(10);
    }
    RUN_UNTIL(has_got(client, "bb"));
    say(client, hello);
    RUN_UNTIL(open_count() == 0);
    RUN_UNTIL(is_over(client));
    assert_true(client->is_reset);
    assert_int_equal(http_server_counters(server)->timeout_count, 1);
    free(big);
}

/* The requests fit into one read, their answers not into any memory we would give. */
static void answers_nobody_takes_hold_back_further_requests(void **state)
{
    char *big = make_big(BIG_SIZE);
    Client *client;

    (void)state;
    answer = big;
    open_patient_server();
    client = connect_client();
    for (int i = 0; i < 100; i++)
        say(client, hello);
    run_for(50);
    assert_in_range(request_count, 1, 30);
    RUN_UNTIL((take_input(client), request_count == 100));
    RUN_UNTIL((take_input(client), client->received.size > (size_t)100 * BIG_SIZE));
    RUN_UNTIL((take_input(client), count_in(client, "200 OK") == 100));
    free(big);
}

static void a_last_answer_is_followed_by_the_end(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, hello_and_close);
    expect_end(client);
    assert_true(has_got(client, "Connection: close\r\n"));
    assert_int_equal(open_count(), 1); /* it waits for the client */
    say(client, hello);
    run_for(20);
    assert_int_equal(request_count, 1);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
}

static void waits_for_the_client_to_close_but_not_for_ever(void **state)
{
    uint64_t start_ns;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, hello_and_close);
    expect_end(client);
    start_ns = clock_monotonic_ns();
    RUN_UNTIL(open_count() == 0);
    assert_in_range((clock_monotonic_ns() - start_ns) / 1000000, 900, 3000);
    assert_int_equal(http_server_counters(server)->timeout_count, 0);
}

/* Without the staged end, the reset would overtake the answer. */
static void a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    char *big = make_big(BIG_SIZE);
    size_t sent = 0;
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    fixture_start_waiting();
    while (sent < BIG_SIZE) {
        sent += try_send(client, big + sent, BIG_SIZE - sent);
        fixture_wait("the upload");
    }
    RUN_UNTIL(has_got(client, "HTTP/1.1 413 "));
    expect_end(client);
    assert_int_equal(http_server_counters(server)->rejected_count, 1);
    assert_int_equal(request_count, 0);
    free(big);
}

static void endless_input_after_the_last_answer_is_cut_off(void **state)
{
    char *big = make_big(BIG_SIZE);
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, "nonsense\r\n\r\n");
    RUN_UNTIL(has_got(client, "HTTP/1.1 400 "));
    fixture_start_waiting();
    while (open_count() > 0) {
        try_send(client, big, BIG_SIZE);
        fixture_wait("the cut");
    }
    free(big);
}

static void connections_beyond_the_bound_are_told_503(void **state)
{
    HttpServerOptions options = patient_options();
    Client *first, *second, *third;

    (void)state;
    options.connection_count = 1;
    open_server(&options);
    first = connect_client();
    RUN_UNTIL(open_count() == 1);
    second = connect_client();
    say(second, hello);
    expect_end(second);
    assert_true(has_got(second, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_true(has_got(second, "Retry-After: 1\r\n"));
    assert_true(has_got(second, "Connection: close\r\n"));
    assert_int_equal(request_count, 0);
    assert_int_equal(http_server_counters(server)->refused_count, 1);
    assert_int_equal(http_server_counters(server)->accepted_count, 1);

    hang_up(first);
    RUN_UNTIL(open_count() == 1); /* the refused one, which counts for no other */
    third = connect_client();
    say(third, hello);
    RUN_UNTIL(has_got(third, "200 OK"));
    hang_up(second);
    RUN_UNTIL(open_count() == 1);
}

static void too_many_refusals_at_once_are_only_closed(void **state)
{
    HttpServerOptions options = patient_options();

    (void)state;
    options.connection_count = 0;
    open_server(&options);
    for (int i = 0; i < 70; i++)
        connect_client();
    RUN_UNTIL(http_server_counters(server)->refused_count == 70);
    assert_int_equal(open_count(), 64);
    for (int i = 0; i < 70; i++)
        expect_end(&clients[i]);
    assert_true(has_got(&clients[63], "503"));
    assert_int_equal(clients[64].received.size, 0);
}

static void a_client_that_is_gone_abandons_its_requests(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    say(client, hello);
    RUN_UNTIL(request_count == 2);
    reset(client);
    RUN_UNTIL(abandoned_count == 2);
    assert_int_equal(open_count(), 0);
    assert_int_equal(http_server_counters(server)->abandoned_count, 2);
}

static void a_client_that_only_ended_its_side_is_answered(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    shutdown(client->fd, SHUT_WR);
    RUN_UNTIL(request_count == 1);
    run_for(10);
    give_answer(exchanges[0], "still here");
    http_server_flush(server);
    expect_end(client);
    assert_true(has_got(client, "still here"));
    RUN_UNTIL(open_count() == 0);
}

static void half_a_request_and_an_end_are_nothing(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = connect_client();
    say(client, "GET / HT");
    shutdown(client->fd, SHUT_WR);
    expect_end(client);
    assert_int_equal(client->received.size, 0);
    assert_int_equal(open_count(), 0);
}

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

    http_server_drain(server);
    http_server_drain(server);
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
    http_server_flush(server);
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
    options.head_timeout_ms = 40;
    open_server(&options);
    fresh = connect_client();
    RUN_UNTIL(open_count() == 1);
    run_for(80);
    http_server_drain(server);
    run_for(20);
    assert_false(is_over(fresh));
    expect_end(fresh);
    assert_int_equal(fresh->received.size, 0);
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
    http_server_close(server);
    server = NULL;
    assert_int_equal(abandoned_count, 2);
    expect_end(client);
    RUN_UNTIL(is_over(other));
    http_server_close(NULL);
}

/* Closing makes callbacks too. */
static void close_server(void)
{
    HttpServer *closing = server;

    server = NULL;
    http_server_close(closing);
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
    options.body_timeout_ms = 20;
    answer = NULL;
    open_server(&options);
    client = connect_client();
    say(client, begun_upload);
    RUN_UNTIL(request_count == 1);
    during_callback = close_server;
    RUN_UNTIL(abandoned_count == 1);
    RUN_UNTIL(is_over(client));
}

static void flush_server(void)
{
    http_server_flush(server);
}

static void flushing_inside_a_callback_is_harmless(void **state)
{
    Client *client;

    (void)state;
    during_callback = flush_server;
    open_patient_server();
    client = connect_client();
    for (int i = 0; i < 40; i++)
        say(client, hello);
    RUN_UNTIL(has_got(client, "hi") && count_in(client, "hi") == 40);
}

static void drain_server(void)
{
    http_server_drain(server);
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

static void a_descriptor_that_does_not_listen_is_closed(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(
        http_server_open(loop, -1, &http_server_default_options, &handler, &request_count, &server),
        -EBADF);
    assert_null(server);
    assert_int_equal(pipe(fds), 0);
    close(fds[1]);
    assert_int_equal(http_server_open(loop, fds[0], &http_server_default_options, &handler,
                                      &request_count, &server),
                     0);
    run_for(20);
    http_server_close(server);
    server = NULL;
    assert_int_equal(close(fds[0]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(answers_requests_of_a_connection_one_after_the_other),
        server_test(an_answer_given_later_goes_out_with_the_flush),
        server_test(knows_the_client),
        server_test(pipelined_answers_are_in_order),
        server_test(a_body_is_awaited_and_invited),
        server_test(a_slow_head_is_answered_408),
        server_test(a_stalled_body_is_answered_408),
        server_test(an_idle_connection_is_closed_without_a_word),
        server_test(an_answer_may_take_its_time),
        server_test(a_client_that_takes_nothing_is_reset),
        server_test(answers_nobody_takes_hold_back_further_requests),
        server_test(a_last_answer_is_followed_by_the_end),
        server_test(waits_for_the_client_to_close_but_not_for_ever),
        server_test(a_refusal_reaches_a_client_that_is_still_sending),
        server_test(endless_input_after_the_last_answer_is_cut_off),
        server_test(connections_beyond_the_bound_are_told_503),
        server_test(too_many_refusals_at_once_are_only_closed),
        server_test(a_client_that_is_gone_abandons_its_requests),
        server_test(a_client_that_only_ended_its_side_is_answered),
        server_test(half_a_request_and_an_end_are_nothing),
        server_test(draining_ends_idle_connections_and_answers_busy_ones),
        server_test(a_drained_server_waits_for_a_first_request_only_so_long),
        server_test(closing_abandons_what_is_unanswered),
        server_test(may_be_closed_while_a_request_is_told),
        server_test(may_be_closed_while_a_body_is_told),
        server_test(may_be_closed_while_an_abandoned_request_is_told),
        server_test(may_be_closed_when_a_timeout_abandons_a_request),
        server_test(flushing_inside_a_callback_is_harmless),
        server_test(draining_inside_a_callback_lets_that_request_be_the_last),
        server_test(a_descriptor_that_does_not_listen_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
