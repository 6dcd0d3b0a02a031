/* Hop: texts that say how long somebody waits, and those that say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/hop.h"

static double wait_of(const char *text)
{
    Hop hop = {0};

    hop_read_wait(&hop, text, strlen(text));
    return hop.wait_s;
}

static void test_units(void **state)
{
    (void)state;
    assert_float_equal(wait_of("2H"), 7200, 0);
    assert_float_equal(wait_of("3M"), 180, 0);
    assert_float_equal(wait_of("4S"), 4, 0);
    assert_float_equal(wait_of("1500m"), 1.5, 1e-12);
    assert_float_equal(wait_of("20u"), 20e-6, 1e-12);
    assert_float_equal(wait_of("5n"), 5e-9, 1e-15);
    assert_float_equal(wait_of("99999999H"), 99999999.0 * 3600, 0);
}

static void test_wait_that_is_over_is_not_none(void **state)
{
    (void)state;
    assert_true(wait_of("0m") > 0 && wait_of("0m") < 1e-6);
    assert_true(wait_of("00000000S") > 0);
}

static void test_texts_that_say_nothing(void **state)
{
    static const char *const texts[] = {"",    "m",    "5",  "5s",         "-5m",  "+5m", " 5m",
                                        "5m ", "5.5m", "5x", "100000000m", "0x5m", "5mm"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_float_equal(wait_of(texts[i]), 0, 0);
}

static void test_the_shortest_counts(void **state)
{
    Hop hop = {0};

    (void)state;
    hop_read_wait(&hop, "5S", 2);
    hop_read_wait(&hop, "2S", 2);
    hop_read_wait(&hop, "9S", 2);
    assert_float_equal(hop.wait_s, 2, 0);
    hop_limit_by(&hop, &(Hop){.wait_s = 1, .previous_attempts = 3});
    hop_limit_by(&hop, &(Hop){0});
    assert_float_equal(hop.wait_s, 1, 0);
    assert_int_equal(hop.previous_attempts, 3);
}

static void test_attempts(void **state)
{
    Hop hop = {0};

    (void)state;
    hop_read_attempts(&hop, "2", 1);
    hop_read_attempts(&hop, "1", 1);
    hop_read_attempts(&hop, "x", 1);
    hop_read_attempts(&hop, "", 0);
    hop_read_attempts(&hop, "-3", 2);
    hop_read_attempts(&hop, "999999999", 9);
    assert_int_equal(hop.previous_attempts, 2);
    hop_read_attempts(&hop, "99999999", 8);
    assert_int_equal(hop.previous_attempts, 99999999);
}

static const char *trace_of(Hop *hop, const char *text)
{
    *hop = (Hop){0};
    hop_read_trace(hop, text, strlen(text));
    return hop->trace;
}

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

static void test_a_trace_is_taken_when_it_is_whole(void **state)
{
    Hop hop;

    (void)state;
    assert_string_equal(trace_of(&hop, TRACE "01"), TRACE "01");
    assert_true(hop_is_sampled(&hop));
    assert_string_equal(trace_of(&hop, TRACE "00"), TRACE "00");
    assert_false(hop_is_sampled(&hop));
    trace_of(&hop, TRACE "03");
    assert_true(hop_is_sampled(&hop));
    assert_string_equal(trace_of(&hop, TRACE "0"), "");
    assert_string_equal(trace_of(&hop, TRACE "01-more"), "");
    assert_string_equal(trace_of(&hop, ""), "");
    assert_false(hop_is_sampled(&hop));
}

static void test_a_later_version_may_say_more(void **state)
{
    char text[] = TRACE "01-more";
    Hop hop;

    (void)state;
    text[1] = '1';
    assert_int_equal(strlen(trace_of(&hop, text)), HOP_TRACE_SIZE);
    text[HOP_TRACE_SIZE] = '.';
    assert_string_equal(trace_of(&hop, text), "");
}

static void test_of_several_traces_none_is_meant(void **state)
{
    Hop hop, other = {0};

    (void)state;
    trace_of(&hop, TRACE "01");
    hop_read_trace(&hop, TRACE "01", HOP_TRACE_SIZE);
    assert_string_equal(hop.trace, "");
    hop_read_trace(&hop, TRACE "01", HOP_TRACE_SIZE);
    assert_string_equal(hop.trace, "");
    trace_of(&hop, TRACE "01");
    hop_limit_by(&other, &hop);
    assert_string_equal(other.trace, TRACE "01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_wait_that_is_over_is_not_none),
        cmocka_unit_test(test_texts_that_say_nothing),
        cmocka_unit_test(test_the_shortest_counts),
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_a_trace_is_taken_when_it_is_whole),
        cmocka_unit_test(test_a_later_version_may_say_more),
        cmocka_unit_test(test_of_several_traces_none_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
