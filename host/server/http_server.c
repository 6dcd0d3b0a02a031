#include "server/http_server.h"

#include <assert.h>

#include "base/memory.h"
#include "server/http_session.h"

const HttpServerOptions http_server_default_options = {
    .limits = HTTP1_DEFAULT_LIMITS,
    .bounds = {.connection_count = 10000,
               .unsent_size = 256 * 1024,
               .head_timeout_ms = 5000,
               .body_timeout_ms = 10000,
               .idle_timeout_ms = 75000,
               .write_timeout_ms = 30000}
};

int http_server_open(Loop *loop, int fd, const HttpServerOptions *options, Server **out)
{
    HttpState *state = memory_alloc(sizeof *state);

    assert(options->handler != NULL);
    state->options = *options;
    return server_open(loop, fd, &(ServerSetup){&http_session, state, options->bounds}, out);
}

const HttpCounters *http_server_counters(const Server *server)
{
    if (server->setup.kind != &http_session)
        return NULL;
    return &http_session_state(server)->counters;
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

    return connection != NULL && http_session_state(connection->server)->options.is_trusted;
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
