/* MetricArena: records that a writer appends and readers find, whatever else stands there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "metrics/metric_arena.h"

enum { SIZE = METRIC_ARENA_MIN_SIZE };

static _Alignas(64) char memory[SIZE];
static MetricArena arena;

static int set_up(void **state)
{
    (void)state;
    memset(memory, 0, sizeof memory);
    assert_int_equal(metric_arena_format(memory, SIZE), 0);
    return metric_arena_open(memory, SIZE, &arena);
}

static MetricRecord *add(MetricKind kind, const char *text, uint32_t cell_count)
{
    MetricWanted wanted = {
        .kind = kind,
        .cell_count = cell_count,
        .text = text,
        .text_size = strlen(text),
        .text_capacity = strlen(text) + 8,
    };

    return metric_arena_add(&arena, &wanted);
}

static int count_records(void)
{
    MetricView view;
    size_t offset = 0;
    int count = 0;

    while (metric_arena_next(&arena, &offset, &view))
        count++;
    return count;
}

static MetricView view_of(int number)
{
    MetricView view = {0};
    size_t offset = 0;

    for (int i = 0; i <= number; i++)
        assert_true(metric_arena_next(&arena, &offset, &view));
    return view;
}

static void what_was_not_formatted_is_refused(void **state)
{
    static _Alignas(64) char zeros[SIZE];
    MetricArena other;

    (void)state;
    assert_int_equal(metric_arena_open(zeros, SIZE, &other), ERR_INVALID);
    assert_int_equal(metric_arena_format(zeros, SIZE - 1), ERR_INVALID);
    assert_int_equal(metric_arena_open(memory, SIZE - 1, &other), ERR_INVALID);
}

static void records_are_found_in_order(void **state)
{
    MetricSnapshot snapshot;
    MetricView view;

    (void)state;
    assert_int_equal(count_records(), 0);
    add(METRIC_COUNTER, "a", 0);
    metric_cell_add(&metric_record_cells(add(METRIC_SERIES, "labels", 2))[1], 2.5);
    assert_int_equal(count_records(), 2);
    view = view_of(1);
    assert_int_equal(view.kind, METRIC_SERIES);
    assert_int_equal(view.cell_count, 2);
    assert_true(metric_cell_get(&view.cells[1]) == 2.5);
    metric_view_read(&view, &snapshot);
    assert_int_equal(snapshot.text_size, 6);
    assert_memory_equal(snapshot.text, "labels", 6);
    assert_int_equal(snapshot.version, 0);
    assert_false(snapshot.is_hidden);
}

static void a_full_arena_refuses_and_counts(void **state)
{
    int count = 0;

    (void)state;
    while (add(METRIC_SERIES, "labels", METRIC_CELL_LIMIT) != NULL)
        count++;
    assert_int_equal(count_records(), count);
    assert_null(add(METRIC_SERIES, "labels", METRIC_CELL_LIMIT));
    assert_int_equal(metric_arena_refused_count(&arena), 2);
    assert_true(metric_arena_used_size(&arena) <= SIZE);
}

static void what_changes_is_seen_by_its_version(void **state)
{
    MetricRecord *record = add(METRIC_SERIES, "old", 1);
    MetricWanted wanted = {.text = "new one", .text_size = 7, .family = 3};
    MetricView view = view_of(0);
    MetricSnapshot before, after;

    (void)state;
    metric_cell_set(metric_record_cells(record), 7);
    metric_view_read(&view, &before);
    metric_arena_hide(&arena, record, true);
    metric_view_read(&view, &after);
    assert_true(after.is_hidden);
    assert_int_not_equal(after.version, before.version);
    metric_arena_relabel(&arena, record, &wanted);
    metric_view_read(&view, &after);
    assert_false(after.is_hidden);
    assert_int_equal(after.family, 3);
    assert_memory_equal(after.text, "new one", 7);
    assert_true(after.order > before.order);
    assert_true(metric_cell_get(view.cells) == 0);
}

static void a_record_its_writer_died_in_is_not_believed(void **state)
{
    MetricRecord *record = add(METRIC_SERIES, "text", 1);
    MetricView view = view_of(0);
    MetricSnapshot snapshot;

    (void)state;
    record->version |= 1;
    metric_view_read(&view, &snapshot);
    assert_int_equal(snapshot.version % 2, 1);
    /* The next writer ends the change. */
    metric_arena_hide(&arena, record, true);
    metric_view_read(&view, &snapshot);
    assert_int_equal(snapshot.version % 2, 0);
    assert_true(snapshot.is_hidden);
}

static void a_record_that_was_begun_is_overwritten(void **state)
{
    MetricView view;

    (void)state;
    add(METRIC_COUNTER, "a", 0);
    memset(memory + metric_arena_used_size(&arena), 0xff, 100);
    assert_int_equal(count_records(), 1);
    add(METRIC_SERIES, "b", 1);
    view = view_of(1);
    assert_true(metric_cell_get(view.cells) == 0);
    assert_int_equal(view.record->version, 0);
}

/* Whatever stands there, a reader reads nothing outside and ends. */
static void garbage_ends_the_list(void **state)
{
    uint32_t random = 1;
    MetricSnapshot snapshot;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        MetricView view;
        size_t offset = 0;

        set_up(NULL);
        for (int i = 0; i < 20; i++)
            add(METRIC_SERIES, "labels", 3);
        for (int i = 0; i < 4; i++) {
            random = random * 1664525 + 1013904223;
            memory[(random >> 8) % 2000 + 8] ^= (char)(random >> 3);
        }
        while (metric_arena_next(&arena, &offset, &view)) {
            assert_true((char *)&view.cells[view.cell_count] <= memory + SIZE);
            metric_view_read(&view, &snapshot);
            assert_true(snapshot.text_size <= view.text_capacity);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_not_formatted_is_refused, set_up),
        cmocka_unit_test_setup(records_are_found_in_order, set_up),
        cmocka_unit_test_setup(a_full_arena_refuses_and_counts, set_up),
        cmocka_unit_test_setup(what_changes_is_seen_by_its_version, set_up),
        cmocka_unit_test_setup(a_record_its_writer_died_in_is_not_believed, set_up),
        cmocka_unit_test_setup(a_record_that_was_begun_is_overwritten, set_up),
        cmocka_unit_test_setup(garbage_ends_the_list, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
