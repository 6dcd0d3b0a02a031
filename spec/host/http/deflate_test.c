/* Deflate: zlib's own inflate gives back what went in, however it was cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/deflate.h"

enum { LARGE_SIZE = 3 * 1024 * 1024 };

static const char flush_mark[] = {0, 0, (char)0xff, (char)0xff};

/* Inflates all of `packed` as far as it goes. Returns zlib's last word. */
static int unpack(const Buffer *packed, int bits, Buffer *plain)
{
    z_stream zlib = {.next_in = (unsigned char *)packed->bytes, .avail_in = (unsigned)packed->size};
    int result;

    assert_int_equal(inflateInit2(&zlib, bits), Z_OK);
    do {
        zlib.next_out = (unsigned char *)buffer_reserve(plain, 4096);
        zlib.avail_out = 4096;
        result = inflate(&zlib, Z_SYNC_FLUSH);
        buffer_grow(plain, 4096 - zlib.avail_out);
    } while (result == Z_OK && (zlib.avail_in > 0 || zlib.avail_out == 0));
    inflateEnd(&zlib);
    return result;
}

/* Half of it repeats, half does not. */
static char *make_bytes(size_t size)
{
    char *bytes = malloc(size);
    uint32_t state = 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = i % 2048 < 1024 ? 'x' : (char)(state >> 24);
    }
    return bytes;
}

static void check_round_trip(int format, int window_bits, size_t size, size_t piece_size)
{
    Deflate *deflate = deflate_create(format, 6, window_bits);
    char *bytes = make_bytes(size);
    Buffer packed = {0}, plain = {0};

    for (size_t at = 0; at < size; at += piece_size)
        deflate_write(deflate, bytes + at, size - at < piece_size ? size - at : piece_size,
                      at / piece_size % 2 == 0 ? DEFLATE_BUFFER : DEFLATE_FLUSH, &packed);
    deflate_write(deflate, NULL, 0, DEFLATE_END, &packed);
    assert_int_equal(
        unpack(&packed, format == DEFLATE_GZIP ? 16 + window_bits : -window_bits, &plain),
        Z_STREAM_END);
    assert_int_equal(plain.size, size);
    if (size > 0)
        assert_memory_equal(plain.bytes, bytes, size);
    buffer_deinit(&packed);
    buffer_deinit(&plain);
    deflate_destroy(deflate);
    free(bytes);
}

static void what_goes_in_comes_out(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000, LARGE_SIZE};
    static const size_t pieces[] = {1000, 4096, 70000, LARGE_SIZE};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            check_round_trip(DEFLATE_GZIP, 15, sizes[i], pieces[j]);
            check_round_trip(DEFLATE_RAW, 15, sizes[i], pieces[j]);
        }
    }
}

static void every_window_size_works(void **state)
{
    (void)state;
    for (int bits = DEFLATE_MIN_WINDOW_BITS; bits <= DEFLATE_MAX_WINDOW_BITS; bits++) {
        check_round_trip(DEFLATE_RAW, bits, 100000, 5000);
        check_round_trip(DEFLATE_GZIP, bits, 100000, 5000);
    }
}

static void a_flush_lets_everything_out(void **state)
{
    Deflate *deflate = deflate_create(DEFLATE_RAW, 9, 15);
    Buffer packed = {0}, plain = {0};

    (void)state;
    deflate_write(deflate, "one ", 4, DEFLATE_BUFFER, &packed);
    assert_int_equal(packed.size, 0);
    deflate_write(deflate, "two", 3, DEFLATE_FLUSH, &packed);
    assert_memory_equal(packed.bytes + packed.size - 4, flush_mark, 4);
    unpack(&packed, -15, &plain);
    assert_int_equal(plain.size, 7);
    assert_memory_equal(plain.bytes, "one two", 7);
    buffer_deinit(&packed);
    buffer_deinit(&plain);
    deflate_destroy(deflate);
}

static void a_reset_forgets(void **state)
{
    Deflate *deflate = deflate_create(DEFLATE_RAW, 6, 15);
    Buffer first = {0}, second = {0};

    (void)state;
    deflate_write(deflate, "the same words", 14, DEFLATE_END, &first);
    deflate_reset(deflate);
    deflate_write(deflate, "the same words", 14, DEFLATE_END, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    buffer_deinit(&first);
    buffer_deinit(&second);
    deflate_destroy(deflate);
}

static void nothing_is_destroyed(void **state)
{
    (void)state;
    deflate_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),      cmocka_unit_test(every_window_size_works),
        cmocka_unit_test(a_flush_lets_everything_out), cmocka_unit_test(a_reset_forgets),
        cmocka_unit_test(nothing_is_destroyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
