/* The head's grammar: what passes, what does not, and that splits make no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http/http1_rules.h"

enum { COMPLETE = 1, MORE = 0 };

typedef struct Case {
    const char *bytes;
    size_t size;
    int verdict; /* COMPLETE, MORE or minus a status */
} Case;

#define CASE(literal, verdict)                                                                     \
    {                                                                                              \
        literal, sizeof literal - 1, verdict                                                       \
    }
#define HEAD(lines) lines "\r\n\r\n"
#define GET(target) HEAD("GET " target " HTTP/1.1\r\nHost: a")
#define FIELD(line) HEAD("GET / HTTP/1.1\r\n" line)

static const Case cases[] = {
    /* request line */
    CASE(GET("/"), COMPLETE), CASE("\r\n" GET("/"), COMPLETE), CASE("\r\n\r\n" GET("/"), -400),
    CASE("\n" GET("/"), -400), CASE("\r" GET("/"), -400), CASE(" " GET("/"), -400),
    CASE("\0" GET("/"), -400), CASE("GET  / HTTP/1.1\r\n", -400), CASE("GET /  HTTP/1.1\r\n", -400),
    CASE("GET\t/ HTTP/1.1\r\n", -400), CASE("GET / HTTP/1.1 \r\n", -400),
    CASE("GET / HTTP/1.1\n", -400), CASE("GET / HTTP/1.1\r\r\n", -400), CASE("GET /\r\n", -400),
    CASE("GET / \r\n", -400), CASE("G@T / HTTP/1.1\r\n", -400), CASE("G\0T / HTTP/1.1\r\n", -400),
    CASE("\xc3\xa9 / HTTP/1.1\r\n", -400), CASE("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n", MORE),
    CASE(" / HTTP/1.1\r\n", -400),
    /* version */
    CASE(HEAD("GET / HTTP/1.0"), COMPLETE), CASE(HEAD("GET / HTTP/1.1"), COMPLETE),
    CASE("GET / HTTP/1.2\r\n", -505), CASE("GET / HTTP/0.9\r\n", -505),
    CASE("GET / HTTP/2.0\r\n", -505), CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -505),
    CASE("GET / HTTP/9.9\r\n", -505), CASE("GET / HTTP/1.10\r\n", -400),
    CASE("GET / HTTP/11.1\r\n", -400), CASE("GET / HTTP/1.\r\n", -400),
    CASE("GET / HTTP/1\r\n", -400), CASE("GET / HTTP/1,1\r\n", -400),
    CASE("GET / HTTP/+1.1\r\n", -400), CASE("GET / http/1.1\r\n", -400),
    CASE("GET / HTTP /1.1\r\n", -400), CASE("GET / HTTPS/1.1\r\n", -400),
    CASE("GET / FTP/1.1\r\n", -400), CASE("GET / HTTP/1.2x", -400),
    /* target */
    CASE(GET("/a/b;c=d/%20%fF?q=/?&x=%00"), COMPLETE), CASE(GET("//"), COMPLETE),
    CASE(GET("/?"), COMPLETE), CASE(GET("/-._~!$&'()*+,;=:@"), COMPLETE), CASE(GET("*"), COMPLETE),
    CASE(GET("http://[::1]:80/?"), COMPLETE), CASE(GET("a:1"), COMPLETE),
    CASE("GET ?q HTTP/1.1\r\n", MORE), CASE("GET # HTTP/1.1\r\n", -400), CASE(GET("/#f"), -400),
    CASE(GET("/a[0]"), -400), CASE(GET("/?a[0]=1"), -400), CASE(GET("/\\"), -400),
    CASE(GET("/\""), -400), CASE(GET("/<"), -400), CASE(GET("/>"), -400), CASE(GET("/^"), -400),
    CASE(GET("/`"), -400), CASE(GET("/{"), -400), CASE(GET("/|"), -400), CASE(GET("/}"), -400),
    CASE(GET("/\x7f"), -400), CASE(GET("/\x01"), -400), CASE(GET("/\0"), -400),
    CASE(GET("/\xc3\xa9"), -400), CASE(GET("/a\tb"), -400), CASE(GET("/a\rb"), -400),
    CASE(GET("/%"), -400), CASE(GET("/%2"), -400), CASE(GET("/%2g"), -400), CASE(GET("/%g2"), -400),
    CASE(GET("/%%20"), -400), CASE(GET("%2f"), -400), CASE(GET("http://a/%2f"), COMPLETE),
    CASE(GET("http://a/%2"), -400), CASE(GET("http://a/%x1"), -400),
    /* fields */
    CASE(FIELD("A:b"), COMPLETE), CASE(FIELD("A:"), COMPLETE), CASE(FIELD("A: \t b \t "), COMPLETE),
    CASE(FIELD("A: \xff\x80 obs-text"), COMPLETE),
    CASE(FIELD("!#$%&'*+-.^_`|~09azAZ: x"), COMPLETE), CASE(FIELD("A : b"), -400),
    CASE(FIELD("A\t: b"), -400), CASE(FIELD(" A: b"), -400), CASE(FIELD("\tA: b"), -400),
    CASE(FIELD("A: b\r\n c"), -400), CASE(FIELD("A: b\r\n\tc"), -400),
    CASE(FIELD("A: b\r\n \r\nC: d"), -400), CASE(FIELD("A: b\nC: d"), -400),
    CASE(FIELD("A: b\rC: d"), -400), CASE(FIELD("A: b\r\r\nC: d"), -400),
    CASE(FIELD("A: b\0c"), -400), CASE(FIELD("A: b\x0b"), -400), CASE(FIELD("A: b\x7f"), -400),
    CASE(FIELD("A: b\x1f"), -400), CASE(FIELD("A"), -400), CASE(FIELD(": b"), -400),
    CASE(FIELD("A\0: b"), -400), CASE(FIELD("A\x80: b"), -400), CASE(FIELD("A(b): c"), -400),
    CASE(FIELD("A/b: c"), -400), CASE(FIELD("A[b]: c"), -400), CASE(FIELD("\"A\": c"), -400),
    /* ends */
    CASE("", MORE), CASE("\r\n", MORE), CASE("GET / HTTP/1.1\r\nA: b\r\n", MORE),
    CASE("GET / HTTP/1.1\r\nA: b\r\n\r", MORE), CASE("GET / HTTP/1.1\r\nA: b\r\n\rx", -400),
    CASE("GET / HTTP/1.1\r\nA: b\r\n\n", -400), CASE("GET / HTTP/1.1\r\n\n", -400),
    CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", -400), /* TLS */
};

/* The verdict for pieces of `step` bytes after a first one of `first`; `end`: where it ended. */
static int check_in_pieces(const Http1Limits *limits, const Case *test, size_t first, size_t step,
                           size_t *end)
{
    Http1Rules rules;
    size_t at = 0, piece = first;
    int result = 0;

    http1_rules_init(&rules, limits);
    while (at < test->size && result == 0) {
        /* Each piece in its own memory, so that reading past it is seen by the sanitizer. */
        size_t size = piece < test->size - at ? piece : test->size - at;
        char *copy = memory_alloc(size);
        memcpy(copy, test->bytes + at, size);
        result = http1_rules_feed(&rules, copy, size);
        memory_free(copy);
        at += result > 0 ? (size_t)result : size;
        piece = step;
    }
    *end = at;
    if (result > 0)
        assert_int_equal(rules.head_size, at);
    return result > 0 ? COMPLETE : result;
}

static void assert_verdict(const Http1Limits *limits, const Case *test, size_t first, size_t step)
{
    size_t end;
    int verdict = check_in_pieces(limits, test, first, step, &end);

    if (verdict != test->verdict)
        fail_msg("%d instead of %d, first %zu, then %zu bytes: %.*s", verdict, test->verdict, first,
                 step, (int)test->size, test->bytes);
    if (verdict == COMPLETE && end != test->size)
        fail_msg("ended after %zu bytes: %s", end, test->bytes);
}

static void assert_verdict_for_all_splits(const Http1Limits *limits, const Case *test)
{
    assert_verdict(limits, test, test->size + 1, 1);
    assert_verdict(limits, test, 1, 1);
    for (size_t split = 1; split < test->size; split++)
        assert_verdict(limits, test, split, test->size);
}

static void verdicts_do_not_depend_on_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_verdict_for_all_splits(&http1_default_limits, &cases[i]);
}

static void bytes_behind_the_head_are_not_taken(void **state)
{
    static const char bytes[] = GET("/") "\0\r\nbody";
    Http1Rules rules;

    (void)state;
    http1_rules_init(&rules, &http1_default_limits);
    assert_int_equal(http1_rules_feed(&rules, bytes, sizeof bytes - 1), sizeof(GET("/")) - 1);
}

/* Each limit is met exactly, then exceeded by one. */
static void limits_are_exact(void **state)
{
    static const Case exact = CASE("GET /234 HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n", COMPLETE);
    Http1Limits limits = http1_default_limits;
    Case beyond = exact;

    (void)state;
    limits.target_size = 4;
    limits.field_count = 2;
    limits.head_size = exact.size;
    assert_verdict_for_all_splits(&limits, &exact);

    limits.target_size = 3;
    beyond.verdict = -414;
    assert_verdict_for_all_splits(&limits, &beyond);

    limits.target_size = 4;
    limits.field_count = 1;
    beyond.verdict = -431;
    assert_verdict_for_all_splits(&limits, &beyond);

    limits.field_count = 2;
    limits.head_size = exact.size - 1;
    assert_verdict_for_all_splits(&limits, &beyond);
}

static void percent_signs_count_for_the_target(void **state)
{
    static const Case test = CASE("GET /%20%20 HTTP/1.1\r\n", -414);
    Http1Limits limits = http1_default_limits;

    (void)state;
    limits.target_size = 6;
    assert_verdict_for_all_splits(&limits, &test);
}

static void an_endless_method_or_name_is_too_large(void **state)
{
    char bytes[200];
    Case test = {bytes, sizeof bytes, -431};
    Http1Limits limits = http1_default_limits;

    (void)state;
    limits.head_size = 100;
    memset(bytes, 'A', sizeof bytes);
    assert_verdict_for_all_splits(&limits, &test);
    memcpy(bytes, "GET / HTTP/1.1\r\n", 16);
    assert_verdict_for_all_splits(&limits, &test);
    memcpy(bytes + 16, "A:", 2);
    assert_verdict_for_all_splits(&limits, &test);
}

static void an_empty_line_begins_nothing(void **state)
{
    Http1Rules rules;

    (void)state;
    http1_rules_init(&rules, &http1_default_limits);
    assert_false(http1_rules_has_begun(&rules));
    http1_rules_feed(&rules, "\r\n", 2);
    assert_false(http1_rules_has_begun(&rules));
    http1_rules_feed(&rules, "G", 1);
    assert_true(http1_rules_has_begun(&rules));
}

static void tokens_and_values(void **state)
{
    (void)state;
    assert_true(http1_is_token("X-Name", 6));
    assert_false(http1_is_token("", 0));
    assert_false(http1_is_token("X Name", 6));
    assert_false(http1_is_token("X:", 2));
    assert_false(http1_is_token("X\0", 2));
    assert_true(http1_is_value("", 0));
    assert_true(http1_is_value("a \t\xff", 4));
    assert_false(http1_is_value("a\r\nSet-Cookie: b", 16));
    assert_false(http1_is_value("a\0", 2));
    assert_true(http1_is_token_char('~'));
    assert_false(http1_is_token_char('('));
    assert_true(http1_is_value_char(0x80));
    assert_false(http1_is_value_char('\n'));
}

static void hosts(void **state)
{
    static const char *const valid[] = {
        "",        "a",         "example.com",  "example.com:80", "a:",     "a:0",
        "a:65535", "127.0.0.1", "[::1]",        "[::1]:8080",     "[::]",   "[1:2:3:4:5:6:7:8]",
        "a%20b",   "a_b~c",     "a!$&'()*+,;=", "[::1.2.3.4]",    "[::1]:", "a:00080",
    };
    static const char *const invalid[] = {
        ":",
        ":80",
        "a:65536",
        "a:99999999999999999999",
        "a:8x",
        "a:-1",
        "a:80:80",
        "a b",
        "a/b",
        "a@b",
        "user@a",
        "a?b",
        "a#b",
        "a\\b",
        "[::1",
        "::1",
        "[]",
        "[::1]80",
        "[1:2",
        "[v1.a]",
        "[::1%25eth0]",
        "[1:2:3:4]",
        "[:::]",
        "[g::]",
        "a%",
        "a%2",
        "a%zz",
        "a,b c",
        "a[::1]",
        "\x80",
        "a\t",
        " a",
        "[::1",
        "[00000::]",
        "[127.0.0.1]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        if (!http1_is_host(valid[i], strlen(valid[i])))
            fail_msg("refused: %s", valid[i]);
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        if (http1_is_host(invalid[i], strlen(invalid[i])))
            fail_msg("accepted: %s", invalid[i]);
    assert_false(http1_is_host("[::1\0]", 6));
    assert_false(http1_is_host("a\0", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_do_not_depend_on_splits),
        cmocka_unit_test(bytes_behind_the_head_are_not_taken),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(percent_signs_count_for_the_target),
        cmocka_unit_test(an_endless_method_or_name_is_too_large),
        cmocka_unit_test(an_empty_line_begins_nothing),
        cmocka_unit_test(tokens_and_values),
        cmocka_unit_test(hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
