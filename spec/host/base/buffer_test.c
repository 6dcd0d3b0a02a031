/* Buffer: whatever is appended comes out at the front, once and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buffer.h"

enum { KEPT = 16 * 1024 };

static void assert_content(const Buffer *buffer, const char *text)
{
    assert_int_equal(buffer->size, strlen(text));
    if (buffer->size != 0)
        assert_memory_equal(buffer->bytes, text, buffer->size);
}

static void a_zeroed_buffer_is_empty(void **state)
{
    Buffer buffer = {0};

    (void)state;
    assert_content(&buffer, "");
    buffer_append(&buffer, NULL, 0);
    buffer_consume(&buffer, 0);
    buffer_clear(&buffer);
    assert_null(buffer.memory);
    buffer_deinit(&buffer);
}

static void pieces_are_appended_in_order(void **state)
{
    Buffer buffer = {0};

    (void)state;
    buffer_append(&buffer, "one ", 4);
    buffer_append_text(&buffer, "two ");
    buffer_append_uint(&buffer, 0);
    buffer_append_text(&buffer, " ");
    buffer_append_uint(&buffer, UINT64_MAX);
    buffer_append_text(&buffer, " ");
    buffer_append_hex(&buffer, 0);
    buffer_append_text(&buffer, " ");
    buffer_append_hex(&buffer, 0xdeadbeef01);
    assert_content(&buffer, "one two 0 18446744073709551615 0 deadbeef01");
    buffer_deinit(&buffer);
    assert_content(&buffer, "");
}

static void consuming_drops_the_front(void **state)
{
    Buffer buffer = {0};

    (void)state;
    buffer_append_text(&buffer, "header body");
    buffer_consume(&buffer, 7);
    assert_content(&buffer, "body");
    buffer_append_text(&buffer, " tail");
    assert_content(&buffer, "body tail");
    buffer_consume(&buffer, 9);
    assert_content(&buffer, "");
    buffer_append_text(&buffer, "again");
    assert_content(&buffer, "again");
    buffer_deinit(&buffer);
}

static void reserved_room_is_counted_by_grow(void **state)
{
    Buffer buffer = {0};
    char *room;

    (void)state;
    buffer_append_text(&buffer, "ab");
    room = buffer_reserve(&buffer, 1000);
    memcpy(room, "cd", 2);
    assert_content(&buffer, "ab");
    buffer_grow(&buffer, 2);
    assert_content(&buffer, "abcd");
    buffer_deinit(&buffer);
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_deinit(&buffer);
}

/* A queue that never becomes empty: memory must stay bounded and every byte must come out. */
static void a_stream_through_the_buffer_keeps_its_order(void **state)
{
    Buffer buffer = {0};
    uint8_t next_in = 0, next_out = 0;

    (void)state;
    for (size_t round = 0; round < 20000; round++) {
        size_t in_size = round % 97 + 4, out_size;
        for (size_t i = 0; i < in_size; i++)
            buffer_append(&buffer, &(uint8_t){next_in++}, 1);
        out_size = buffer.size < 60 ? 1 : buffer.size - 50;
        for (size_t i = 0; i < out_size; i++)
            assert_int_equal((uint8_t)buffer.bytes[i], next_out++);
        buffer_consume(&buffer, out_size);
    }
    assert_true(buffer.capacity <= 1024);
    buffer_deinit(&buffer);
}

static void an_emptied_buffer_keeps_little_memory(void **state)
{
    static const char bytes[KEPT + 1];
    Buffer buffer = {0};

    (void)state;
    buffer_append(&buffer, bytes, sizeof bytes);
    buffer_consume(&buffer, sizeof bytes);
    assert_null(buffer.memory);
    buffer_append(&buffer, bytes, KEPT / 2);
    buffer_clear(&buffer);
    assert_non_null(buffer.memory);
    assert_true(buffer.capacity <= KEPT);
    buffer_deinit(&buffer);
}

static void a_skipped_buffer_keeps_its_memory(void **state)
{
    static const char bytes[100 * 1024];
    Buffer buffer = {0};

    (void)state;
    buffer_skip(&buffer, 0);
    buffer_append(&buffer, bytes, sizeof bytes);
    buffer_skip(&buffer, 1);
    assert_int_equal(buffer.size, sizeof bytes - 1);
    assert_ptr_equal(buffer.bytes, buffer.memory + 1);
    buffer_skip(&buffer, sizeof bytes - 1);
    assert_int_equal(buffer.size, 0);
    assert_ptr_equal(buffer.bytes, buffer.memory);
    assert_int_equal(buffer.capacity, sizeof bytes);
    buffer_deinit(&buffer);
}

static void moving_takes_the_content_along(void **state)
{
    Buffer source = {0}, target = {0};
    const char *bytes;

    (void)state;
    buffer_append_text(&target, "old");
    buffer_clear(&target);
    buffer_append_text(&source, "xcontent");
    buffer_consume(&source, 1);
    bytes = source.bytes;
    buffer_move(&target, &source);
    assert_content(&target, "content");
    assert_ptr_equal(target.bytes, bytes);
    assert_content(&source, "");
    buffer_append_text(&source, "new");
    assert_content(&target, "content");
    buffer_deinit(&source);
    buffer_deinit(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_buffer_is_empty),
        cmocka_unit_test(pieces_are_appended_in_order),
        cmocka_unit_test(consuming_drops_the_front),
        cmocka_unit_test(reserved_room_is_counted_by_grow),
        cmocka_unit_test(a_stream_through_the_buffer_keeps_its_order),
        cmocka_unit_test(an_emptied_buffer_keeps_little_memory),
        cmocka_unit_test(a_skipped_buffer_keeps_its_memory),
        cmocka_unit_test(moving_takes_the_content_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
