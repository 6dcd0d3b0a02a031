/* Calls in any protocol: what is heard and what is said, whatever the pieces they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc_peer.h"

typedef struct Case {
    const char *bytes;
    size_t size;
    const char *seen;
    const char *said;
    size_t said_size;
    int phase;
} Case;

#define CASE(bytes, seen, said, phase)                                                             \
    {                                                                                              \
        bytes, sizeof bytes - 1, seen, said, sizeof said - 1, phase                                \
    }

/* What a client of Go 1.19 sends for Calculator.Add(&Args{10, 5}), and for (10, -5) then. */
#define REQUEST_TYPE                                                                               \
    "\x2f\xff\x81\x03\x01\x01\x07"                                                                 \
    "Request\x01\xff\x82\x00\x01\x02\x01\x0dServiceMethod\x01\x0c\x00\x01\x03Seq\x01\x06\x00\x00"  \
    "\x00"
#define ARGS_TYPE                                                                                  \
    "\x1e\xff\x83\x03\x01\x01\x04"                                                                 \
    "Args\x01\xff\x84\x00\x01\x02\x01\x01"                                                         \
    "A\x01\x04\x00\x01\x01"                                                                        \
    "B\x01\x04\x00\x00\x00"
#define FIRST_HEADER                                                                               \
    "\x13\xff\x82\x01\x0e"                                                                         \
    "Calculator.Add\x00"
#define SECOND_HEADER                                                                              \
    "\x15\xff\x82\x01\x0e"                                                                         \
    "Calculator.Add\x01\x01\x00"
#define ARGS "\x07\xff\x84\x01\x14\x01\x0a\x00"
#define RESPONSE_TYPE                                                                              \
    "\x1e\xff\x81\x03\x01\x02\xff\x82\x00\x01\x02\x01\x03Seq\x01\x06\x00\x01\x05"                  \
    "Error\x01\x0c\x00\x00\x00"
#define SUM "\x03\x04\x00\x1e"

static const Case cases[] = {
    CASE(REQUEST_TYPE FIRST_HEADER ARGS_TYPE ARGS, "Calculator.Add 7;",
         RESPONSE_TYPE "\x03\xff\x82\x00" SUM, RPC_IDLE),
    CASE(REQUEST_TYPE FIRST_HEADER ARGS_TYPE ARGS SECOND_HEADER ARGS,
         "Calculator.Add 7;Calculator.Add 7;",
         RESPONSE_TYPE "\x03\xff\x82\x00" SUM "\x05\xff\x82\x01\x01\x00" SUM, RPC_IDLE),
    CASE(REQUEST_TYPE FIRST_HEADER, "", "", RPC_IDLE),
    /* a definition twice; a header of a type that is none; no length; a reserved prefix */
    CASE(REQUEST_TYPE REQUEST_TYPE, "", "", RPC_FINISHED),
    CASE(ARGS_TYPE ARGS, "", "", RPC_FINISHED),
    CASE(REQUEST_TYPE "\x00", "", "", RPC_FINISHED),
    CASE(REQUEST_TYPE "\x80", "", "", RPC_FINISHED),
    CASE(REQUEST_TYPE "\xfc\x7f\xff\xff\xff", "", "", RPC_FINISHED),
    CASE("CONNECT /_goRPC_ HTTP/1.0\n\n" REQUEST_TYPE FIRST_HEADER ARGS_TYPE ARGS,
         "Calculator.Add 7;",
         "HTTP/1.0 200 Connected to Go RPC\n\n" RESPONSE_TYPE "\x03\xff\x82\x00" SUM, RPC_IDLE),
    /* Go's dialect of JSON-RPC 1.0 */
    CASE("{\"method\":\"C.Add\",\"params\":[{\"A\":10}],\"id\":0}\n", "C.Add 10;",
         "{\"id\":0,\"result\":7,\"error\":null}\n", RPC_IDLE),
    CASE(" {\"method\" : \"C.\\u0041dd\" , \"params\" : [ ] , \"id\" : {\"k\": [1]} }{\"METHOD\":"
         "\"C.B\"}\r\n",
         "C.Add 3;C.B 0;",
         "{\"id\":{\"k\": [1]},\"result\":7,\"error\":null}\n{\"id\":null,\"result\":7,\"error\":"
         "null}\n",
         RPC_IDLE),
    CASE("{\"method\":\"C.Add\",\"params\":[1],\"id\":100000000000000000000}", "C.Add 3;",
         "{\"id\":100000000000000000000,\"result\":7,\"error\":null}\n", RPC_IDLE),
    CASE("{\"method\":5}", "", "", RPC_FINISHED),
    CASE("{\"method\":\"C.Add\"x", "", "", RPC_FINISHED),
    CASE("{} 5", "", "", RPC_FINISHED),
    /* JSON-RPC 2.0 */
    CASE("{\"jsonrpc\":\"2.0\",\"method\":\"C.Add\",\"params\":{\"A\":1},\"id\":\"x\"}", "C.Add 7;",
         "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":\"x\"}\n", RPC_IDLE),
    CASE("{\"jsonrpc\":\"2.0\",\"method\":\"C.Add\"}", "C.Add 0;", "", RPC_IDLE),
    CASE("{\"jsonrpc\":\"2.0\",\"method\":\"C.Add\",\"params\":1,\"id\":1}", "",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid "
         "Request\"},\"id\":1}\n",
         RPC_IDLE),
    CASE("[ ]", "",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid "
         "Request\"},\"id\":null}\n",
         RPC_IDLE),
    CASE("[{\"jsonrpc\":\"2.0\",\"method\":\"C.Add\",\"id\":1} , {\"jsonrpc\":\"2.0\",\"method\":"
         "\"C.B\"},{\"jsonrpc\":\"2.0\",\"method\":\"C.D\",\"id\":null}]",
         "C.Add 0;C.B 0;C.D 0;",
         "[{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1},{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":"
         "null}]\n",
         RPC_IDLE),
    CASE("[{\"jsonrpc\":\"2.0\",\"method\":\"C.B\"}]", "C.B 0;", "", RPC_IDLE),
    /* MessagePack-RPC: requests, notifications, all lengths of heads; and what is none */
    CASE("\x94\x00\x05\xa3"
         "C.A\x91\x82\xa1"
         "A\x0a\xa1"
         "B\x05",
         "C.A 8;",
         "\x94\x01\x05\xc0"
         "7",
         RPC_IDLE),
    CASE("\x93\x02\xa3"
         "C.A\x90\xdd\x00\x00\x00\x04\x00\xcd\x01\x00\xd9\x03"
         "C.B\xdc\x00\x01\xc0",
         "C.A 1;C.B 4;",
         "\x94\x01\xce\x00\x00\x01\x00\xc0"
         "7",
         RPC_IDLE),
    CASE("\x94\x00\x01\xa3"
         "C.A\x94\xcb\x01\x02\x03\x04\x05\x06\x07\x08\xc7\x02\x01xy\xd6\x01"
         "abcd\xc4\x01z",
         "C.A 24;",
         "\x94\x01\x01\xc0"
         "7",
         RPC_IDLE),
    CASE("\x94\x00\x05\x07\x90", "", "", RPC_FINISHED),
    CASE("\x94\x00\x05\xc1\x90", "", "", RPC_FINISHED),
    CASE("\x94\x00\x05\xa3"
         "C.A\xdf\xff\xff\xff\xff",
         "", "", RPC_FINISHED),
    CASE("{\"jsonrpc\":\"2.0\",\"method\":}", "",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse "
         "error\"},\"id\":null}\n",
         RPC_FINISHED),
};

static void check(const Case *found, size_t first, size_t step)
{
    RpcPeer peer;

    peer_open(&peer);
    peer_feed(&peer, found->bytes, found->size, first, step);
    assert_int_equal(strlen(found->seen), peer.seen.size);
    if (peer.seen.size > 0)
        assert_memory_equal(found->seen, peer.seen.bytes, peer.seen.size);
    assert_int_equal(found->said_size, peer.output.size);
    if (peer.output.size > 0)
        assert_memory_equal(found->said, peer.output.bytes, peer.output.size);
    assert_int_equal(found->phase, rpc_channel_phase(peer.channel));
    peer_close(&peer);
}

static void test_any_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t first = 1; first <= cases[i].size; first++) {
            check(&cases[i], first, cases[i].size);
            check(&cases[i], first, 1);
        }
    }
}

static void expect_said(const char *bytes, const char *said)
{
    RpcPeer peer;

    peer_open(&peer);
    peer_feed(&peer, bytes, strlen(bytes), strlen(bytes), 1);
    buffer_append(&peer.output, "", 1);
    assert_non_null(strstr(peer.output.bytes, said));
    assert_int_equal(RPC_FINISHED, rpc_channel_phase(peer.channel));
    assert_non_null(rpc_channel_refusal(peer.channel));
    peer_close(&peer);
}

static void test_strangers(void **state)
{
    (void)state;
    expect_said("hello, is anybody there?", "perigee: this port speaks");
    expect_said("\x16\x03\x01\x02", "perigee: this port speaks");
    expect_said("GET /rpc HTTP/1.1\r\n\r\n", "405 must CONNECT");
    expect_said("CONNECT /other HTTP/1.0\n\n", "HTTP/1.1 404 ");
}

/* With as many calls in flight as may be, nothing more is read; it goes on with the answers. */
static void test_bound_on_calls(void **state)
{
    static const char call[] = "{\"method\":\"C.A\",\"params\":[1],\"id\":1}";
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    peer.limits.pending_count = 2;
    peer.is_keeping = true;
    for (int i = 0; i < 3; i++)
        peer_feed(&peer, call, sizeof call - 1, sizeof call - 1, 1);
    assert_int_equal(12, peer.seen.size);
    assert_true(rpc_channel_wants_input(peer.channel));
    assert_int_equal(RPC_WAITING, rpc_channel_phase(peer.channel));
    rpc_channel_end_input(peer.channel);
    assert_int_equal(0, peer.abandoned_count);
    rpc_channel_abandon(peer.channel);
    assert_int_equal(2, peer.abandoned_count);
    assert_int_equal(RPC_FINISHED, rpc_channel_phase(peer.channel));
    peer_close(&peer);
}

/* Of gob the end of the input is the end of the caller. */
static void test_disconnect(void **state)
{
    static const char call[] = REQUEST_TYPE FIRST_HEADER ARGS_TYPE ARGS;
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    peer.is_keeping = true;
    peer_feed(&peer, call, sizeof call - 1, sizeof call - 1, 1);
    rpc_channel_end_input(peer.channel);
    assert_int_equal(1, peer.abandoned_count);
    peer_close(&peer);
}

static void test_draining(void **state)
{
    static const char call[] = REQUEST_TYPE FIRST_HEADER ARGS_TYPE ARGS;
    static const char second[] = SECOND_HEADER ARGS;
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    peer.is_keeping = true;
    peer_feed(&peer, call, sizeof call - 1, sizeof call - 1, 1);
    rpc_channel_drain(peer.channel);
    assert_int_equal(RPC_WAITING, rpc_channel_phase(peer.channel));
    peer_feed(&peer, second, sizeof second - 1, sizeof second - 1, 1);
    buffer_append(&peer.output, "", 1);
    assert_non_null(memmem(peer.output.bytes, peer.output.size, "shutting down", 13));
    rpc_channel_abandon(peer.channel);
    assert_int_equal(1, peer.abandoned_count);
    peer_close(&peer);
}

static void test_draining_in_the_middle_of_a_message(void **state)
{
    static const char call[] = REQUEST_TYPE FIRST_HEADER ARGS_TYPE ARGS;
    static const char second[] = SECOND_HEADER ARGS;
    const size_t half = sizeof call / 2;
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    peer.is_keeping = true;
    peer_feed(&peer, call, half, half, 1);
    rpc_channel_drain(peer.channel);
    assert_int_equal(RPC_READING, rpc_channel_phase(peer.channel));
    peer_feed(&peer, call + half, sizeof call - 1 - half, sizeof call, 1);
    rpc_channel_drain(peer.channel);
    assert_int_equal(RPC_WAITING, rpc_channel_phase(peer.channel));
    assert_int_equal(0, peer.output.size);
    peer_feed(&peer, second, sizeof second - 1, sizeof second - 1, 1);
    buffer_append(&peer.output, "", 1);
    assert_non_null(memmem(peer.output.bytes, peer.output.size, "shutting down", 13));
    peer_close(&peer);
}

static void test_limits(void **state)
{
    RpcPeer peer;
    char deep[300];

    (void)state;
    memset(deep, '[', sizeof deep);
    peer_open(&peer);
    peer_feed(&peer, deep, sizeof deep, sizeof deep, 1);
    assert_int_equal(RPC_FINISHED, rpc_channel_phase(peer.channel));
    peer_close(&peer);
    peer_open(&peer);
    peer.limits.message_size = 100;
    deep[1] = '"';
    memset(deep + 2, 'x', sizeof deep - 2);
    peer_feed(&peer, deep, sizeof deep, 1, 1);
    assert_int_equal(RPC_FINISHED, rpc_channel_phase(peer.channel));
    peer_close(&peer);
}

#define STREAM(number, credit) "\x95\x03" number "\xa3S.M\x90" credit

static void expect_frames(RpcPeer *peer, const char *bytes, size_t size)
{
    assert_int_equal(size, peer->output.size);
    assert_memory_equal(bytes, peer->output.bytes, size);
    buffer_clear(&peer->output);
}

#define FEED(peer, text) peer_feed(peer, text, sizeof text - 1, sizeof text - 1, 1)
#define EXPECT(peer, text) expect_frames(peer, text, sizeof text - 1)

/* An item of the peer is the byte 0xc6, which only its size of one makes wrong. */
static void test_stream(void **state)
{
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    FEED(&peer, STREAM("\x07", "\x02"));
    EXPECT(&peer, "\x93\x04\x07\xc6\x93\x04\x07\xc6");
    FEED(&peer, "\x93\x05\x07\x01");
    EXPECT(&peer, "\x93\x04\x07\xc6");
    /* Of calls that are over, or never were. */
    FEED(&peer, "\x93\x05\x09\x01\x92\x06\x09");
    FEED(&peer, "\x92\x06\x07");
    EXPECT(&peer, "\x94\x01\x07\xa8"
                  "canceled\xc0");
    assert_int_equal(1, peer.abandoned_count);
    assert_int_equal(RPC_IDLE, rpc_channel_phase(peer.channel));
    peer_close(&peer);
}

#define SLICE(text)                                                                                \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static void test_stream_violations(void **state)
{
    static const RpcSlice wrong[] = {
        SLICE(STREAM("\x07", "\x02")), /* a number in use */
        SLICE(STREAM("\x08", "\x00")), /* no credit */
        SLICE(STREAM("\x08", "\xce\x00\x01\x00\x01")),
        SLICE("\x93\x05\x07\x00"),
        SLICE("\x93\x05\x07\xcd\xff\xff"), /* with what it has, too much */
        SLICE("\x93\x04\x07\x01"),
        SLICE("\x92\x06\xc0"),
        SLICE("\x92\x07\x07"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        RpcPeer peer;

        peer_open(&peer);
        peer.item_count = PEER_ITEM_COUNT; /* none is sent */
        FEED(&peer, STREAM("\x07", "\x02"));
        peer_feed(&peer, wrong[i].bytes, wrong[i].size, wrong[i].size, 1);
        assert_int_equal(RPC_FINISHED, rpc_channel_phase(peer.channel));
        assert_int_equal(1, peer.abandoned_count);
        peer_close(&peer);
    }
}

static void test_stream_room(void **state)
{
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    peer.item_size = PEER_ITEM_SIZE;
    rpc_channel_feed(peer.channel, STREAM("\x07", "\x64"), 9);
    assert_int_equal(1, peer.item_count);
    rpc_channel_continue(peer.channel);
    assert_int_equal(1, peer.item_count);
    peer_collect(&peer);
    rpc_channel_continue(peer.channel);
    assert_int_equal(2, peer.item_count);
    peer_collect(&peer);
    peer_close(&peer);
}

static void test_stream_bound(void **state)
{
    char frames[4][9];
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    peer.limits.pending_count = 6;
    for (size_t i = 0; i < 4; i++) {
        memcpy(frames[i], STREAM("\x07", "\x01"), sizeof frames[i]);
        frames[i][2] = (char)i;
    }
    peer_feed(&peer, frames[0], 27, 27, 1);
    assert_int_equal(3, peer.item_count);
    buffer_clear(&peer.output);
    peer_feed(&peer, frames[3], 9, 9, 1);
    assert_int_equal(3, peer.item_count);
    buffer_append(&peer.output, "", 1);
    assert_non_null(memmem(peer.output.bytes, peer.output.size, "too many streams", 16));
    peer_close(&peer);
}

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define HOP(wait, attempts) "\x96\x07\x01\xa3S.M\x91\x05" wait attempts

static void test_hop(void **state)
{
    RpcPeer peer;

    (void)state;
    peer_open(&peer);
    FEED(&peer, HOP("\xce\x00\x0f\x42\x40", "\x02"));
    assert_int_equal(6, peer.seen.size);
    assert_memory_equal("S.M 2;", peer.seen.bytes, 6);
    assert_float_equal(peer.hop.wait_s, 1, 1e-9);
    assert_int_equal(peer.hop.previous_attempts, 2);
    peer_close(&peer);
    peer_open(&peer);
    FEED(&peer, "\x97\x08\x01\xa3S.M\x91\x05\x0a\x01\xa0");
    assert_float_equal(peer.hop.wait_s, 10e-6, 1e-9);
    assert_int_equal(peer.hop.previous_attempts, 1);
    FEED(&peer, HOP("\x00", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_float_equal(peer.hop.wait_s, 0, 0);
    assert_int_equal(peer.hop.previous_attempts, INT32_MAX);
    FEED(&peer, "\x97\x08\x02\xa3S.M\x91\x05\x00\x01\xd9\x37" TRACE);
    assert_int_equal(peer.hop.previous_attempts, 1);
    assert_string_equal(peer.hop.trace, TRACE);
    peer_close(&peer);
    peer_open(&peer);
    FEED(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"S.M\",\"id\":1,"
                "\"perigee-timeout\":\"2S\",\"perigee-previous-attempts\":1,"
                "\"traceparent\":\"" TRACE "\"}");
    assert_string_equal(peer.hop.trace, TRACE);
    assert_float_equal(peer.hop.wait_s, 2, 1e-9);
    assert_int_equal(peer.hop.previous_attempts, 1);
    FEED(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"S.M\",\"id\":1,"
                "\"perigee-timeout\":{},\"perigee-previous-attempts\":\"\"}");
    assert_float_equal(peer.hop.wait_s, 0, 0);
    assert_int_equal(peer.hop.previous_attempts, 0);
    peer_close(&peer);
}

static void test_hop_violations(void **state)
{
    static const RpcSlice messages[] = {
        SLICE(HOP("\x01", "\xc0")),
        SLICE(HOP("\xa1x", "\x00")),
        SLICE("\x95\x07\x01\xa3S.M\x91\x05\x01"),         /* no attempts */
        SLICE("\x96\x08\x01\xa3S.M\x91\x05\x01\x01"),     /* no trace */
        SLICE("\x97\x08\x01\xa3S.M\x91\x05\x01\x01\x01"), /* a trace that is no text */
        SLICE("\x96\x00\x01\xa3S.M\x90\x01\x01"),         /* another kind */
    };

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        RpcPeer peer;

        peer_open(&peer);
        rpc_channel_feed(peer.channel, messages[i].bytes, messages[i].size);
        assert_int_equal(0, peer.seen.size);
        assert_int_equal(RPC_FINISHED, rpc_channel_phase(peer.channel));
        peer_close(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_split),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_bound_on_calls),
        cmocka_unit_test(test_disconnect),
        cmocka_unit_test(test_draining),
        cmocka_unit_test(test_draining_in_the_middle_of_a_message),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_violations),
        cmocka_unit_test(test_stream_room),
        cmocka_unit_test(test_stream_bound),
        cmocka_unit_test(test_hop),
        cmocka_unit_test(test_hop_violations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
