/* MountTable: whole segments, the longest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "server/mount_table.h"

static MountTable *table;

static int setup(void **state)
{
    (void)state;
    table = mount_table_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mount_table_destroy(table);
    return 0;
}

#define mount_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static int add(const char *prefix, uint64_t target)
{
    return mount_table_add(table, prefix, strlen(prefix), (MountTarget){target, 10 * target});
}

/* Looks the path up in memory of exactly its size, so that a look past its end is an error. */
static void expect(const char *path, uint64_t target, size_t prefix_size)
{
    size_t size = strlen(path);
    size_t found_size = 999;
    char *exact = malloc(size + 1);

    assert_non_null(exact);
    exact = realloc(exact, size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, path, size);

    const MountTarget *target_found = mount_table_find(table, exact, size, &found_size);
    uint64_t found = target_found != NULL ? target_found->handle : 0;

    free(exact);
    if (found != target)
        fail_msg("\"%s\" found %d and not %d", path, (int)found, (int)target);
    if (target_found != NULL)
        assert_int_equal(target_found->body_size, 10 * target);
    assert_int_equal(found_size, target == 0 ? 999 : prefix_size);
}

static void an_empty_table_has_nobody(void **state)
{
    (void)state;
    expect("/", 0, 0);
    expect("/orders", 0, 0);
    expect("", 0, 0);
}

static void a_mount_takes_whole_segments(void **state)
{
    (void)state;
    assert_int_equal(add("/orders", 7), 0);
    expect("/orders", 7, 7);
    expect("/orders/", 7, 7);
    expect("/orders/1", 7, 7);
    expect("/orders/1/lines", 7, 7);
    expect("/orders//", 7, 7);
    expect("/ordersx", 0, 0);
    expect("/order", 0, 0);
    expect("/Orders", 0, 0);
    expect("//orders", 0, 0);
    expect("/", 0, 0);
}

static void the_longest_mount_wins(void **state)
{
    (void)state;
    assert_int_equal(add("/a/b", 3), 0);
    assert_int_equal(add("/", 1), 0);
    assert_int_equal(add("/a/b/c/d", 4), 0);
    assert_int_equal(add("/a", 2), 0);
    expect("/a/b/c/d/e", 4, 8);
    expect("/a/b/c/d", 4, 8);
    expect("/a/b/c", 3, 4);
    expect("/a/bc", 2, 2);
    expect("/ab", 1, 0);
    expect("/", 1, 0);
    expect("*", 1, 0);
}

static void bytes_beyond_ascii_are_only_bytes(void **state)
{
    (void)state;
    assert_int_equal(add("/\xc3\xa4", 2), 0);
    assert_int_equal(add("/a", 1), 0);
    expect("/\xc3\xa4/x", 2, 3);
    expect("/a/x", 1, 2);
}

static void a_taken_prefix_is_full_and_stays(void **state)
{
    (void)state;
    assert_int_equal(add("/a", 1), 0);
    assert_int_equal(add("/", 2), 0);
    assert_int_equal(add("/a", 3), ERR_FULL);
    assert_int_equal(add("/", 3), ERR_FULL);
    expect("/a", 1, 2);
    expect("/b", 2, 0);
}

static void other_prefixes_are_invalid(void **state)
{
    (void)state;
    assert_int_equal(add("", 1), ERR_INVALID);
    assert_int_equal(add("a", 1), ERR_INVALID);
    assert_int_equal(add("/a/", 1), ERR_INVALID);
    assert_int_equal(add("//", 1), ERR_INVALID);
    expect("/a", 0, 0);
}

static void finds_each_of_many(void **state)
{
    char prefix[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(prefix, sizeof prefix, "/s%d", (i * 7919) % 1000);
        assert_int_equal(add(prefix, (uint64_t)(i * 7919) % 1000 + 1), 0);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(prefix, sizeof prefix, "/s%d/x", i);
        expect(prefix, (uint64_t)i + 1, strlen(prefix) - 2);
    }
}

static void destroying_none_is_fine(void **state)
{
    (void)state;
    mount_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        mount_test(an_empty_table_has_nobody),
        mount_test(a_mount_takes_whole_segments),
        mount_test(the_longest_mount_wins),
        mount_test(bytes_beyond_ascii_are_only_bytes),
        mount_test(a_taken_prefix_is_full_and_stays),
        mount_test(other_prefixes_are_invalid),
        mount_test(finds_each_of_many),
        cmocka_unit_test(destroying_none_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
