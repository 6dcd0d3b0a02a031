/* What the tests of the HTTP server share: one server whose requests are recorded and, when told,
 * answered; and clients on real sockets of the same process. */
#ifndef PERIGEE_SPEC_HTTP_SERVER_FIXTURE_H
#define PERIGEE_SPEC_HTTP_SERVER_FIXTURE_H

#include "../loop_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
    Buffer received;
    int fd;
    bool has_ended;
    bool is_reset;
} Client;

static Server *server;
static Address address;
static Client clients[CLIENT_COUNT];
static int client_count;

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
    Address where;
    int fd;

    with_handler.handler = &handler;
    with_handler.owner = &request_count;
    assert_int_equal(address_parse("127.0.0.1:0", &where), 0);
    assert_int_equal(socket_listen(&where, 128, 1, &fd, &address), 0);
    assert_int_equal(http_server_open(loop, fd, &with_handler, &server), 0);
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
    client_count = request_count = body_count = abandoned_count = room_count = 0;
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
    for (int i = 0; i < client_count; i++) {
        buffer_deinit(&clients[i].received);
        if (clients[i].fd >= 0)
            close(clients[i].fd);
    }
    return loop_teardown(state);
}

#define server_test(test) cmocka_unit_test_setup_teardown(test, server_setup, server_teardown)

static inline Client *connect_client(void)
{
    Client *client = &clients[client_count++];
    int yes = 1;

    *client = (Client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address.raw, address.raw_size),
                     0);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return client;
}

static inline void hang_up(Client *client)
{
    close(client->fd);
    client->fd = -1;
}

static inline void reset(Client *client)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up(client);
}

/* As much as the kernel takes. */
static inline size_t try_send(const Client *client, const char *bytes, size_t size)
{
    ssize_t sent = send(client->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    return sent < 0 ? 0 : (size_t)sent;
}

static inline void say(const Client *client, const char *text)
{
    assert_int_equal(try_send(client, text, strlen(text)), strlen(text));
}

/* Takes at most 64 KiB of what has come. False when there was nothing. */
static inline bool take_some(Client *client)
{
    char *room = buffer_reserve(&client->received, 65536);
    ssize_t size = recv(client->fd, room, 65536, MSG_DONTWAIT);

    client->has_ended |= size == 0;
    client->is_reset |= size < 0 && errno != EAGAIN;
    if (size > 0)
        buffer_grow(&client->received, (size_t)size);
    return size > 0;
}

static inline void take_input(Client *client)
{
    while (take_some(client)) {
    }
}

static inline bool has_got(Client *client, const char *text)
{
    take_input(client);
    return client->received.size > 0 &&
           memmem(client->received.bytes, client->received.size, text, strlen(text)) != NULL;
}

static inline bool is_over(Client *client)
{
    take_input(client);
    return client->has_ended || client->is_reset;
}

static inline int count_in(const Client *client, const char *text)
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

static inline void expect_end(Client *client)
{
    RUN_UNTIL(is_over(client));
    assert_true(client->has_ended);
    assert_false(client->is_reset);
}

static inline size_t open_count(void)
{
    return server_counters(server)->connection_count;
}

/* Text of `size` bytes for the caller to free. */
static inline char *make_big(size_t size)
{
    char *bytes = malloc(size + 1);

    assert_non_null(bytes);
    memset(bytes, 'b', size);
    bytes[size] = '\0';
    return bytes;
}

static inline void run_for(uint64_t ms)
{
    uint64_t end_ns = clock_monotonic_ns() + ms * 1000000;

    while (clock_monotonic_ns() < end_ns)
        run_turn();
}

#endif
