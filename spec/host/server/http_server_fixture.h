/* What the tests of the HTTP server share: one server whose requests are recorded and, when told,
 * answered; and clients on real sockets of the same process. */
#ifndef PERIGEE_SPEC_HTTP_SERVER_FIXTURE_H
#define PERIGEE_SPEC_HTTP_SERVER_FIXTURE_H

#include "client_fixture.h"

#include <stdio.h>

#include "base/error.h"
#include "server/http_server.h"

enum { EXCHANGE_COUNT = 128, BIG_SIZE = 512 * 1024 };

static Server *server;

/* What the handler got, and what it is to do about it. */
static Http1Exchange *exchanges[EXCHANGE_COUNT];
static int request_count, body_count, abandoned_count, room_count;
static const char *answer; /* NULL: the test answers by itself */
static void (*during_callback)(void);

static const char hello[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
static const char hello_and_close[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
static const char begun_upload[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345";

static inline void give_answer(Http1Exchange *exchange, const char *body)
{
    assert_int_equal(http_server_respond(exchange, &(Http1Reply){200, NULL, 0, body, strlen(body)}),
                     0);
}

static inline void on_request(void *owner, Http1Exchange *exchange)
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

static inline void on_body(void *owner, Http1Exchange *exchange)
{
    assert_ptr_equal(owner, &request_count);
    assert_ptr_equal(exchange, exchanges[0]);
    body_count++;
    if (during_callback != NULL)
        during_callback();
}

static inline void on_abandoned(void *owner, Http1Exchange *exchange)
{
    assert_ptr_equal(owner, &request_count);
    assert_int_equal(http_server_respond(exchange, &(Http1Reply){.status = 200}),
                     http1_exchange_is_answered(exchange) ? ERR_ANSWERED : ERR_CLOSED);
    assert_int_equal(http_server_peer(exchange)->raw_size, 0);
    abandoned_count++;
    if (during_callback != NULL)
        during_callback();
}

static inline void on_room(void *owner, Http1Exchange *exchange)
{
    assert_ptr_equal(owner, &request_count);
    (void)exchange;
    room_count++;
}

static const HttpServerHandler handler = {
    .on_request = on_request,
    .on_body = on_body,
    .on_abandoned = on_abandoned,
    .on_room = on_room,
};

static inline void open_server(const HttpServerOptions *options)
{
    HttpServerOptions with_handler = *options;

    with_handler.handler = &handler;
    with_handler.owner = &request_count;
    assert_int_equal(http_server_open(loop, listen_for_clients(), &with_handler, &server), 0);
}

static inline HttpServerOptions patient_options(void)
{
    HttpServerOptions options = http_server_default_options;

    options.bounds.head_timeout_ms = options.bounds.body_timeout_ms = LONG_MS;
    options.bounds.idle_timeout_ms = options.bounds.write_timeout_ms = LONG_MS;
    return options;
}

static inline void open_patient_server(void)
{
    HttpServerOptions options = patient_options();

    open_server(&options);
}

static inline int server_setup(void **state)
{
    server = NULL;
    request_count = body_count = abandoned_count = room_count = 0;
    memset(exchanges, 0, sizeof exchanges);
    answer = "hi";
    during_callback = NULL;
    return loop_setup(state);
}

static inline int server_teardown(void **state)
{
    during_callback = NULL;
    server_close(server);
    for (int i = 0; i < request_count && i < EXCHANGE_COUNT; i++)
        http1_exchange_release(exchanges[i]);
    close_clients();
    return loop_teardown(state);
}

#define server_test(test) cmocka_unit_test_setup_teardown(test, server_setup, server_teardown)

static inline size_t open_count(void)
{
    return server_counters(server)->connection_count;
}

#endif
