/* Gunzip: what gzip holds comes back, and never more at once than was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/deflate.h"
#include "http/gunzip.h"

enum { BOMB_SIZE = 4 * 1024 * 1024 };

static const char text[] = "again and again and again and again";

static Gunzip *gunzip;
static Buffer packed, plain;

static void pack(const char *bytes, size_t size)
{
    Deflate *compressor = deflate_create(DEFLATE_GZIP, 6, 15);

    deflate_write(compressor, bytes, size, DEFLATE_END, &packed);
    deflate_destroy(compressor);
}

static int setup(void **state)
{
    (void)state;
    gunzip = gunzip_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gunzip_destroy(gunzip);
    buffer_deinit(&packed);
    buffer_deinit(&plain);
    return 0;
}

/* Until there is no more. Returns why. */
static long read_all(size_t limit)
{
    long made;

    while ((made = gunzip_read(gunzip, limit, &plain)) > 0)
        assert_true((size_t)made <= limit);
    return made;
}

static void expect_text(const char *expected, size_t size)
{
    assert_int_equal(plain.size, size);
    assert_memory_equal(plain.bytes, expected, size);
}

static void comes_back_byte_by_byte(void **state)
{
    (void)state;
    pack(text, sizeof text);
    for (size_t i = 0; i < packed.size; i++) {
        gunzip_write(gunzip, packed.bytes + i, 1);
        assert_int_equal(read_all(1), i + 1 < packed.size ? ERR_AGAIN : ERR_EOF);
    }
    expect_text(text, sizeof text);
}

static void may_be_several_streams(void **state)
{
    (void)state;
    pack(text, 10);
    pack("", 0);
    pack(text + 10, sizeof text - 10);
    gunzip_write(gunzip, packed.bytes, packed.size);
    assert_int_equal(read_all(1000), ERR_EOF);
    expect_text(text, sizeof text);
}

static void nothing_is_complete(void **state)
{
    (void)state;
    assert_int_equal(read_all(10), ERR_EOF);
    assert_int_equal(plain.size, 0);
}

static void makes_no_more_than_is_asked_for(void **state)
{
    char *zeros = memory_alloc(BOMB_SIZE);

    (void)state;
    memset(zeros, 0, BOMB_SIZE);
    pack(zeros, BOMB_SIZE);
    memory_free(zeros);
    gunzip_write(gunzip, packed.bytes, packed.size);
    assert_int_equal(gunzip_read(gunzip, 1000, &plain), 1000);
    assert_int_equal(plain.size, 1000);
    assert_int_equal(read_all(64 * 1024), ERR_EOF);
    assert_int_equal(plain.size, BOMB_SIZE);
}

static void expect_invalid(void)
{
    gunzip_write(gunzip, packed.bytes, packed.size);
    assert_int_equal(read_all(1000), ERR_INVALID);
    gunzip_write(gunzip, packed.bytes, packed.size);
    assert_int_equal(read_all(1000), ERR_INVALID);
}

static void refuses_what_is_no_gzip(void **state)
{
    (void)state;
    buffer_append_text(&packed, "plain text, and long enough");
    expect_invalid();
}

static void refuses_what_follows(void **state)
{
    (void)state;
    pack(text, sizeof text);
    buffer_append_text(&packed, "garbage");
    expect_invalid();
}

static void refuses_a_wrong_sum(void **state)
{
    (void)state;
    pack(text, sizeof text);
    packed.bytes[packed.size - 8] ^= 1;
    expect_invalid();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(may_be_several_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_no_more_than_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_wrong_sum, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
