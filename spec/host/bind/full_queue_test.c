/* Requests and calls of an isolate that does not get to its events: with its queue full it gets no
 * new ones, and still hears what came of those it has. */
#include "../server/client_fixture.h"

#include "base/error.h"
#include "base/memory.h"
#include "bind/call.h"
#include "bind/exchange.h"
#include "bind/isolates.h"
#include "bind/local_call.h"

enum { EVENT_LIMIT = 2 };

static Host host;
static Isolate *isolate;
static Server *server;

static const char hello[] = "GET /s HTTP/1.1\r\nHost: a\r\n\r\n";
static const char call[] = "{\"method\":\"S.Do\",\"params\":[1],\"id\":7}\n";

static int host_setup(void **state)
{
    IsolateOptions options = {
        .name = "slow",
        .entry = "perigee.service.instance",
        .soft_size = 16 * 1024 * 1024,
        .hard_size = 32 * 1024 * 1024,
        .event_limit = EVENT_LIMIT,
        .push_host = isolates_push_service_host,
        .host = &host,
    };
    char *error;
    Handle handle;

    if (loop_setup(state) < 0)
        return -1;
    host = (Host){.loop = loop, .pulse = memory_alloc(sizeof *host.pulse)};
    handle_table_init(&host.isolates);
    handle_table_init(&host.exchanges);
    handle_table_init(&host.calls);
    handle_table_init(&host.local_calls);
    host.gob_types = gob_types_create();
    host.mounts = mount_table_create();
    host.methods = method_table_create();
    options.loop = loop;
    if (isolate_create(&options, &isolate, &error) < 0)
        return -1;
    handle = handle_table_add(&host.isolates, isolate);
    isolate_set_handle(isolate, handle);
    if (mount_table_add(host.mounts, "/s", 2, (MountTarget){.handle = handle}) < 0)
        return -1;
    return method_table_add(host.methods, "S", 1, handle);
}

static int host_teardown(void **state)
{
    isolates_close(&host, isolate);
    server_close(server);
    close_clients();
    host_metrics_close(&host);
    mount_table_destroy(host.mounts);
    method_table_destroy(host.methods);
    gob_types_destroy(host.gob_types);
    handle_table_deinit(&host.isolates);
    handle_table_deinit(&host.exchanges);
    handle_table_deinit(&host.calls);
    handle_table_deinit(&host.local_calls);
    memory_free(host.pulse);
    return loop_teardown(state);
}

static void serve_http(void)
{
    HttpServerOptions options = http_server_default_options;

    options.handler = &exchange_handler;
    options.owner = &host;
    assert_int_equal(http_server_open(loop, listen_for_clients(), &options, &server), 0);
}

static void serve_rpc(void)
{
    RpcServerOptions options = rpc_server_default_options;

    options.handler = &call_handler;
    options.owner = &host;
    assert_int_equal(rpc_server_open(loop, listen_for_clients(), &options, host.gob_types, &server),
                     0);
}

static uint64_t requests(void)
{
    return server_counters(server)->request_count;
}

static uint64_t abandoned(void)
{
    return server_counters(server)->abandoned_count;
}

/* Its id. */
static Handle expect_event(EventKind kind)
{
    Event event;

    assert_true(isolate_pop_event(isolate, &event));
    memory_free(event.bytes);
    assert_int_equal(event.kind, kind);
    return event.id;
}

static uint64_t turned_away(void)
{
    IsolateCounters counters;

    isolate_read_counters(isolate, &counters);
    return counters.turned_away_count;
}

static Client *send_and_wait(const char *text)
{
    Client *client = connect_client();
    uint64_t before = requests();

    say(client, text);
    RUN_UNTIL(requests() > before);
    return client;
}

static void requests_beyond_the_limit_are_answered(void **state)
{
    Client *third;

    (void)state;
    serve_http();
    send_and_wait(hello);
    send_and_wait(hello);
    third = send_and_wait(hello);
    RUN_UNTIL(has_got(third, "no room for another request"));
    assert_true(has_got(third, "HTTP/1.1 503 "));
    assert_int_equal(turned_away(), 1);
}

static void calls_beyond_the_limit_are_answered(void **state)
{
    Client *third;

    (void)state;
    serve_rpc();
    send_and_wait(call);
    send_and_wait(call);
    third = send_and_wait(call);
    RUN_UNTIL(has_got(third, "no room for another call"));
    assert_int_equal(turned_away(), 1);
}

static void a_full_queue_still_hears_of_clients_that_went(void **state)
{
    Client *clients_of_it[EVENT_LIMIT];
    Handle ids[EVENT_LIMIT];

    (void)state;
    serve_http();
    for (int i = 0; i < EVENT_LIMIT; i++)
        clients_of_it[i] = send_and_wait(hello);
    for (uint64_t i = 0; i < EVENT_LIMIT; i++) {
        reset(clients_of_it[i]);
        RUN_UNTIL(abandoned() == i + 1);
    }
    for (int i = 0; i < EVENT_LIMIT; i++)
        ids[i] = expect_event(EVENT_REQUEST);
    for (int i = 0; i < EVENT_LIMIT; i++)
        assert_int_equal(expect_event(EVENT_ABANDONED), ids[i]);
}

static void a_full_queue_still_hears_of_callers_that_went(void **state)
{
    Client *first;
    Handle id;

    (void)state;
    serve_rpc();
    first = send_and_wait(call);
    send_and_wait(call);
    reset(first);
    RUN_UNTIL(abandoned() == 1);
    id = expect_event(EVENT_CALL);
    expect_event(EVENT_CALL);
    assert_int_equal(expect_event(EVENT_CALL_ABANDONED), id);
}

static void a_full_queue_still_hears_of_bodies(void **state)
{
    Client *upload;
    Handle id;

    (void)state;
    serve_http();
    upload = send_and_wait("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    id = expect_event(EVENT_REQUEST);
    http_server_await_body(exchange_find(&host, id)->exchange);
    send_and_wait(hello);
    send_and_wait(hello);
    say(upload, "body");
    RUN_UNTIL(http1_exchange_body_status(exchange_find(&host, id)->exchange) == 1);
    expect_event(EVENT_REQUEST);
    expect_event(EVENT_REQUEST);
    assert_int_equal(expect_event(EVENT_BODY), id);
}

static Handle start_call(uint32_t credit)
{
    LocalTarget target = {
        .method = {"S.Do", 4},
          .argument = {"",     0},
          .credit = credit
    };
    Handle id = 0;

    assert_int_equal(local_call_start(isolate, &target, &id), 0);
    return id;
}

/* Here the isolate calls itself. */
static void a_full_queue_still_hears_of_answers(void **state)
{
    Handle last;

    (void)state;
    serve_rpc();
    start_call(0);
    start_call(0);
    last = start_call(0); /* which is refused at once */
    expect_event(EVENT_CALL);
    expect_event(EVENT_CALL);
    assert_int_equal(expect_event(EVENT_ANSWER), last);
}

static void a_full_queue_still_hears_of_items_and_room(void **state)
{
    static const RpcSlice item = {"item", 4};
    Handle id, taken;
    CallBox *box;

    (void)state;
    serve_rpc();
    id = start_call(1);
    taken = expect_event(EVENT_CALL);
    box = handle_table_find(&host.calls, taken);
    start_call(0);
    start_call(0);
    assert_int_equal(rpc_call_send(box->call, item), 0);
    assert_int_equal(rpc_call_send(box->call, item), ERR_AGAIN);
    local_call_grant(isolate, id, 1);
    expect_event(EVENT_CALL);
    expect_event(EVENT_CALL);
    assert_int_equal(expect_event(EVENT_ITEM), id);
    assert_int_equal(expect_event(EVENT_CALL_ROOM), taken);
}

#define host_test(test) cmocka_unit_test_setup_teardown(test, host_setup, host_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(requests_beyond_the_limit_are_answered),
        host_test(calls_beyond_the_limit_are_answered),
        host_test(a_full_queue_still_hears_of_clients_that_went),
        host_test(a_full_queue_still_hears_of_callers_that_went),
        host_test(a_full_queue_still_hears_of_bodies),
        host_test(a_full_queue_still_hears_of_answers),
        host_test(a_full_queue_still_hears_of_items_and_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
