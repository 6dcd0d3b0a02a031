/* Framing of bodies: what is decoded, where it ends, and that splits make no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http/http1_body.h"

enum { COMPLETE = 1, MORE = 0 };

typedef struct Case {
    const char *bytes;
    size_t size;
    int verdict;         /* COMPLETE, MORE or minus a status */
    const char *decoded; /* NULL where an error makes it meaningless */
} Case;

#define CASE(literal, verdict, decoded)                                                            \
    {                                                                                              \
        literal, sizeof literal - 1, verdict, decoded                                              \
    }
#define END "0\r\n\r\n"

static const Http1Limits small_limits = {.body_size = 100, .framing_size = 64};

static const Case chunked_cases[] = {
    CASE(END, COMPLETE, ""),
    CASE("5\r\nhello\r\n" END, COMPLETE, "hello"),
    CASE("5\r\nhello\r\n6\r\n world\r\n" END, COMPLETE, "hello world"),
    CASE("A\r\n0123456789\r\n" END, COMPLETE, "0123456789"),
    CASE("a\r\n0123456789\r\n" END, COMPLETE, "0123456789"),
    CASE("000005\r\nhello\r\n000\r\n\r\n", COMPLETE, "hello"),
    CASE("5\r\n\r\n\r\n\n\r\n" END, COMPLETE, "\r\n\r\n\n"),
    /* not yet at the end */
    CASE("", MORE, ""),
    CASE("5", MORE, ""),
    CASE("5\r\nhel", MORE, "hel"),
    CASE("5\r\nhello", MORE, "hello"),
    CASE("5\r\nhello\r\n", MORE, "hello"),
    CASE("5\r\nhello\r\n0\r\n", MORE, "hello"),
    CASE("5\r\nhello\r\n0\r\n\r", MORE, "hello"),
    /* sizes */
    CASE("\r\n", -400, NULL),
    CASE("g\r\n", -400, NULL),
    CASE("-5\r\nhello\r\n", -400, NULL),
    CASE("+5\r\nhello\r\n", -400, NULL),
    CASE("0x5\r\nhello\r\n", -400, NULL),
    CASE(" 5\r\nhello\r\n", -400, NULL),
    CASE("5 \r\nhello\r\n", -400, NULL),
    CASE("5\t\r\nhello\r\n", -400, NULL),
    CASE("5 5\r\nhello\r\n", -400, NULL),
    CASE("5,5\r\nhello\r\n", -400, NULL),
    CASE("5_\r\nhello\r\n", -400, NULL),
    CASE("5\0\r\nhello\r\n", -400, NULL),
    CASE("64\r\n", MORE, ""),
    CASE("65\r\n", -413, NULL),
    CASE("ffffffff\r\n", -413, NULL),
    CASE("ffffffffffffffff\r\n", -413, NULL),
    CASE("10000000000000005\r\nhello\r\n", -413, NULL),
    CASE("0000000000000005\r\nhello\r\n" END, COMPLETE, "hello"),
    CASE("00000000000000005\r\nhello\r\n" END, -400, NULL),
    CASE("5\r\nhello\r\n60\r\n", -413, NULL),
    /* line ends */
    CASE("5\nhello\r\n" END, -400, NULL),
    CASE("5\rhello\r\n" END, -400, NULL),
    CASE("5\r\r\nhello\r\n" END, -400, NULL),
    CASE("5\r\nhello\n" END, -400, NULL),
    CASE("5\r\nhello" END, -400, NULL),
    CASE("5\r\nhello\r" END, -400, NULL),
    CASE("5\r\nhello!\r\n" END, -400, NULL),
    CASE("5\r\nhello\r\n\r\n" END, -400, NULL),
    CASE("0\r\n\n", -400, NULL),
    CASE("0\n\n", -400, NULL),
    CASE("0\r\n\rx", -400, NULL),
    /* extensions */
    CASE("5;a\r\nhello\r\n" END, COMPLETE, "hello"),
    CASE("5;a=b\r\nhello\r\n" END, COMPLETE, "hello"),
    CASE("5;a=b;c=\"d;\\\"\r\"\r\n", -400, NULL),
    CASE("5;a=\"d;\\\"e\\\\\";f\r\nhello\r\n" END, COMPLETE, "hello"),
    CASE("5 ; a = b \t; c\r\nhello\r\n" END, COMPLETE, "hello"),
    CASE("5;a=\"\"\r\nhello\r\n0;z\r\n\r\n", COMPLETE, "hello"),
    CASE("5;\r\n", -400, NULL),
    CASE("5;;a\r\n", -400, NULL),
    CASE("5;=b\r\n", -400, NULL),
    CASE("5;a=\r\n", -400, NULL),
    CASE("5;a \r\n", -400, NULL),
    CASE("5;a=b \r\n", -400, NULL),
    CASE("5;a=b c\r\n", -400, NULL),
    CASE("5;a b\r\n", -400, NULL),
    CASE("5;a=\"b\"c\r\n", -400, NULL),
    CASE("5;a=\"b\r\nhello\r\n", -400, NULL),
    CASE("5;a=\"\x01\"\r\n", -400, NULL),
    CASE("5;a=\"\\\n\"\r\n", -400, NULL),
    CASE("5;a\nhello", -400, NULL),
    CASE("5;a\0b\r\n", -400, NULL),
    CASE("5;a@b\r\n", -400, NULL),
    /* trailers are checked like fields, and dropped */
    CASE("0\r\nA: b\r\n\r\n", COMPLETE, ""),
    CASE("0\r\nA: b\r\nC:\r\n\r\n", COMPLETE, ""),
    CASE("0\r\nContent-Length: 5\r\n\r\n", COMPLETE, ""),
    CASE("0\r\nTransfer-Encoding: chunked\r\n\r\n", COMPLETE, ""),
    CASE("0\r\nA : b\r\n\r\n", -400, NULL),
    CASE("0\r\n A: b\r\n\r\n", -400, NULL),
    CASE("0\r\nA: b\r\n c\r\n\r\n", -400, NULL),
    CASE("0\r\nA: b\nC: d\r\n\r\n", -400, NULL),
    CASE("0\r\nA: b\0\r\n\r\n", -400, NULL),
    CASE("0\r\nA\r\n\r\n", -400, NULL),
    CASE("0\r\n: b\r\n\r\n", -400, NULL),
    CASE("0\r\nGET / HTTP/1.1\r\n\r\n", -400, NULL),
};

static Http1Head head_of_kind(uint8_t kind, uint64_t length)
{
    return (Http1Head){.body_kind = kind, .content_length = length};
}

typedef struct Outcome {
    int verdict;
    size_t end; /* bytes taken */
    Buffer decoded;
} Outcome;

/* Pieces of `step` bytes after a first one of `first`, each in memory of its own. */
static Outcome decode_in_pieces(const Http1Head *head, const Case *test, size_t first, size_t step)
{
    Outcome outcome = {0};
    Http1Body body;
    size_t piece = first;

    http1_body_init(&body, head, &small_limits);
    while (outcome.end < test->size && !http1_body_is_complete(&body)) {
        size_t left = test->size - outcome.end;
        size_t size = piece < left ? piece : left;
        char *copy = memory_alloc(size);
        long result;

        memcpy(copy, test->bytes + outcome.end, size);
        result = http1_body_feed(&body, copy, size, &outcome.decoded);
        memory_free(copy);
        if (result < 0) {
            outcome.verdict = (int)result;
            return outcome;
        }
        assert_true((size_t)result == size || http1_body_is_complete(&body));
        outcome.end += (size_t)result;
        piece = step;
    }
    outcome.verdict = http1_body_is_complete(&body) ? COMPLETE : MORE;
    return outcome;
}

static void assert_outcome(const Http1Head *head, const Case *test, size_t first, size_t step)
{
    Outcome outcome = decode_in_pieces(head, test, first, step);

    if (outcome.verdict != test->verdict)
        fail_msg("%d instead of %d, first %zu, then %zu bytes: %.*s", outcome.verdict,
                 test->verdict, first, step, (int)test->size, test->bytes);
    if (outcome.verdict >= 0 && outcome.end != test->size)
        fail_msg("ended after %zu bytes: %s", outcome.end, test->bytes);
    if (test->decoded != NULL) {
        assert_int_equal(outcome.decoded.size, strlen(test->decoded));
        if (outcome.decoded.size != 0)
            assert_memory_equal(outcome.decoded.bytes, test->decoded, outcome.decoded.size);
    }
    buffer_deinit(&outcome.decoded);
}

static void assert_outcome_for_all_splits(const Http1Head *head, const Case *test)
{
    assert_outcome(head, test, test->size + 1, 1);
    assert_outcome(head, test, 1, 1);
    for (size_t split = 1; split < test->size; split++)
        assert_outcome(head, test, split, test->size);
}

static void chunks_are_decoded_strictly(void **state)
{
    Http1Head head = head_of_kind(HTTP1_CHUNKED_BODY, 0);

    (void)state;
    for (size_t i = 0; i < sizeof chunked_cases / sizeof chunked_cases[0]; i++)
        assert_outcome_for_all_splits(&head, &chunked_cases[i]);
}

/* A chunk with an extension of `extension_size` bytes and a trailer of `trailer_size`, whose CR is
 * one byte more. */
static void assert_framing_verdict(size_t extension_size, size_t trailer_size, int verdict)
{
    Http1Head head = head_of_kind(HTTP1_CHUNKED_BODY, 0);
    Buffer bytes = {0};
    Case test = {.verdict = verdict};

    buffer_append_text(&bytes, "5;");
    for (size_t i = 1; i < extension_size; i++)
        buffer_append_text(&bytes, "e");
    buffer_append_text(&bytes, "\r\nhello\r\n0\r\nT:");
    for (size_t i = 2; i < trailer_size; i++)
        buffer_append_text(&bytes, "t");
    buffer_append_text(&bytes, "\r\n\r\n");
    test.bytes = bytes.bytes;
    test.size = bytes.size;
    assert_outcome_for_all_splits(&head, &test);
    buffer_deinit(&bytes);
}

static void bytes_around_the_content_are_limited_in_total(void **state)
{
    (void)state;
    assert_framing_verdict(30, 33, COMPLETE);
    assert_framing_verdict(30, 34, -431);
    assert_framing_verdict(31, 33, -431);
    assert_framing_verdict(64, 2, -431);
    assert_framing_verdict(65, 2, -431);
}

static void a_sized_body_ends_at_its_size(void **state)
{
    static const Case whole = CASE("hello", COMPLETE, "hello");
    static const Case half = CASE("hel", MORE, "hel");
    Http1Head head = head_of_kind(HTTP1_SIZED_BODY, 5);
    Http1Body body;
    Buffer out = {0};

    (void)state;
    assert_outcome_for_all_splits(&head, &whole);
    assert_outcome_for_all_splits(&head, &half);
    http1_body_init(&body, &head, &small_limits);
    assert_int_equal(http1_body_feed(&body, "helloGET / HTTP/1.1", 19, &out), 5);
    buffer_deinit(&out);
}

static void the_bytes_behind_the_last_chunk_are_not_taken(void **state)
{
    static const char bytes[] = "1\r\nx\r\n" END "GET / HTTP/1.1\r\n";
    Http1Head head = head_of_kind(HTTP1_CHUNKED_BODY, 0);
    Http1Body body;
    Buffer out = {0};

    (void)state;
    http1_body_init(&body, &head, &small_limits);
    assert_int_equal(http1_body_feed(&body, bytes, sizeof bytes - 1, &out), 11);
    assert_true(http1_body_is_complete(&body));
    buffer_deinit(&out);
}

static void no_body_is_complete_at_once(void **state)
{
    Http1Head without = head_of_kind(HTTP1_NO_BODY, 0), empty = head_of_kind(HTTP1_SIZED_BODY, 0);
    Http1Body body;

    (void)state;
    http1_body_init(&body, &without, &small_limits);
    assert_true(http1_body_is_complete(&body));
    http1_body_init(&body, &empty, &small_limits);
    assert_true(http1_body_is_complete(&body));
    assert_int_equal(http1_body_feed(&body, "GET", 3, NULL), 0);
}

static void a_body_can_be_dropped(void **state)
{
    static const char bytes[] = "5\r\nhello\r\n" END;
    Http1Head head = head_of_kind(HTTP1_CHUNKED_BODY, 0);
    Http1Body body;

    (void)state;
    http1_body_init(&body, &head, &small_limits);
    assert_int_equal(http1_body_feed(&body, bytes, sizeof bytes - 1, NULL), sizeof bytes - 1);
    assert_int_equal(body.decoded_size, 5);
    assert_true(http1_body_is_complete(&body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_decoded_strictly),
        cmocka_unit_test(bytes_around_the_content_are_limited_in_total),
        cmocka_unit_test(a_sized_body_ends_at_its_size),
        cmocka_unit_test(the_bytes_behind_the_last_chunk_are_not_taken),
        cmocka_unit_test(no_body_is_complete_at_once),
        cmocka_unit_test(a_body_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
