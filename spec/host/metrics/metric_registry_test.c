/* MetricRegistry: families and series by what they say, also those of a writer before this one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "metrics/metric_group.h"
#include "metrics/metric_registry.h"

enum { SIZE = METRIC_ARENA_MIN_SIZE };

static _Alignas(64) char memory[SIZE];
static MetricArena arena;
static MetricRegistry *registry;

static int set_up(void **state)
{
    (void)state;
    memset(memory, 0, sizeof memory);
    metric_arena_format(memory, SIZE);
    metric_arena_open(memory, SIZE, &arena);
    registry = metric_registry_create(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metric_registry_destroy(registry);
    return 0;
}

/* As after the death of the worker. */
static void start_again(void)
{
    metric_registry_destroy(registry);
    registry = metric_registry_create(&arena);
}

static long family(MetricKind kind, const char *text)
{
    MetricFamily wanted = {.kind = kind, .text = text, .text_size = strlen(text)};

    return metric_registry_family(registry, &wanted);
}

static long histogram(const char *text, const double *bounds, uint32_t count)
{
    MetricFamily wanted = {
        .kind = METRIC_HISTOGRAM,
        .text = text,
        .text_size = strlen(text),
        .cells = bounds,
        .cell_count = count,
    };

    return metric_registry_family(registry, &wanted);
}

static MetricLabels labelled(const char *text, uint32_t limit)
{
    return (MetricLabels){.text = text, .size = strlen(text), .series_limit = limit};
}

static long series(long of, const char *text)
{
    MetricLabels labels = labelled(text, 0);

    return metric_registry_series(registry, of, &labels);
}

static long gauge(long of, const char *text, uint32_t limit)
{
    MetricLabels labels = labelled(text, limit);

    return metric_registry_take_gauge(registry, of, &labels);
}

static bool is_hidden(long number)
{
    MetricView view = {0};
    size_t offset = 0;

    for (long i = 0; i <= number; i++)
        assert_true(metric_arena_next(&arena, &offset, &view));
    return view.record != NULL && view.record->is_hidden;
}

static double value(long number)
{
    return metric_cell_get(metric_registry_cells(registry, number));
}

static void what_is_asked_for_again_is_the_same(void **state)
{
    long counter = family(METRIC_COUNTER, "a\nowner\nlabel\nhelp");
    long one = series(counter, "one");

    (void)state;
    assert_int_equal(family(METRIC_COUNTER, "a\nowner\nlabel\nhelp"), counter);
    assert_int_not_equal(family(METRIC_GAUGE, "b\nowner\nlabel\nhelp"), counter);
    assert_int_not_equal(series(counter, "two"), one);
    assert_int_equal(series(counter, "one"), one);
    assert_int_equal(metric_registry_kind(registry, one), METRIC_COUNTER);
    assert_int_equal(metric_registry_kind(registry, 1000), METRIC_SERIES);
    assert_null(metric_registry_cells(registry, counter));
    assert_null(metric_registry_cells(registry, -1));
    assert_null(metric_registry_cells(registry, 1000));
}

static void many_are_found(void **state)
{
    long counter = family(METRIC_COUNTER, "a\n\nlabel\nhelp"), numbers[500];
    char text[16];

    (void)state;
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "%d", i);
        numbers[i] = series(counter, text);
    }
    start_again();
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(series(counter, text), numbers[i]);
    }
}

static void counters_outlive_their_writer(void **state)
{
    long counter = family(METRIC_COUNTER, "a\n\nlabel\nhelp");
    long one = series(counter, "one");

    (void)state;
    metric_cell_add(metric_registry_cells(registry, one), 5);
    start_again();
    assert_int_equal(family(METRIC_COUNTER, "a\n\nlabel\nhelp"), counter);
    assert_int_equal(series(counter, "one"), one);
    assert_true(value(one) == 5);
}

static void gauges_do_not(void **state)
{
    long of = family(METRIC_GAUGE, "a\n\nlabel\nhelp");
    long one = gauge(of, "one", 0);

    (void)state;
    metric_cell_set(metric_registry_cells(registry, one), 5);
    start_again();
    assert_true(is_hidden(one));
    assert_int_equal(gauge(of, "another", 0), one);
    assert_false(is_hidden(one));
    assert_true(value(one) == 0);
}

static void gauges_of_two_are_two(void **state)
{
    long of = family(METRIC_GAUGE, "a\n\nlabel\nhelp");
    long old = gauge(of, "one", 0), new = gauge(of, "one", 0);

    (void)state;
    assert_int_not_equal(old, new);
    metric_registry_drop_gauge(registry, old);
    assert_true(is_hidden(old));
    assert_false(is_hidden(new));
}

static void a_gauge_that_was_given_back_has_room_for_as_much(void **state)
{
    static const char text[] = "a text that is longer than the least there is room for";
    long of = family(METRIC_GAUGE, "a\n\nlabel\nhelp");
    long brief = gauge(of, "one", 0);
    size_t used;

    (void)state;
    metric_registry_drop_gauge(registry, brief);
    assert_int_not_equal(gauge(of, text, 0), brief);
    used = metric_arena_used_size(&arena);
    for (int i = 0; i < 1000; i++)
        metric_registry_drop_gauge(registry, gauge(of, "two", 0));
    assert_int_equal(metric_arena_used_size(&arena), used);
}

static void a_family_has_so_many_series(void **state)
{
    long counters = family(METRIC_COUNTER, "a\n\nlabel\nhelp");
    long gauges = family(METRIC_GAUGE, "b\n\nlabel\nhelp");
    MetricLabels one = labelled("one", 1), two = labelled("two", 1);
    long taken = gauge(gauges, "one", 1);

    (void)state;
    assert_true(metric_registry_series(registry, counters, &one) >= 0);
    assert_true(metric_registry_series(registry, counters, &one) >= 0);
    assert_int_equal(metric_registry_series(registry, counters, &two), ERR_TOO_LARGE);
    assert_int_equal(gauge(gauges, "two", 1), ERR_TOO_LARGE);
    metric_registry_drop_gauge(registry, taken);
    assert_true(gauge(gauges, "two", 1) >= 0);
    start_again();
    assert_int_equal(metric_registry_series(registry, counters, &two), ERR_TOO_LARGE);
}

static void without_memory_there_is_no_number(void **state)
{
    long counters = family(METRIC_COUNTER, "a\n\nlabel\nhelp"), number = 0;
    char text[16];

    (void)state;
    for (int i = 0; number >= 0; i++) {
        snprintf(text, sizeof text, "%d", i);
        number = series(counters, text);
    }
    assert_int_equal(number, ERR_FULL);
    assert_true(series(counters, "0") > 0);
}

static void another_shape_takes_the_place_of_one_that_nobody_uses(void **state)
{
    long old = family(METRIC_COUNTER, "a\nshop\nkind\nhelp");
    long new = family(METRIC_COUNTER, "a\nshop\nkind,size\nhelp");
    long other = family(METRIC_COUNTER, "a\nstore\nkind\nhelp");

    (void)state;
    metric_registry_retain(registry, old);
    metric_registry_retain(registry, other);
    metric_registry_retain(registry, new);
    assert_false(is_hidden(old));
    metric_registry_release(registry, old);
    assert_true(is_hidden(old));
    assert_false(is_hidden(new));
    assert_false(is_hidden(other));
    /* A service that is gone leaves its counters. */
    metric_registry_release(registry, new);
    assert_false(is_hidden(new));
    metric_registry_retain(registry, old);
    assert_false(is_hidden(old));
    assert_true(is_hidden(new));
}

static void two_owners_do_not_give_one_name_two_kinds(void **state)
{
    long counters = family(METRIC_COUNTER, "a\nshop\n\nhelp");

    (void)state;
    metric_registry_retain(registry, counters);
    assert_int_equal(family(METRIC_GAUGE, "a\nstore\n\nhelp"), -EEXIST);
    assert_true(family(METRIC_GAUGE, "a\nshop\n\nhelp") >= 0);
    assert_true(family(METRIC_COUNTER, "a\nstore\n\nhelp") >= 0);
    metric_registry_release(registry, counters);
    assert_true(family(METRIC_GAUGE, "a\nstore\n\nhelp") >= 0);
}

static void histograms_count_in_buckets(void **state)
{
    static const double bounds[] = {1, 2.5}, others[] = {1, 2};
    long of = histogram("a\n\n\nhelp", bounds, 2);
    long one = series(of, "");
    const MetricCell *cells = metric_registry_cells(registry, one);

    (void)state;
    assert_int_equal(histogram("a\n\n\nhelp", bounds, 2), of);
    assert_int_not_equal(histogram("a\n\n\nhelp", others, 2), of);
    metric_registry_observe(registry, one, 1);
    metric_registry_observe(registry, one, 2);
    metric_registry_observe(registry, one, 3);
    metric_registry_observe(registry, one, 4);
    assert_int_equal(metric_registry_cell_count(registry, one), 4);
    assert_true(metric_cell_get(&cells[0]) == 1);
    assert_true(metric_cell_get(&cells[1]) == 1);
    assert_true(metric_cell_get(&cells[2]) == 2);
    assert_true(metric_cell_get(&cells[3]) == 10);
}

static const MetricGroupShape shape = {
    .text = "thing_\n\nname\nturns_total Turns.\nsize Size.\n",
    .gauges = {[1] = 1},
    .count = 2,
};

static void groups_that_share_a_series_add_up(void **state)
{
    MetricLabels labels = labelled("x", 0);
    MetricGroup one, other;

    (void)state;
    metric_group_open(&one, registry, &shape, &labels);
    metric_group_open(&other, registry, &shape, &labels);
    metric_group_update(&one, 0, 10);
    metric_group_update(&one, 1, 100);
    metric_group_update(&other, 0, 1);
    metric_group_update(&other, 1, 5);
    metric_group_update(&one, 0, 12);
    metric_group_close(&one);
    assert_true(metric_cell_get(&other.cells[0]) == 13);
    assert_true(metric_cell_get(&other.cells[1]) == 5);
}

static void a_group_of_a_writer_that_is_gone_keeps_its_counters(void **state)
{
    MetricLabels labels = labelled("x", 0);
    MetricGroup group;

    (void)state;
    metric_group_open(&group, registry, &shape, &labels);
    metric_group_update(&group, 0, 10);
    metric_group_update(&group, 1, 100);
    start_again();
    metric_group_open(&group, registry, &shape, &labels);
    metric_group_update(&group, 0, 1);
    assert_true(metric_cell_get(&group.cells[0]) == 11);
    assert_true(metric_cell_get(&group.cells[1]) == 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_asked_for_again_is_the_same),
        CASE(many_are_found),
        CASE(counters_outlive_their_writer),
        CASE(gauges_do_not),
        CASE(gauges_of_two_are_two),
        CASE(a_gauge_that_was_given_back_has_room_for_as_much),
        CASE(a_family_has_so_many_series),
        CASE(without_memory_there_is_no_number),
        CASE(another_shape_takes_the_place_of_one_that_nobody_uses),
        CASE(two_owners_do_not_give_one_name_two_kinds),
        CASE(histograms_count_in_buckets),
        CASE(groups_that_share_a_series_add_up),
        CASE(a_group_of_a_writer_that_is_gone_keeps_its_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
