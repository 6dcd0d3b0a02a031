/* WebSockets: what a client may send and what ends it, each case at once and byte by byte. Frames
 * are written with a mask of zeros unless the mask is what is tested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "http/deflate.h"
#include "http/websocket.h"
#include "http/websocket_frame.h"
#include "http/websocket_key.h"

#define NO_MASK "\0\0\0\0"

static const WebsocketOptions small = {
    .message_size = 200, .waiting_size = 1000, .waiting_count = 16};

static const WebsocketOptions compressed = {
    .message_size = 1000,
    .waiting_size = 10000,
    .waiting_count = 16,
    .deflate = {.is_used = true, .input_window_bits = 15, .output_window_bits = 12},
};

static void feed(Websocket *socket, const char *bytes, size_t size, size_t step)
{
    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        assert_int_equal(websocket_feed(socket, bytes + at, piece), piece);
    }
}

static void assert_message(Websocket *socket, int kind, const char *text, size_t size)
{
    WebsocketMessage message;

    assert_true(websocket_first_message(socket, &message));
    assert_int_equal(message.kind, kind);
    assert_int_equal(message.size, size);
    assert_memory_equal(message.bytes, text, size);
    websocket_drop_message(socket);
}

static void assert_output(Websocket *socket, const char *bytes, size_t size)
{
    Buffer *output = websocket_output(socket);

    assert_int_equal(output->size, size);
    if (size > 0)
        assert_memory_equal(output->bytes, bytes, size);
    buffer_clear(output);
}

typedef struct Case {
    const char *bytes;
    size_t size;
    int end_code; /* 0: it goes on */
} Case;

#define CASE(bytes, end_code)                                                                      \
    {                                                                                              \
        bytes, sizeof bytes - 1, end_code                                                          \
    }
#define CLOSE(code_bytes) CASE("\x88\x82" NO_MASK code_bytes, 1002)

static const Case endings[] = {
    /* reserved bits and opcodes */
    CASE("\xC1\x80" NO_MASK, 1002),
    CASE("\xA1\x80" NO_MASK, 1002),
    CASE("\x91\x80" NO_MASK, 1002),
    CASE("\x83\x80" NO_MASK, 1002),
    CASE("\x87\x80" NO_MASK, 1002),
    CASE("\x8B\x80" NO_MASK, 1002),
    CASE("\x8F\x80" NO_MASK, 1002),
    CASE("\xC9\x80" NO_MASK, 1002),
    /* no mask */
    CASE("\x81\x01x", 1002),
    CASE("\x89\x00", 1002),
    /* control frames that are large or in pieces */
    CASE("\x89\xFE\x00\x7E" NO_MASK, 1002),
    CASE("\x09\x80" NO_MASK, 1002),
    CASE("\x08\x80" NO_MASK, 1002),
    CASE("\x0A\x80" NO_MASK, 1002),
    /* lengths that are longer than they need be, or too long for anybody */
    CASE("\x82\xFE\x00\x7D" NO_MASK, 1002),
    CASE("\x82\xFF\0\0\0\0\0\0\xFF\xFF" NO_MASK, 1002),
    CASE("\x82\xFF\x80\0\0\0\0\0\0\0" NO_MASK, 1002),
    /* messages inside each other, and pieces of none */
    CASE("\x80\x80" NO_MASK, 1002),
    CASE("\x00\x80" NO_MASK, 1002),
    CASE("\x01\x80" NO_MASK "\x01\x80" NO_MASK, 1002),
    CASE("\x01\x80" NO_MASK "\x82\x80" NO_MASK, 1002),
    CASE("\x81\x80" NO_MASK "\x80\x80" NO_MASK, 1002),
    /* larger than allowed, in one frame and in several */
    CASE("\x82\xFE\x00\xC9" NO_MASK, 1009),
    CASE("\x82\xFF\0\0\0\0\0\1\0\0" NO_MASK, 1009),
    CASE("\x02\x81" NO_MASK "x\x00\xFE\x00\xC8" NO_MASK, 1009),
    /* text that is none; what is missing tells only the end */
    CASE("\x81\x81" NO_MASK "\xFF", 1007),
    CASE("\x81\x82" NO_MASK "\xC0\xAF", 1007),
    CASE("\x81\x83" NO_MASK "\xED\xA0\x80", 1007),
    CASE("\x81\x83" NO_MASK "\xE0\x9F\xBF", 1007),
    CASE("\x81\x84" NO_MASK "\xF4\x90\x80\x80", 1007),
    CASE("\x81\x81" NO_MASK "\xC3", 1007),
    CASE("\x81\x84" NO_MASK "\xF0\x8F\xBF\xBF", 1007),
    CASE("\x81\x81" NO_MASK "\xF5", 1007),
    CASE("\x01\x81" NO_MASK "\xC3\x80\x81" NO_MASK "\x28", 1007),
    /* the same before the rest of its frame is here */
    CASE("\x81\x8A" NO_MASK "a\xFF", 1007),
    CASE("\x01\x82" NO_MASK "\xE2\x28", 1007),
    /* closes that are none */
    CASE("\x88\x81" NO_MASK "\x03", 1002),
    CLOSE("\x00\x00"),
    CLOSE("\x03\xE7"),
    CLOSE("\x03\xEC"),
    CLOSE("\x03\xED"),
    CLOSE("\x03\xEE"),
    CLOSE("\x03\xF7"),
    CLOSE("\x04\x4C"),
    CLOSE("\x07\xD0"),
    CLOSE("\x0B\xB7"),
    CLOSE("\x13\x88"),
    CLOSE("\xFF\xFF"),
    CASE("\x88\x84" NO_MASK "\x03\xE8\xC3\x28", 1007),
    CASE("\x88\x83" NO_MASK "\x03\xE8\xC3", 1007),
    /* proper ones */
    CASE("\x88\x80" NO_MASK, 1005),
    CASE("\x88\x82" NO_MASK "\x03\xE8", 1000),
    CASE("\x88\x84" NO_MASK "\x03\xF6ok", 1014),
    CASE("\x88\x82" NO_MASK "\x0F\xA0", 4000),
    /* what is fine */
    CASE("\x81\x80" NO_MASK, 0),
    CASE("\x8A\x81" NO_MASK "x", 0),
    CASE("\x82\xFE\x00\xC8" NO_MASK, 0),
    CASE("\x82\x81" NO_MASK "\xFF", 0),
    CASE("\x01\x81" NO_MASK "\xC3\x89\x80" NO_MASK "\x80\x81" NO_MASK "\xA9", 0),
};

static void each_ending_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof endings / sizeof endings[0]); i++) {
        const Case *one = &endings[i / 2];
        Websocket *socket = websocket_create(&small);
        Buffer *output = websocket_output(socket);

        feed(socket, one->bytes, one->size, i % 2 == 0 ? one->size : 1);
        if (websocket_end_code(socket) != one->end_code)
            fail_msg("case %zu ended with %d instead of %d", i / 2, websocket_end_code(socket),
                     one->end_code);
        assert_int_equal(websocket_is_over(socket), one->end_code != 0);
        if (one->end_code != 0 && one->end_code != WEBSOCKET_NO_CODE) {
            assert_int_equal(output->size, 4);
            assert_int_equal((uint8_t)output->bytes[2] << 8 | (uint8_t)output->bytes[3],
                             one->end_code);
        }
        websocket_destroy(socket);
    }
}

static void a_character_may_be_cut_anywhere(void **state)
{
    static const char text[] = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 12345678";
    size_t size = sizeof text - 1;

    (void)state;
    for (size_t cut = 0; cut <= size; cut++) {
        Websocket *socket = websocket_create(&small);
        Buffer frames = {0};

        buffer_append(&frames, (char[]){0x01, (char)(0x80 | cut), 0, 0, 0, 0}, 6);
        buffer_append(&frames, text, cut);
        buffer_append(&frames, (char[]){(char)0x80, (char)(0x80 | (size - cut)), 0, 0, 0, 0}, 6);
        buffer_append(&frames, text + cut, size - cut);
        feed(socket, frames.bytes, frames.size, frames.size);
        assert_message(socket, WEBSOCKET_TEXT, text, size);
        buffer_deinit(&frames);
        websocket_destroy(socket);
    }
}

static void masks_are_taken_off_at_any_offset(void **state)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};

    (void)state;
    for (size_t offset = 0; offset < 8; offset++) {
        char bytes[37] = {0};

        websocket_frame_mask(bytes, sizeof bytes, mask, offset);
        for (size_t i = 0; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], mask[(offset + i) % 4]);
    }
}

static void pings_are_answered_amid_a_message(void **state)
{
    static const char bytes[] =
        "\x01\x81" NO_MASK "a\x89\x82\1\1\1\1ih\x80\x81" NO_MASK "b\x89\x80" NO_MASK;
    Websocket *socket = websocket_create(&small);

    (void)state;
    feed(socket, bytes, sizeof bytes - 1, 1);
    assert_message(socket, WEBSOCKET_TEXT, "ab", 2);
    assert_output(socket, "\x8A\x02hi\x8A\x00", 6);
    websocket_destroy(socket);
}

static void messages_nobody_takes_stop_the_input(void **state)
{
    static const char bytes[] = "\x81\x81" NO_MASK "a\x81\x81" NO_MASK "b\x81\x81" NO_MASK "c";
    WebsocketOptions options = small;
    Websocket *socket;

    (void)state;
    options.waiting_count = 2;
    socket = websocket_create(&options);
    assert_int_equal(websocket_feed(socket, bytes, sizeof bytes - 1), 14);
    assert_false(websocket_wants_input(socket));
    assert_message(socket, WEBSOCKET_TEXT, "a", 1);
    assert_int_equal(websocket_feed(socket, bytes + 14, 7), 7);
    assert_message(socket, WEBSOCKET_TEXT, "b", 1);
    assert_message(socket, WEBSOCKET_TEXT, "c", 1);
    websocket_destroy(socket);
}

static void a_close_of_ours_waits_for_theirs(void **state)
{
    Websocket *socket = websocket_create(&small);
    const WebsocketPiece piece = {WEBSOCKET_TEXT, "x", 1, true, true};

    (void)state;
    assert_int_equal(websocket_close(socket, 1001, "bye", 3), 0);
    assert_output(socket,
                  "\x88\x05\x03\xE9"
                  "bye",
                  7);
    assert_false(websocket_is_open(socket));
    assert_false(websocket_is_over(socket));
    assert_int_equal(websocket_end_code(socket), 1001);
    assert_int_equal(websocket_write(socket, &piece), ERR_CLOSED);
    assert_int_equal(websocket_ping(socket, NULL, 0), ERR_CLOSED);
    assert_int_equal(websocket_close(socket, 1000, NULL, 0), ERR_CLOSED);
    feed(socket, "\x81\x81" NO_MASK "x\x89\x80" NO_MASK "\x88\x82" NO_MASK "\x03\xE8", 21, 1);
    assert_true(websocket_is_over(socket));
    assert_int_equal(websocket_end_code(socket), 1000);
    assert_output(socket, NULL, 0);
    assert_false(websocket_first_message(socket, &(WebsocketMessage){0}));
    websocket_destroy(socket);
}

static void a_lost_connection_has_a_code_of_its_own(void **state)
{
    Websocket *socket = websocket_create(&small);

    (void)state;
    feed(socket, "\x81\x81" NO_MASK "x\x81", 8, 8);
    websocket_end_input(socket);
    assert_true(websocket_is_over(socket));
    assert_int_equal(websocket_end_code(socket), WEBSOCKET_LOST);
    assert_message(socket, WEBSOCKET_TEXT, "x", 1);
    websocket_destroy(socket);
}

static void lengths_take_their_shortest_form(void **state)
{
    static const struct {
        size_t size, head_size;
    } cases[] = {
        {0,     2 },
        {125,   2 },
        {126,   4 },
        {65535, 4 },
        {65536, 10}
    };
    static char bytes[65536];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Websocket *socket = websocket_create(&small);
        const WebsocketPiece piece = {WEBSOCKET_BINARY, bytes, cases[i].size, true, true};

        assert_int_equal(websocket_write(socket, &piece), 0);
        assert_int_equal(websocket_output(socket)->size, cases[i].head_size + cases[i].size);
        websocket_destroy(socket);
    }
}

static void pieces_are_one_message(void **state)
{
    Websocket *socket = websocket_create(&small);

    (void)state;
    websocket_write(socket, &(WebsocketPiece){WEBSOCKET_TEXT, "a", 1, true, false});
    websocket_ping(socket, "p", 1);
    websocket_write(socket, &(WebsocketPiece){WEBSOCKET_TEXT, "b", 1, false, true});
    assert_output(socket,
                  "\x01\x01"
                  "a\x89\x01p\x80\x01"
                  "b",
                  9);
    websocket_destroy(socket);
}

/* A frame as a client sends it, from what a server wrote. */
static Buffer turn_around(Websocket *from)
{
    const Buffer *output = websocket_output(from);
    Buffer frame = {0};

    assert_true(output->size >= 2 && output->size < 128);
    buffer_append(&frame, (char[]){output->bytes[0], (char)(output->bytes[1] | 0x80), 0, 0, 0, 0},
                  6);
    buffer_append(&frame, output->bytes + 2, output->size - 2);
    buffer_clear(websocket_output(from));
    return frame;
}

static void compressed_messages_come_back(void **state)
{
    static const char text[] = "hello hello hello hello hello hello";

    (void)state;
    for (int forgets = 0; forgets <= 1; forgets++) {
        WebsocketOptions options = compressed;
        Websocket *from, *to;
        size_t sizes[2];

        options.deflate.forgets_input = options.deflate.forgets_output = forgets;
        from = websocket_create(&options);
        to = websocket_create(&options);
        for (int i = 0; i < 2; i++) {
            Buffer frame;

            websocket_write(from,
                            &(WebsocketPiece){WEBSOCKET_TEXT, text, sizeof text - 1, true, true});
            sizes[i] = websocket_output(from)->size;
            frame = turn_around(from);
            assert_int_equal((uint8_t)frame.bytes[0], 0xC1);
            feed(to, frame.bytes, frame.size, 1);
            assert_message(to, WEBSOCKET_TEXT, text, sizeof text - 1);
            buffer_deinit(&frame);
        }
        if (forgets)
            assert_int_equal(sizes[1], sizes[0]);
        else
            assert_true(sizes[1] < sizes[0]);
        websocket_destroy(from);
        websocket_destroy(to);
    }
}

static void who_agreed_to_forget_may_not_refer_back(void **state)
{
    static const char text[] = "hello hello hello hello hello hello";
    WebsocketOptions options = compressed;
    Websocket *from = websocket_create(&compressed), *to;

    (void)state;
    options.deflate.forgets_input = true;
    to = websocket_create(&options);
    for (int i = 0; i < 2; i++) {
        Buffer frame;

        websocket_write(from, &(WebsocketPiece){WEBSOCKET_TEXT, text, sizeof text - 1, true, true});
        frame = turn_around(from);
        feed(to, frame.bytes, frame.size, frame.size);
        assert_int_equal(websocket_end_code(to), i == 0 ? 0 : WEBSOCKET_BAD_DATA);
        buffer_deinit(&frame);
    }
    websocket_destroy(from);
    websocket_destroy(to);
}

static void compressed_input_is_held_to_the_rules(void **state)
{
    static const Case cases[] = {
        CASE("\xC1\x82" NO_MASK "\xFF\xFF", 1007),                      /* no such stream */
        CASE("\xC9\x80" NO_MASK, 1002),                                 /* a ping */
        CASE("\x41\x80" NO_MASK "\xC0\x80" NO_MASK, 1002),              /* a continuation */
        CASE("\xC1\x87" NO_MASK "\xF2\x48\xCD\xC9\xC9\x07\x00", 0),     /* "Hello" */
        CASE("\xC1\x88" NO_MASK "\xF3\x48\xCD\xC9\xC9\x07\x00\x00", 0), /* with a final block */
        CASE("\xC1\x81" NO_MASK "\x00", 0),                             /* nothing */
        CASE("\xC1\x81" NO_MASK "\x01", 0), /* the same, the last block being the final one */
        CASE("\xC1\x80" NO_MASK, 1007),     /* not even a block */
        CASE("\xC1\x86" NO_MASK "\xF2\x48\xCD\xC9\xC9\x07", 1007), /* "Hello", cut short */
        CASE("\xC1\x83" NO_MASK "\xF2\x48\xCD", 1007),
        CASE("\x81\x81" NO_MASK "x", 0),                               /* not compressed */
        CASE("\xC1\x87" NO_MASK "\x00\x01\x00\xFE\xFF\xFF\x00", 1007), /* text that is none */
    };

    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        const Case *one = &cases[i / 2];
        Websocket *socket = websocket_create(&compressed);

        feed(socket, one->bytes, one->size, i % 2 == 0 ? one->size : 1);
        if (websocket_end_code(socket) != one->end_code)
            fail_msg("case %zu ended with %d instead of %d", i / 2, websocket_end_code(socket),
                     one->end_code);
        websocket_destroy(socket);
    }
}

static void a_bomb_ends_at_the_largest_message(void **state)
{
    static char zeros[60000];
    Deflate *compressor = deflate_create(DEFLATE_RAW, 9, 15);
    Websocket *socket = websocket_create(&compressed);
    Buffer packed = {0};

    (void)state;
    deflate_write(compressor, zeros, sizeof zeros, DEFLATE_FLUSH, &packed);
    assert_true(packed.size < 126);
    feed(socket, (char[]){(char)0xC2, (char)(0x80 | packed.size), 0, 0, 0, 0}, 6, 6);
    feed(socket, packed.bytes, packed.size, packed.size);
    assert_int_equal(websocket_end_code(socket), WEBSOCKET_TOO_LARGE);
    buffer_deinit(&packed);
    deflate_destroy(compressor);
    websocket_destroy(socket);
}

/* More than is unmasked at once, and of bytes that no compression makes fewer. */
static void compressed_input_is_unmasked(void **state)
{
    static const char mask[4] = {0x11, 0x22, 0x33, 0x44};
    static char bytes[6000];
    uint32_t number = 1;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        number = number * 1664525 + 1013904223;
        bytes[i] = (char)(number >> 24);
    }
    for (size_t step = 1; step <= sizeof bytes * 2; step += 6000) {
        Deflate *compressor = deflate_create(DEFLATE_RAW, 6, 15);
        WebsocketOptions options = compressed;
        Websocket *socket;
        Buffer packed = {0}, frame = {0};

        options.message_size = sizeof bytes;
        socket = websocket_create(&options);
        deflate_write(compressor, bytes, sizeof bytes, DEFLATE_FLUSH, &packed);
        packed.size -= 4;
        buffer_append(&frame,
                      (char[]){(char)0xC2, (char)0xFE, (char)(packed.size >> 8), (char)packed.size},
                      4);
        buffer_append(&frame, mask, sizeof mask);
        for (size_t i = 0; i < packed.size; i++)
            buffer_append(&frame, (char[]){(char)(packed.bytes[i] ^ mask[i % 4])}, 1);
        feed(socket, frame.bytes, frame.size, step);
        assert_message(socket, WEBSOCKET_BINARY, bytes, sizeof bytes);
        buffer_deinit(&packed);
        buffer_deinit(&frame);
        deflate_destroy(compressor);
        websocket_destroy(socket);
    }
}

static void the_key_is_answered(void **state)
{
    char accept[WEBSOCKET_ACCEPT_SIZE];

    (void)state;
    websocket_key_accept("dGhlIHNhbXBsZSBub25jZQ==", 24, accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ending_has_its_code),
        cmocka_unit_test(a_character_may_be_cut_anywhere),
        cmocka_unit_test(masks_are_taken_off_at_any_offset),
        cmocka_unit_test(pings_are_answered_amid_a_message),
        cmocka_unit_test(messages_nobody_takes_stop_the_input),
        cmocka_unit_test(a_close_of_ours_waits_for_theirs),
        cmocka_unit_test(a_lost_connection_has_a_code_of_its_own),
        cmocka_unit_test(lengths_take_their_shortest_form),
        cmocka_unit_test(pieces_are_one_message),
        cmocka_unit_test(compressed_messages_come_back),
        cmocka_unit_test(who_agreed_to_forget_may_not_refer_back),
        cmocka_unit_test(compressed_input_is_held_to_the_rules),
        cmocka_unit_test(a_bomb_ends_at_the_largest_message),
        cmocka_unit_test(compressed_input_is_unmasked),
        cmocka_unit_test(the_key_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
