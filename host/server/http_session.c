#include "server/http_session.h"

#include <assert.h>

#include "base/clock.h"
#include "base/error.h"
#include "http/http1_file.h"
#include "http/http1_stream.h"

HttpState *http_session_state(const Server *server)
{
    assert(server->setup.kind == &http_session);
    return server->setup.state;
}

static const HttpServerOptions *options_of(void *owner)
{
    const HttpState *state = ((ServerConnection *)owner)->server->setup.state;

    return &state->options;
}

static uint64_t body_limit(void *owner, const Http1Head *head)
{
    const HttpServerOptions *options = options_of(owner);

    if (options->handler->body_limit == NULL)
        return 0;
    return options->handler->body_limit(options->owner, head);
}

static void on_request(void *owner, Http1Exchange *exchange)
{
    const HttpServerOptions *options = options_of(owner);

    ((ServerConnection *)owner)->server->counters.request_count++;
    options->handler->on_request(options->owner, exchange);
}

static void on_body(void *owner, Http1Exchange *exchange)
{
    const HttpServerOptions *options = options_of(owner);

    options->handler->on_body(options->owner, exchange);
}

static void on_abandoned(void *owner, Http1Exchange *exchange)
{
    const HttpServerOptions *options = options_of(owner);

    ((ServerConnection *)owner)->server->counters.abandoned_count++;
    options->handler->on_abandoned(options->owner, exchange);
}

static void on_room(void *owner, Http1Exchange *exchange)
{
    const HttpServerOptions *options = options_of(owner);

    options->handler->on_room(options->owner, exchange);
}

static const Http1Handler http1_handler = {
    .body_limit = body_limit,
    .on_request = on_request,
    .on_body = on_body,
    .on_abandoned = on_abandoned,
    .on_room = on_room,
};

static void *create(ServerConnection *connection)
{
    HttpState *state = connection->server->setup.state;
    Http1Connection *http1 =
        http1_connection_create(&state->options.limits, &http1_handler, connection);

    http1_connection_set_date(http1, state->date);
    http1_connection_set_counters(http1, &state->counters.http1);
    if (connection->server->tls != NULL || state->options.is_trusted)
        http1_connection_set_secure(http1);
    return http1;
}

static void destroy(void *session)
{
    http1_connection_destroy(session);
}

static void feed(void *session, const char *bytes, size_t size)
{
    http1_connection_feed(session, bytes, size);
}

static void end_input(void *session)
{
    if (http1_connection_ends_with_input(session))
        server_connection_close(http1_connection_owner(session));
    else
        http1_connection_end_input(session);
}

static SessionOutput advance(void *session)
{
    http1_connection_continue(session);
    return (SessionOutput){
        .bytes = http1_connection_output(session),
        .has_file = http1_connection_file(session) != NULL,
    };
}

static void fail_file(ServerConnection *connection, int status)
{
    HttpState *state = connection->server->setup.state;

    if (status == ERR_EOF) {
        state->counters.cut_file_count++;
        http1_connection_fail_file(connection->session);
    } else {
        server_connection_close(connection);
    }
}

static bool send_file(ServerConnection *connection)
{
    const Http1FilePiece *piece = http1_connection_file(connection->session);
    uint64_t size = piece->size;
    int64_t sent = stream_send_file(connection->stream, piece->file, piece->offset, size);

    if (sent < 0) {
        fail_file(connection, (int)sent);
        return false;
    }
    connection->server->counters.sent_size += (uint64_t)sent;
    http1_connection_consume_file(connection->session, (uint64_t)sent);
    return (uint64_t)sent == size;
}

static void offer_room(void *session)
{
    http1_connection_offer_room(session);
}

static SessionStatus status(const void *session)
{
    static const uint8_t awaited[] = {
        [HTTP1_IDLE] = EXPIRY_WARM,         [HTTP1_READING_HEAD] = EXPIRY_HEAD,
        [HTTP1_READING_BODY] = EXPIRY_BODY, [HTTP1_ANSWERING] = EXPIRY_NONE,
        [HTTP1_UPGRADED] = EXPIRY_NONE,     [HTTP1_FINISHED] = EXPIRY_NONE,
    };
    int phase = http1_connection_phase(session);

    return (SessionStatus){
        .progress = http1_connection_progress(session),
        .awaited = awaited[phase],
        .wants_input = http1_connection_wants_input(session),
        .is_finished = phase == HTTP1_FINISHED,
    };
}

static SessionEnding ending(const void *session)
{
    int refused_status = http1_connection_refusal(session);

    return (SessionEnding){
        .is_rejected = refused_status != 0 && refused_status != 408,
        .is_cut = http1_connection_is_cut(session),
    };
}

static void drain(void *session)
{
    http1_connection_drain(session);
}

static void stop(void *session)
{
    http1_connection_fail(session, 0);
}

/* Says nothing to a client that has begun nothing. */
static void refuse_slow(void *session)
{
    http1_connection_fail(session, http1_connection_phase(session) == HTTP1_IDLE ? 0 : 408);
}

static void trim(void *session)
{
    http1_connection_trim(session);
}

static void refresh(void *state)
{
    http1_format_date((int64_t)clock_wall_s(), ((HttpState *)state)->date);
}

const SessionKind http_session = {
    .create = create,
    .destroy = destroy,
    .feed = feed,
    .end_input = end_input,
    .advance = advance,
    .send_file = send_file,
    .offer_room = offer_room,
    .status = status,
    .ending = ending,
    .drain = drain,
    .stop = stop,
    .refuse_slow = refuse_slow,
    .trim = trim,
    .refresh = refresh,
    .full_text = "HTTP/1.1 503 Service Unavailable\r\n"
                 "Content-Length: 0\r\n"
                 "Retry-After: 1\r\n"
                 "Connection: close\r\n"
                 "\r\n",
    /* For whoever typed http:// and the port of https://. */
    .not_tls_text = "HTTP/1.1 400 Bad Request\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\n"
                    "Content-Length: 53\r\n"
                    "Connection: close\r\n"
                    "\r\n"
                    "This port speaks HTTPS: begin the URL with https://.\n",
};
