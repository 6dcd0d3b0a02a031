/* Inflate: what Deflate made comes back, and no more of it than was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "http/deflate.h"
#include "http/inflate.h"

enum { BOMB_SIZE = 1024 * 1024 };

static Buffer pack(const char *bytes, size_t size, int flush)
{
    Deflate *compressor = deflate_create(DEFLATE_RAW, 6, 12);
    Buffer packed = {0};

    deflate_write(compressor, bytes, size, flush, &packed);
    deflate_destroy(compressor);
    return packed;
}

static void comes_back_byte_by_byte(void **state)
{
    static const char text[] = "again and again and again and again";
    Inflate *decompressor = inflate_create(12);
    Buffer packed = pack(text, sizeof text, DEFLATE_FLUSH), plain = {0};

    (void)state;
    for (size_t i = 0; i < packed.size; i++)
        assert_int_equal(inflate_write(decompressor, packed.bytes + i, 1, 100, &plain), 0);
    assert_int_equal(plain.size, sizeof text);
    assert_memory_equal(plain.bytes, text, sizeof text);
    buffer_deinit(&packed);
    buffer_deinit(&plain);
    inflate_destroy(decompressor);
}

static void stops_at_the_limit(void **state)
{
    static char zeros[BOMB_SIZE];
    Buffer packed = pack(zeros, sizeof zeros, DEFLATE_FLUSH);

    (void)state;
    for (size_t limit = BOMB_SIZE - 1; limit <= BOMB_SIZE; limit++) {
        Inflate *decompressor = inflate_create(12);
        Buffer plain = {0};

        assert_int_equal(inflate_write(decompressor, packed.bytes, packed.size, limit, &plain),
                         limit < BOMB_SIZE ? ERR_TOO_LARGE : 0);
        assert_int_equal(plain.size, limit);
        buffer_deinit(&plain);
        inflate_destroy(decompressor);
    }
    buffer_deinit(&packed);
}

static void goes_on_behind_the_end_of_a_stream(void **state)
{
    Inflate *decompressor = inflate_create(12);
    Buffer packed = pack("one", 3, DEFLATE_END), second = pack("two", 3, DEFLATE_FLUSH),
           plain = {0};

    (void)state;
    buffer_append(&packed, second.bytes, second.size);
    assert_int_equal(inflate_write(decompressor, packed.bytes, packed.size, 100, &plain), 0);
    assert_int_equal(plain.size, 6);
    assert_memory_equal(plain.bytes, "onetwo", 6);
    buffer_deinit(&packed);
    buffer_deinit(&second);
    buffer_deinit(&plain);
    inflate_destroy(decompressor);
}

static void refuses_what_is_no_stream(void **state)
{
    Inflate *decompressor = inflate_create(12);
    Buffer packed = pack("one", 3, DEFLATE_FLUSH), plain = {0};

    (void)state;
    assert_int_equal(inflate_write(decompressor, "\xFF\xFF", 2, 100, &plain), ERR_INVALID);
    inflate_reset(decompressor);
    assert_int_equal(inflate_write(decompressor, packed.bytes, packed.size, 100, &plain), 0);
    assert_int_equal(plain.size, 3);
    buffer_deinit(&packed);
    buffer_deinit(&plain);
    inflate_destroy(decompressor);
}

/* Of every cut of the stream, only the whole one leaves nothing open. */
static void knows_when_something_is_missing(void **state)
{
    static const int ends[] = {DEFLATE_FLUSH, DEFLATE_END};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        Buffer packed = pack("one and one and one", 19, ends[i]);

        for (size_t size = 1; size <= packed.size; size++) {
            Inflate *decompressor = inflate_create(12);
            Buffer plain = {0};

            assert_int_equal(inflate_write(decompressor, packed.bytes, size, 100, &plain), 0);
            assert_int_equal(inflate_is_at_boundary(decompressor),
                             size == 0 || size == packed.size);
            inflate_reset(decompressor);
            assert_true(inflate_is_at_boundary(decompressor));
            buffer_deinit(&plain);
            inflate_destroy(decompressor);
        }
        buffer_deinit(&packed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_byte_by_byte),
        cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(goes_on_behind_the_end_of_a_stream),
        cmocka_unit_test(refuses_what_is_no_stream),
        cmocka_unit_test(knows_when_something_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
