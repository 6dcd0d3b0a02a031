#include "server/server.h"

#include <unistd.h>

#include "base/memory.h"
#include "server/server_connection.h"

/* Beyond so many at once, connections over the bound are closed without a word. */
enum { REFUSAL_COUNT = 64 };

enum { WARM_TIMEOUT_MS = 1000, LINGER_TIMEOUT_MS = 1000, LAST_TIMEOUT_MS = 1000 };

void server_enter(Server *server)
{
    server->depth++;
}

static ServerConnection *first_of(const List *list)
{
    return list_is_empty(list) ? NULL : list_entry(list->next, ServerConnection, node);
}

/* Flushing and freeing make callbacks, which may touch and close other connections. */
static void settle(Server *server)
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

void server_leave(Server *server)
{
    if (server->depth == 1)
        settle(server);
    server->depth--;
    if (server->depth == 0 && server->is_closed) {
        memory_free(server->setup.state);
        memory_free(server);
    }
}

static void refresh(Server *server)
{
    if (server->setup.kind->refresh != NULL)
        server->setup.kind->refresh(server->setup.state);
}

static void on_tick(void *owner)
{
    Server *server = owner;
    ExpiryEntry *entry;

    server->is_ticking = server->counters.connection_count > 0;
    if (!server->is_ticking) {
        timer_stop(server->tick);
        return;
    }
    refresh(server);
    server_enter(server);
    while ((entry = expiry_first(&server->expiry, loop_now_ms(server->loop))) != NULL)
        server_connection_expire(list_entry(entry, ServerConnection, expiry));
    server_leave(server);
}

static void start_ticking(Server *server)
{
    uint64_t tick_ms = expiry_tick_ms(&server->expiry);

    if (server->is_ticking)
        return;
    server->is_ticking = true;
    refresh(server);
    timer_start(server->tick, tick_ms, tick_ms);
}

static bool has_word_for_one_more(const Server *server)
{
    return server->setup.kind->full_text != NULL && server->refusal_count < REFUSAL_COUNT;
}

static void on_trouble(void *owner, int status)
{
    ServerCounters *counters = &((Server *)owner)->counters;

    counters->accept_status = status;
    counters->accept_failure_count += status < 0;
}

static void on_accept(void *owner, Stream *stream)
{
    Server *server = owner;
    size_t served_count = server->counters.connection_count - server->refusal_count;

    server_enter(server);
    start_ticking(server);
    if (served_count < server->setup.bounds.connection_count) {
        server->counters.accepted_count++;
        server_connection_open(server, stream);
    } else {
        server->counters.refused_count++;
        if (has_word_for_one_more(server))
            server_connection_refuse(server, stream);
        else
            stream_close(stream);
    }
    server_leave(server);
}

static const ListenerHandler listener_handler = {
    .on_accept = on_accept,
    .on_trouble = on_trouble,
};

/* An idle connection is warm at first, then only idle; together that takes the idle timeout. */
static void init_expiry(Server *server)
{
    const ServerBounds *bounds = &server->setup.bounds;
    uint64_t idle_ms = bounds->idle_timeout_ms;
    uint64_t warm_ms =
        idle_ms != 0 && idle_ms < 2 * WARM_TIMEOUT_MS ? idle_ms / 2 + 1 : WARM_TIMEOUT_MS;

    uint64_t head_ms = bounds->head_timeout_ms;

    expiry_init(
        &server->expiry,
        (uint64_t[EXPIRY_KIND_COUNT]){
            [EXPIRY_HEAD] = head_ms,
            [EXPIRY_BODY] = bounds->body_timeout_ms,
            [EXPIRY_WARM] = warm_ms,
            [EXPIRY_IDLE] = idle_ms > warm_ms ? idle_ms - warm_ms : idle_ms,
            [EXPIRY_WRITE] = bounds->write_timeout_ms,
            [EXPIRY_LINGER] = LINGER_TIMEOUT_MS,
            [EXPIRY_LAST] = head_ms != 0 && head_ms < LAST_TIMEOUT_MS ? head_ms : LAST_TIMEOUT_MS,
        });
}

int server_open(Loop *loop, int fd, const ServerSetup *setup, Server **out)
{
    Server *server = memory_alloc(sizeof *server);
    int result;

    server->loop = loop;
    server->setup = *setup;
    list_init(&server->touched);
    list_init(&server->dead);
    init_expiry(server);
    if ((result = timer_create_on(loop, on_tick, server, &server->tick)) < 0) {
        close(fd);
        goto fail;
    }
    if ((result = listener_open(loop, fd, &listener_handler, server, &server->listener)) < 0)
        goto fail;
    *out = server;
    return 0;

fail:
    server_close(server);
    return result;
}

void server_set_tls(Server *server, TlsContext *context)
{
    tls_context_release(server->tls);
    server->tls = context;
}

void server_flush(Server *server)
{
    server_enter(server);
    server_leave(server);
}

static void touch_all(Server *server)
{
    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        list_each (node, &server->expiry.lists[kind])
            server_connection_touch(list_entry(node, ServerConnection, expiry.node));
    }
}

void server_drain(Server *server)
{
    server_enter(server);
    server->is_draining = true;
    if (server->listener != NULL)
        listener_accept_waiting(server->listener);
    listener_close(server->listener);
    server->listener = NULL;
    touch_all(server);
    server_leave(server);
}

const ServerCounters *server_counters(const Server *server)
{
    return &server->counters;
}

void server_close(Server *server)
{
    ExpiryEntry *entry;

    if (server == NULL)
        return;
    server_enter(server);
    listener_close(server->listener);
    timer_close(server->tick);
    server_set_tls(server, NULL);
    server->is_closed = true;
    while ((entry = expiry_any(&server->expiry)) != NULL)
        server_connection_close(list_entry(entry, ServerConnection, expiry));
    server_leave(server);
}
