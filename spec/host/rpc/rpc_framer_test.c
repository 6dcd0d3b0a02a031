/* RpcFramer: messages end at the same place whatever pieces they come in. */
#include "rpc/rpc_framer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

enum { LIMIT = 64 };

typedef struct Case {
    RpcFraming framing;
    const char *bytes;
    size_t size;
    long sizes[3]; /* of the messages, 0 for what is no whole one, or how it fails */
} Case;

static const Case cases[] = {
    {RPC_FRAMING_GOB,     "\x03\x04\x00\x1e\x03\x04\x00\x0a\x03", 9,  {4, 4, 0}       },
    {RPC_FRAMING_GOB,     "\x01\x00\x00",                         3,  {2, ERR_INVALID}},
    {RPC_FRAMING_GOB,     "\x41",                                 1,  {ERR_TOO_LARGE} },
    {RPC_FRAMING_MSGPACK, "\x94\x01\x05\xc0\xa1x\x94\x01\x06",    9,  {6, 0}          },
    {RPC_FRAMING_MSGPACK, "\x07\xc1",                             2,  {1, ERR_INVALID}},
    {RPC_FRAMING_MSGPACK, "\xdc\x00\x41",                         3,  {ERR_TOO_LARGE} },
    {RPC_FRAMING_JSON,    "{\"a\":\"}\"}\n[1]{",                  13, {9, 4, 0}       },
    {RPC_FRAMING_JSON,    "{}x",                                  3,  {2, ERR_INVALID}},
};

/* Feeds `step` bytes more at a time. */
static void check_in_steps(const Case *of, size_t step)
{
    RpcFramer framer;
    size_t begin = 0, known = 0;

    rpc_framer_init(&framer, of->framing, LIMIT);
    for (int i = 0; i < 3; i++) {
        long size = 0;

        while (size == 0 && known < of->size) {
            known = known + step < of->size ? known + step : of->size;
            size = rpc_framer_next(&framer, of->bytes + begin, known - begin);
        }
        if (size == 0 && begin < of->size)
            size = rpc_framer_next(&framer, of->bytes + begin, of->size - begin);
        assert_int_equal(size, of->sizes[i]);
        if (size <= 0)
            return;
        begin += (size_t)size;
        if (known > begin)
            known = begin;
    }
}

static void it_finds_messages_in_any_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step <= cases[i].size; step++)
            check_in_steps(&cases[i], step);
    }
}

static void it_bounds_a_text(void **state)
{
    char text[LIMIT + 1];
    RpcFramer framer;

    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = '"';
    rpc_framer_init(&framer, RPC_FRAMING_JSON, LIMIT);
    assert_int_equal(rpc_framer_next(&framer, text, LIMIT), 0);
    assert_int_equal(rpc_framer_next(&framer, text, LIMIT + 1), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_messages_in_any_pieces),
        cmocka_unit_test(it_bounds_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
