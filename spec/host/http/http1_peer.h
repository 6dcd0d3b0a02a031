/* What the tests of connections share: a connection whose requests are recorded and, when a script
 * is given, answered; and assertions on its output. */
#ifndef PERIGEE_SPEC_HTTP1_PEER_H
#define PERIGEE_SPEC_HTTP1_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "http/http1_exchange.h"

enum { PEER_REQUESTS = 64 };

typedef struct Peer Peer;
typedef void (*PeerScript)(Peer *peer, Http1Exchange *exchange);

struct Peer {
    Http1Limits limits;
    Http1Connection *connection;
    PeerScript on_request; /* NULL: only recorded */
    PeerScript on_body;
    Http1Exchange *requests[PEER_REQUESTS]; /* NULL once released */
    size_t request_count;
    size_t body_count;
    size_t abandoned_count;
    size_t room_count;
};

static inline void peer_take_request(void *owner, Http1Exchange *exchange)
{
    Peer *peer = owner;

    assert_true(peer->request_count < PEER_REQUESTS);
    http1_exchange_set_holder(exchange, &peer->requests[peer->request_count]);
    peer->requests[peer->request_count++] = exchange;
    if (peer->on_request != NULL)
        peer->on_request(peer, exchange);
}

static inline void peer_take_body(void *owner, Http1Exchange *exchange)
{
    Peer *peer = owner;

    peer->body_count++;
    if (peer->on_body != NULL)
        peer->on_body(peer, exchange);
}

static inline void peer_release(Http1Exchange *exchange)
{
    *(Http1Exchange **)http1_exchange_holder(exchange) = NULL;
    http1_exchange_release(exchange);
}

static inline void peer_take_abandoned(void *owner, Http1Exchange *exchange)
{
    Peer *peer = owner;

    peer->abandoned_count++;
    assert_null(http1_exchange_owner(exchange));
    assert_true(http1_exchange_body_status(exchange) != 0);
    assert_int_equal(http1_exchange_respond(exchange, &(Http1Reply){.status = 200}),
                     http1_exchange_is_answered(exchange) ? ERR_ANSWERED : ERR_CLOSED);
}

static inline void peer_take_room(void *owner, Http1Exchange *exchange)
{
    (void)exchange;
    ((Peer *)owner)->room_count++;
}

static const Http1Handler peer_handler = {
    .on_request = peer_take_request,
    .on_body = peer_take_body,
    .on_abandoned = peer_take_abandoned,
    .on_room = peer_take_room,
};

static inline void peer_connect(Peer *peer)
{
    peer->connection = http1_connection_create(&peer->limits, &peer_handler, peer);
}

static inline void peer_open(Peer *peer, PeerScript on_request)
{
    *peer = (Peer){.limits = http1_default_limits, .on_request = on_request};
    peer_connect(peer);
}

static inline void peer_close(Peer *peer)
{
    http1_connection_destroy(peer->connection);
    for (size_t i = 0; i < peer->request_count; i++)
        if (peer->requests[i] != NULL)
            peer_release(peer->requests[i]);
}

static inline void peer_feed(Peer *peer, const char *text)
{
    http1_connection_feed(peer->connection, text, strlen(text));
}

static inline void respond(Http1Exchange *exchange, const char *body)
{
    assert_int_equal(
        http1_exchange_respond(exchange, &(Http1Reply){200, NULL, 0, body, strlen(body)}), 0);
}

/* A script: answers with the path, and lets go. */
static inline void answer_path(Peer *peer, Http1Exchange *exchange)
{
    const Http1Head *head = http1_exchange_head(exchange);
    const char *path = head->bytes + head->path.offset;

    (void)peer;
    assert_int_equal(
        http1_exchange_respond(exchange, &(Http1Reply){200, NULL, 0, path, head->path.size}), 0);
    peer_release(exchange);
}

#define OK(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body
#define OK_CLOSE(length, body)                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\nConnection: close\r\n\r\n" body
#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(lines, body) "POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n\r\n" body
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static inline void assert_phase(Peer *peer, int phase)
{
    assert_int_equal(http1_connection_phase(peer->connection), phase);
}

/* All of the output, which is then consumed. */
static inline void assert_output(Peer *peer, const char *text)
{
    Buffer *output = http1_connection_output(peer->connection);

    buffer_append(output, "", 1);
    if (output->size != strlen(text) + 1 || memcmp(output->bytes, text, output->size) != 0)
        fail_msg("output: %s\ninstead of: %s", output->bytes, text);
    buffer_clear(output);
}

/* The output begins with `before`, then comes a refusal, and the connection takes nothing more. */
static inline void assert_refused_after(Peer *peer, const char *before, int status)
{
    Buffer *output = http1_connection_output(peer->connection);
    size_t before_size = strlen(before);
    char line[32];

    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    buffer_append(output, "", 1);
    if (output->size < before_size || memcmp(output->bytes, before, before_size) != 0 ||
        strncmp(output->bytes + before_size, line, strlen(line)) != 0 ||
        strstr(output->bytes + before_size, "\r\nConnection: close\r\n") == NULL ||
        strstr(output->bytes + before_size + 1, "HTTP/1.1 ") != NULL)
        fail_msg("output: %s\ninstead of: %s%s", output->bytes, before, line);
    buffer_clear(output);
    assert_phase(peer, HTTP1_FINISHED);
    assert_false(http1_connection_wants_input(peer->connection));
    peer_feed(peer, GET("/"));
    http1_connection_continue(peer->connection);
    http1_connection_end_input(peer->connection);
    assert_output(peer, "");
    assert_int_equal(peer->connection->input.size, 0);
}

static inline void assert_refused(Peer *peer, int status)
{
    assert_refused_after(peer, "", status);
}

#endif
