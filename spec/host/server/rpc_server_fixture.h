/* What the tests of the RPC server share: one server whose calls are recorded and, when told,
 * answered. */
#ifndef PERIGEE_SPEC_RPC_SERVER_FIXTURE_H
#define PERIGEE_SPEC_RPC_SERVER_FIXTURE_H

#include "client_fixture.h"

#include "base/error.h"
#include "server/rpc_server.h"

enum { CALL_COUNT = 64 };

static Server *server;
static GobTypes *types;

/* What the handler got, and what it is to do about it. */
static RpcCall *calls[CALL_COUNT]; /* NULL once answered */
static int call_count, abandoned_count;
static const char *answer; /* a JSON text; NULL: the test answers by itself */
static void (*during_callback)(void);

#define CALL(id) "{\"method\":\"S.Do\",\"params\":[1],\"id\":" id "}\n"
#define ANSWER(id, value) "{\"id\":" id ",\"result\":" value ",\"error\":null}\n"

/* The same in MessagePack-RPC, as number 5. */
static const char packed_call[] = "\x94\x00\x05\xa4S.Do\x91\x01";

static inline int give_answer(int i, const char *text)
{
    RpcCall *call = calls[i];

    calls[i] = NULL;
    return rpc_call_answer(call, &(RpcReply){.bytes = text, .size = strlen(text)});
}

static inline void on_call(void *owner, RpcCall *call, const Address *peer)
{
    assert_ptr_equal(owner, &call_count);
    assert_true(peer->raw_size > 0);
    assert_true(call_count < CALL_COUNT);
    calls[call_count++] = call;
    if (during_callback != NULL)
        during_callback();
    if (answer != NULL)
        give_answer(call_count - 1, answer);
}

static inline void on_abandoned(void *owner, RpcCall *call)
{
    assert_ptr_equal(owner, &call_count);
    (void)call;
    abandoned_count++;
}

static const RpcServerHandler handler = {.on_call = on_call, .on_abandoned = on_abandoned};

static inline RpcServerOptions patient_options(void)
{
    RpcServerOptions options = rpc_server_default_options;

    options.bounds.head_timeout_ms = options.bounds.body_timeout_ms = LONG_MS;
    options.bounds.write_timeout_ms = LONG_MS;
    options.handler = &handler;
    options.owner = &call_count;
    return options;
}

static inline void open_server(const RpcServerOptions *options)
{
    assert_int_equal(rpc_server_open(loop, listen_for_clients(), options, types, &server), 0);
}

static inline void open_patient_server(void)
{
    RpcServerOptions options = patient_options();

    open_server(&options);
}

/* Opens one that answers `with`, and a client that says `text`. */
static inline Client *open_and_say(const char *with, const char *text)
{
    Client *client;

    answer = with;
    open_patient_server();
    client = connect_client();
    say(client, text);
    return client;
}

static inline int server_setup(void **state)
{
    server = NULL;
    call_count = abandoned_count = 0;
    memset(calls, 0, sizeof calls);
    answer = "7";
    during_callback = NULL;
    types = gob_types_create();
    return loop_setup(state);
}

static inline int server_teardown(void **state)
{
    during_callback = NULL;
    server_close(server);
    for (int i = 0; i < call_count; i++) {
        if (calls[i] != NULL)
            assert_int_equal(give_answer(i, "1"), ERR_CLOSED);
    }
    close_clients();
    gob_types_destroy(types);
    return loop_teardown(state);
}

#define server_test(test) cmocka_unit_test_setup_teardown(test, server_setup, server_teardown)

static inline const ServerCounters *counters(void)
{
    return server_counters(server);
}

static inline void expect_text(Client *client, const char *text)
{
    RUN_UNTIL(has_got(client, text));
    assert_int_equal(client->received.size, strlen(text));
    assert_memory_equal(client->received.bytes, text, strlen(text));
    buffer_clear(&client->received);
}

#endif
