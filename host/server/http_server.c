#include "server/http_server.h"

#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "server/server_connection.h"

/* Beyond so many at once, connections over the bound are closed without the 503. */
enum { REFUSAL_COUNT = 64 };

enum { WARM_TIMEOUT_MS = 1000, LINGER_TIMEOUT_MS = 1000 };

const HttpServerOptions http_server_default_options = {
    .limits = HTTP1_DEFAULT_LIMITS,
    .connection_count = 10000,
    .unsent_size = 256 * 1024,
    .head_timeout_ms = 5000,
    .body_timeout_ms = 10000,
    .idle_timeout_ms = 75000,
    .write_timeout_ms = 30000,
};

void http_server_enter(HttpServer *server)
{
    server->depth++;
}

static ServerConnection *first_of(const List *list)
{
    return list_is_empty(list) ? NULL : list_entry(list->next, ServerConnection, node);
}

/* Flushing and freeing make callbacks, which may touch and close other connections. */
static void settle(HttpServer *server)
{
    ServerConnection *connection;

    for (;;) {
        if ((connection = first_of(&server->touched)) != NULL) {
            list_unlink(&connection->node);
            server_connection_flush(connection);
        } else if ((connection = first_of(&server->dead)) != NULL) {
            server_connection_free(connection);
        } else {
            return;
        }
    }
}

void http_server_leave(HttpServer *server)
{
    if (server->depth == 1)
        settle(server);
    server->depth--;
    if (server->depth == 0 && server->is_closed)
        memory_free(server);
}

static void refresh_date(HttpServer *server)
{
    http1_format_date((int64_t)clock_wall_s(), server->date);
}

static void on_tick(void *owner)
{
    HttpServer *server = owner;
    uint64_t now_ms = clock_monotonic_ns() / 1000000;
    ExpiryEntry *entry;

    server->is_ticking = server->counters.connection_count > 0;
    if (!server->is_ticking) {
        timer_stop(server->tick);
        return;
    }
    refresh_date(server);
    http_server_enter(server);
    while ((entry = expiry_first(&server->expiry, now_ms)) != NULL)
        server_connection_expire(list_entry(entry, ServerConnection, expiry));
    http_server_leave(server);
}

static void start_ticking(HttpServer *server)
{
    uint64_t tick_ms = expiry_tick_ms(&server->expiry);

    if (server->is_ticking)
        return;
    server->is_ticking = true;
    refresh_date(server);
    timer_start(server->tick, tick_ms, tick_ms);
}

static void on_accept(void *owner, Stream *stream)
{
    HttpServer *server = owner;
    size_t served_count = server->counters.connection_count - server->refusal_count;

    http_server_enter(server);
    start_ticking(server);
    if (served_count < server->options.connection_count) {
        server->counters.accepted_count++;
        server_connection_open(server, stream);
    } else {
        server->counters.refused_count++;
        if (server->refusal_count < REFUSAL_COUNT)
            server_connection_refuse(server, stream);
        else
            stream_close(stream);
    }
    http_server_leave(server);
}

/* An idle connection is warm at first, then only idle; together that takes the idle timeout. */
static void init_expiry(HttpServer *server)
{
    const HttpServerOptions *options = &server->options;
    uint64_t idle_ms = options->idle_timeout_ms;
    uint64_t warm_ms =
        idle_ms != 0 && idle_ms < 2 * WARM_TIMEOUT_MS ? idle_ms / 2 + 1 : WARM_TIMEOUT_MS;

    expiry_init(&server->expiry,
                (uint64_t[EXPIRY_KIND_COUNT]){
                    [EXPIRY_HEAD] = options->head_timeout_ms,
                    [EXPIRY_BODY] = options->body_timeout_ms,
                    [EXPIRY_WARM] = warm_ms,
                    [EXPIRY_IDLE] = idle_ms > warm_ms ? idle_ms - warm_ms : idle_ms,
                    [EXPIRY_WRITE] = options->write_timeout_ms,
                    [EXPIRY_LINGER] = LINGER_TIMEOUT_MS,
                });
}

int http_server_open(Loop *loop, int fd, const HttpServerOptions *options, HttpServer **out)
{
    HttpServer *server = memory_alloc(sizeof *server);
    int result;

    assert(options->handler != NULL);
    server->options = *options;
    list_init(&server->touched);
    list_init(&server->dead);
    init_expiry(server);
    if ((result = timer_create_on(loop, on_tick, server, &server->tick)) < 0) {
        close(fd);
        goto fail;
    }
    if ((result = listener_open(loop, fd, on_accept, server, &server->listener)) < 0)
        goto fail;
    *out = server;
    return 0;

fail:
    http_server_close(server);
    return result;
}

void http_server_set_tls(HttpServer *server, TlsContext *context)
{
    tls_context_release(server->tls);
    server->tls = context;
}

int http_server_respond(Http1Exchange *exchange, const Http1Reply *reply)
{
    ServerConnection *connection = http1_exchange_owner(exchange);
    int result = http1_exchange_respond(exchange, reply);

    if (connection != NULL)
        server_connection_touch(connection);
    return result;
}

void http_server_await_body(Http1Exchange *exchange)
{
    ServerConnection *connection = http1_exchange_owner(exchange);

    http1_exchange_await_body(exchange);
    if (connection != NULL)
        server_connection_touch(connection);
}

void http_server_flush(HttpServer *server)
{
    http_server_enter(server);
    http_server_leave(server);
}

const Address *http_server_peer(const Http1Exchange *exchange)
{
    static const Address unknown;
    const ServerConnection *connection = http1_exchange_owner(exchange);

    if (connection == NULL || connection->stream == NULL)
        return &unknown;
    return stream_peer(connection->stream);
}

bool http_server_trusts(const Http1Exchange *exchange)
{
    const ServerConnection *connection = http1_exchange_owner(exchange);

    return connection != NULL && connection->server->options.is_trusted;
}

bool http_server_describe_tls(const Http1Exchange *exchange, TlsDescription *out)
{
    const ServerConnection *connection = http1_exchange_owner(exchange);
    const Filter *filter;

    if (connection == NULL || connection->stream == NULL)
        return false;
    if ((filter = stream_filter(connection->stream)) == NULL)
        return false;
    *out = tls_filter_describe(filter);
    return true;
}

static void touch_all(HttpServer *server)
{
    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        list_each (node, &server->expiry.lists[kind])
            server_connection_touch(list_entry(node, ServerConnection, expiry.node));
    }
}

void http_server_drain(HttpServer *server)
{
    http_server_enter(server);
    listener_close(server->listener);
    server->listener = NULL;
    server->is_draining = true;
    touch_all(server);
    http_server_leave(server);
}

const HttpServerCounters *http_server_counters(const HttpServer *server)
{
    return &server->counters;
}

void http_server_close(HttpServer *server)
{
    ExpiryEntry *entry;

    if (server == NULL)
        return;
    http_server_enter(server);
    listener_close(server->listener);
    timer_close(server->tick);
    http_server_set_tls(server, NULL);
    server->is_closed = true;
    while ((entry = expiry_any(&server->expiry)) != NULL)
        server_connection_close(list_entry(entry, ServerConnection, expiry));
    http_server_leave(server);
}
