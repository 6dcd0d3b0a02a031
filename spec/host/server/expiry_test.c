/* Expiry: the right entry at the right time, however entries come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/expiry.h"

enum { ENTRY_COUNT = 4 };

static Expiry expiry;
static ExpiryEntry entries[ENTRY_COUNT];

static int setup(void **state)
{
    (void)state;
    expiry_init(&expiry, (uint64_t[EXPIRY_KIND_COUNT]){
                             [EXPIRY_HEAD] = 100,
                             [EXPIRY_BODY] = 1000,
                         });
    for (int i = 0; i < ENTRY_COUNT; i++)
        expiry_init_entry(&entries[i]);
    return 0;
}

static void nothing_expires_of_nothing(void **state)
{
    (void)state;
    assert_null(expiry_first(&expiry, UINT64_MAX));
    assert_null(expiry_any(&expiry));
}

static void the_oldest_of_a_kind_expires_first(void **state)
{
    (void)state;
    expiry_enter(&expiry, &entries[0], EXPIRY_HEAD, 10);
    expiry_enter(&expiry, &entries[1], EXPIRY_HEAD, 20);
    assert_null(expiry_first(&expiry, 109));
    assert_ptr_equal(expiry_first(&expiry, 110), &entries[0]);
    expiry_leave(&entries[0]);
    assert_null(expiry_first(&expiry, 119));
    assert_ptr_equal(expiry_first(&expiry, 120), &entries[1]);
}

static void entering_again_begins_anew(void **state)
{
    (void)state;
    expiry_enter(&expiry, &entries[0], EXPIRY_HEAD, 0);
    expiry_enter(&expiry, &entries[1], EXPIRY_HEAD, 50);
    expiry_enter(&expiry, &entries[0], EXPIRY_HEAD, 90);
    assert_ptr_equal(expiry_first(&expiry, 189), &entries[1]);
    expiry_leave(&entries[1]);
    assert_null(expiry_first(&expiry, 189));
    assert_ptr_equal(expiry_first(&expiry, 190), &entries[0]);
}

static void kinds_have_their_own_time(void **state)
{
    (void)state;
    expiry_enter(&expiry, &entries[0], EXPIRY_BODY, 0);
    expiry_enter(&expiry, &entries[1], EXPIRY_HEAD, 500);
    expiry_enter(&expiry, &entries[2], EXPIRY_NONE, 0);
    expiry_enter(&expiry, &entries[3], EXPIRY_IDLE, 0);
    assert_ptr_equal(expiry_first(&expiry, 999), &entries[1]);
    expiry_leave(&entries[1]);
    assert_null(expiry_first(&expiry, 999));
    assert_ptr_equal(expiry_first(&expiry, 1000), &entries[0]);
    expiry_leave(&entries[0]);
    assert_null(expiry_first(&expiry, UINT64_MAX));
}

/* An entry may enter while the expired are looked for, at a time later than that of the search. */
static void an_entry_from_later_is_not_over(void **state)
{
    (void)state;
    expiry_enter(&expiry, &entries[0], EXPIRY_HEAD, 1000);
    assert_null(expiry_first(&expiry, 999));
}

static void any_finds_every_entry(void **state)
{
    int count = 0;
    ExpiryEntry *entry;

    (void)state;
    for (int i = 0; i < ENTRY_COUNT; i++)
        expiry_enter(&expiry, &entries[i], i * 2 % EXPIRY_KIND_COUNT, 0);
    while ((entry = expiry_any(&expiry)) != NULL) {
        expiry_leave(entry);
        expiry_leave(entry);
        count++;
    }
    assert_int_equal(count, ENTRY_COUNT);
}

static void expect_tick(uint64_t head_ms, uint64_t body_ms, uint64_t tick_ms)
{
    expiry_init(&expiry, (uint64_t[EXPIRY_KIND_COUNT]){
                             [EXPIRY_HEAD] = head_ms,
                             [EXPIRY_BODY] = body_ms,
                         });
    assert_int_equal(expiry_tick_ms(&expiry), tick_ms);
}

static void the_tick_is_a_quarter_of_the_smallest_within_bounds(void **state)
{
    (void)state;
    expect_tick(100, 1000, 25);
    expect_tick(1000, 100, 25);
    expect_tick(20, 1000, 10);
    expect_tick(5000, 10000, 500);
    expect_tick(0, 400, 100);
    expect_tick(0, 0, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_expires_of_nothing, setup),
        cmocka_unit_test_setup(the_oldest_of_a_kind_expires_first, setup),
        cmocka_unit_test_setup(entering_again_begins_anew, setup),
        cmocka_unit_test_setup(kinds_have_their_own_time, setup),
        cmocka_unit_test_setup(an_entry_from_later_is_not_over, setup),
        cmocka_unit_test_setup(any_finds_every_entry, setup),
        cmocka_unit_test(the_tick_is_a_quarter_of_the_smallest_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
