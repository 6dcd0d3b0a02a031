/* LogRing: what is kept of a log, whoever writes and reads at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_ring.h"
#include "base/memory.h"

static LogRing *ring;
static Buffer out;

static int set_up(void **state)
{
    (void)state;
    ring = memory_alloc(sizeof *ring);
    buffer_init(&out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_deinit(&out);
    memory_free(ring);
    return 0;
}

static void put(const char *text)
{
    log_ring_put(ring, text, strlen(text));
}

static void assert_records(uint64_t *position, const char *expected, size_t size)
{
    buffer_clear(&out);
    *position = log_ring_read(ring, *position, &out);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.bytes, expected, size);
}

static void records_are_read_once_and_in_order(void **state)
{
    uint64_t position = 0;

    (void)state;
    put("one");
    put("two");
    assert_records(&position, "one\0two", 8);
    buffer_clear(&out);
    assert_int_equal(log_ring_read(ring, position, &out), position);
    assert_int_equal(out.size, 0);
    put("three");
    assert_records(&position, "three", 6);
}

static void a_record_ends_at_a_nul_and_at_the_limit(void **state)
{
    char *large = memory_alloc(2 * LOG_RING_RECORD_SIZE);

    (void)state;
    memset(large, 'x', 2 * LOG_RING_RECORD_SIZE);
    log_ring_put(ring, "a\0b", 3);
    log_ring_put(ring, large, 2 * LOG_RING_RECORD_SIZE);
    log_ring_read(ring, 0, &out);
    assert_int_equal(out.size, 2 + LOG_RING_RECORD_SIZE + 1);
    memory_free(large);
}

/* Every record that is read is whole, wherever the ring wrapped. */
static void what_is_overwritten_is_left_out(void **state)
{
    uint64_t position = 0;
    char text[64];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "record %d of some size%.*s", i, i % 7, ".......");
        put(text);
    }
    position = log_ring_read(ring, position, &out);
    assert_true(out.size > LOG_RING_SIZE / 2);
    assert_true(out.size <= LOG_RING_SIZE);
    for (const char *next = out.bytes; next < out.bytes + out.size; next += strlen(next) + 1)
        assert_memory_equal(next, "record ", 7);
    put("last");
    assert_records(&position, "last", 5);
}

static void a_writer_that_died_in_the_middle_spoils_its_record_only(void **state)
{
    (void)state;
    put("before");
    /* As if it had begun to copy three bytes. */
    memcpy(ring->bytes + 7, "abc", 3);
    atomic_store(&ring->begun_size, 10);
    put("after");
    log_ring_read(ring, 0, &out);
    assert_int_equal(out.size, 7 + 4 + 6);
    assert_string_equal(out.bytes + 11, "after");
}

static void a_reader_leaves_out_what_is_being_overwritten(void **state)
{
    uint64_t position = 0;

    (void)state;
    put("first");
    while (atomic_load(&ring->ended_size) < LOG_RING_SIZE - 100)
        put("filling filling filling filling");
    /* A record is being put over the first few. */
    atomic_fetch_add(&ring->begun_size, 200);
    position = log_ring_read(ring, position, &out);
    assert_memory_equal(out.bytes, "filling", 7);
    assert_true(out.size < position);
}

#define ring_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ring_test(records_are_read_once_and_in_order),
        ring_test(a_record_ends_at_a_nul_and_at_the_limit),
        ring_test(what_is_overwritten_is_left_out),
        ring_test(a_writer_that_died_in_the_middle_spoils_its_record_only),
        ring_test(a_reader_leaves_out_what_is_being_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
