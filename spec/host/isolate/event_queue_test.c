/* EventQueue: its order, its bound, and what the bound does not hold for. */
#include "isolate/event_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"

static Event numbered(uint64_t id)
{
    return (Event){.kind = EVENT_MESSAGE, .id = id, .bytes = memory_copy("text", 4), .size = 4};
}

static void expect_next(EventQueue *queue, uint64_t id)
{
    Event event;

    assert_true(event_queue_pop(queue, &event));
    assert_int_equal(event.id, id);
    memory_free(event.bytes);
}

static void events_come_in_their_order(void **state)
{
    EventQueue queue;
    uint64_t last = 0, next = 0;
    Event event;

    (void)state;
    event_queue_init(&queue, 100);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 7; i++)
            assert_int_equal(event_queue_push(&queue, numbered(last++)), 0);
        for (int i = 0; i < 5; i++)
            expect_next(&queue, next++);
    }
    while (next < last)
        expect_next(&queue, next++);
    assert_false(event_queue_pop(&queue, &event));
    event_queue_deinit(&queue);
}

static void new_work_is_refused_at_the_limit(void **state)
{
    EventQueue queue;

    (void)state;
    event_queue_init(&queue, 2);
    assert_int_equal(event_queue_push(&queue, numbered(1)), 0);
    assert_int_equal(event_queue_push(&queue, numbered(2)), 0);
    assert_int_equal(event_queue_push(&queue, numbered(3)), ERR_FULL);
    expect_next(&queue, 1);
    assert_int_equal(event_queue_push(&queue, numbered(4)), 0);
    expect_next(&queue, 2);
    expect_next(&queue, 4);
    event_queue_deinit(&queue);
}

static void what_came_of_work_is_never_refused(void **state)
{
    EventQueue queue;

    (void)state;
    event_queue_init(&queue, 2);
    for (uint64_t id = 0; id < 40; id++)
        event_queue_append(&queue, numbered(id));
    assert_int_equal(event_queue_push(&queue, numbered(40)), ERR_FULL);
    for (uint64_t id = 0; id < 39; id++)
        expect_next(&queue, id);
    assert_int_equal(event_queue_push(&queue, numbered(41)), 0);
    event_queue_deinit(&queue); /* with two in it, whose bytes go too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_their_order),
        cmocka_unit_test(new_work_is_refused_at_the_limit),
        cmocka_unit_test(what_came_of_work_is_never_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
