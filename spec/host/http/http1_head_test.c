/* A parsed head: its parts, what follows from its fields, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "http/http1_head.h"
#include "http/http1_rules.h"

enum { FIELD_CAPACITY = 100 };

static Http1Field fields[FIELD_CAPACITY];

#define HEAD(lines) lines "\r\n\r\n"
#define GET(target) HEAD("GET " target " HTTP/1.1\r\nHost: a")
#define WITH(lines) HEAD("POST / HTTP/1.1\r\nHost: a\r\n" lines)
#define WITH_1_0(lines) HEAD("POST / HTTP/1.0\r\n" lines)

/* The rules must accept what is parsed here. */
static int parse(const char *text, Http1Head *out)
{
    Http1Rules rules;
    size_t size = strlen(text);

    http1_rules_init(&rules, &http1_default_limits);
    if (http1_rules_feed(&rules, text, size) != (int)size)
        fail_msg("the rules do not accept: %s", text);
    return http1_head_parse(text, size, fields, rules.field_count, out);
}

static Http1Head parse_valid(const char *text)
{
    Http1Head head;
    int result = parse(text, &head);

    if (result != 0)
        fail_msg("%d for: %s", result, text);
    return head;
}

static void assert_slice(const Http1Head *head, Http1Slice slice, const char *text)
{
    if (slice.size != strlen(text) || memcmp(head->bytes + slice.offset, text, slice.size) != 0)
        fail_msg("\"%.*s\" instead of \"%s\"", (int)slice.size, head->bytes + slice.offset, text);
}

static void the_parts_of_a_head_are_found(void **state)
{
    Http1Head head = parse_valid(HEAD("PUT /a/b?c=d?e HTTP/1.1\r\nhOST: example.com:8080\r\n"
                                      "X-Empty:\r\nX-Blank: \t \r\nX-Text: \t a b \t"));

    (void)state;
    assert_slice(&head, head.method, "PUT");
    assert_slice(&head, head.target, "/a/b?c=d?e");
    assert_slice(&head, head.path, "/a/b");
    assert_slice(&head, head.query, "c=d?e");
    assert_slice(&head, head.host, "example.com:8080");
    assert_true(head.has_query);
    assert_false(head.is_head);
    assert_int_equal(head.minor_version, 1);
    assert_int_equal(head.field_count, 4);
    assert_slice(&head, head.fields[0].name, "hOST");
    assert_slice(&head, head.fields[1].value, "");
    assert_slice(&head, head.fields[2].value, "");
    assert_slice(&head, head.fields[3].name, "X-Text");
    assert_slice(&head, head.fields[3].value, "a b");
}

static void an_empty_line_in_front_is_skipped(void **state)
{
    Http1Head head = parse_valid("\r\n" HEAD("HEAD /x HTTP/1.0"));

    (void)state;
    assert_slice(&head, head.method, "HEAD");
    assert_slice(&head, head.path, "/x");
    assert_true(head.is_head);
    assert_int_equal(head.minor_version, 0);
    assert_int_equal(head.field_count, 0);
}

static void targets_give_path_query_and_host(void **state)
{
    static const struct {
        const char *text, *path, *query, *host;
    } cases[] = {
        {GET("/"),                               "/",     NULL,  "a"      },
        {GET("/?"),                              "/",     "",    "a"      },
        {GET("//x"),                             "//x",   NULL,  "a"      },
        {GET("http://b"),                        "/",     NULL,  "b"      },
        {GET("HTTP://b:1/"),                     "/",     NULL,  "b:1"    },
        {GET("https://[::1]:2/p?q"),             "/p",    "q",   "[::1]:2"},
        {GET("http://b?q/r"),                    "/",     "q/r", "b"      },
        {HEAD("OPTIONS * HTTP/1.1\r\nHost:"),    "*",     NULL,  ""       },
        {HEAD("OPTIONS /x HTTP/1.1\r\nHost: h"), "/x",    NULL,  "h"      },
        {HEAD("GET /%7Ea HTTP/1.0"),             "/%7Ea", NULL,  ""       },
        {HEAD("GET http://b/ HTTP/1.0"),         "/",     NULL,  "b"      },
        {HEAD("GET /x HTTP/1.0\r\nHost: c"),     "/x",    NULL,  "c"      },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Http1Head head = parse_valid(cases[i].text);
        assert_slice(&head, head.path, cases[i].path);
        assert_int_equal(head.has_query, cases[i].query != NULL);
        assert_slice(&head, head.query, cases[i].query != NULL ? cases[i].query : "");
        assert_slice(&head, head.host, cases[i].host);
    }
}

static void every_registered_method_is_known(void **state)
{
    static const char *const methods[] = {"GET",     "HEAD",  "POST",  "PUT",    "DELETE",
                                          "OPTIONS", "TRACE", "PATCH", "SEARCH", "PROPFIND"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        Http1Head head;
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]);
        head = parse_valid(text);
        assert_slice(&head, head.method, methods[i]);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
  /* methods */
        {HEAD("GETS / HTTP/1.1\r\nHost: a"),                               -501},
        {HEAD("get / HTTP/1.1\r\nHost: a"),                                -501},
        {HEAD("G / HTTP/1.1\r\nHost: a"),                                  -501},
        {HEAD("!GET / HTTP/1.1\r\nHost: a"),                               -501},
        {HEAD("PRI / HTTP/1.1\r\nHost: a"),                                -501},
        {HEAD("CONNECT a:443 HTTP/1.1\r\nHost: a"),                        -501},
 /* targets */
        {GET("*"),                                                         -400},
        {GET("a"),                                                         -400},
        {GET("a:80"),                                                      -400},
        {GET("a/b"),                                                       -400},
        {GET("?q"),                                                        -400},
        {GET("1.2.3.4"),                                                   -400},
        {GET("http:/b"),                                                   -400},
        {GET("http://"),                                                   -400},
        {GET("http:///x"),                                                 -400},
        {GET("http://?x"),                                                 -400},
        {GET("http://:80/"),                                               -400},
        {GET("http://u@b/"),                                               -400},
        {GET("http://u:p@b/"),                                             -400},
        {GET("http://b:65536/"),                                           -400},
        {GET("http://b:x/"),                                               -400},
        {GET("http://[::1/"),                                              -400},
        {GET("http://b/["),                                                -400},
        {GET("http://b/]"),                                                -400},
        {GET("http://b/?[x]"),                                             -400},
        {GET("ftp://b/"),                                                  -400},
        {GET("httpx://b/"),                                                -400},
        {GET("mailto:b"),                                                  -400},
        {HEAD("OPTIONS ** HTTP/1.1\r\nHost: a"),                           -400},
 /* hosts */
        {HEAD("GET / HTTP/1.1"),                                           -400},
        {HEAD("GET http://b/ HTTP/1.1"),                                   -400},
        {HEAD("GET / HTTP/1.1\r\nHost: a\r\nHost: a"),                     -400},
        {HEAD("GET / HTTP/1.0\r\nHost: a\r\nHost: b"),                     -400},
        {HEAD("GET http://b/ HTTP/1.1\r\nHost: c\r\nHost: c"),             -400},
        {HEAD("GET / HTTP/1.1\r\nHost: a b"),                              -400},
        {HEAD("GET / HTTP/1.1\r\nHost: a,b"),                              0   },
        {HEAD("GET / HTTP/1.1\r\nHost: a/b"),                              -400},
        {HEAD("GET / HTTP/1.1\r\nHost: u@a"),                              -400},
        {HEAD("GET / HTTP/1.1\r\nHost: a:99999"),                          -400},
        {HEAD("GET http://b/ HTTP/1.1\r\nHost: a b"),                      -400},
        {HEAD("GET / HTTP/1.0\r\nHost: a b"),                              -400},
 /* lengths */
        {WITH("Content-Length:"),                                          -400},
        {WITH("Content-Length: +5"),                                       -400},
        {WITH("Content-Length: -5"),                                       -400},
        {WITH("Content-Length: 5 5"),                                      -400},
        {WITH("Content-Length: 5,5"),                                      -400},
        {WITH("Content-Length: 5, 6"),                                     -400},
        {WITH("Content-Length: 0x5"),                                      -400},
        {WITH("Content-Length: 5."),                                       -400},
        {WITH("Content-Length: 1e3"),                                      -400},
        {WITH("Content-Length: \xd9\xa5"),                                 -400},
        {WITH("Content-Length: 18446744073709551616"),                     -400},
        {WITH("Content-Length: 99999999999999999999999"),                  -400},
        {WITH("Content-Length: 5\r\nContent-Length: 5"),                   -400},
        {WITH("Content-Length: 5\r\nContent-Length: 6"),                   -400},
        {WITH("Content-Length: 5\r\ncontent-length:"),                     -400},
 /* transfer codings */
        {WITH("Transfer-Encoding: chunked\r\nContent-Length: 5"),          -400},
        {WITH("Content-Length: 5\r\nTransfer-Encoding: chunked"),          -400},
        {WITH("Content-Length: 5\r\nTransfer-Encoding: gzip"),             -400},
        {WITH("Content-Length: 0\r\nTransfer-Encoding:"),                  -400},
        {WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), -400},
        {WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),       -400},
        {WITH("Transfer-Encoding:"),                                       -400},
        {WITH("Transfer-Encoding: gzip"),                                  -501},
        {WITH("Transfer-Encoding: identity"),                              -501},
        {WITH("Transfer-Encoding: gzip, chunked"),                         -501},
        {WITH("Transfer-Encoding: chunked, gzip"),                         -501},
        {WITH("Transfer-Encoding: chunked, chunked"),                      -501},
        {WITH("Transfer-Encoding: chunked,"),                              -501},
        {WITH("Transfer-Encoding: ,chunked"),                              -501},
        {WITH("Transfer-Encoding: chunked;a=b"),                           -501},
        {WITH("Transfer-Encoding: \"chunked\""),                           -501},
        {WITH("Transfer-Encoding: xchunked"),                              -501},
        {WITH("Transfer-Encoding: chunkedx"),                              -501},
        {WITH("Transfer-Encoding: chunked chunked"),                       -501},
        {WITH_1_0("Transfer-Encoding: chunked"),                           -400},
        {WITH_1_0("Transfer-Encoding: gzip"),                              -400},
 /* expectations */
        {WITH("Expect: 100-continue, x"),                                  -417},
        {WITH("Expect: x"),                                                -417},
        {WITH("Expect:"),                                                  -417},
        {WITH("Expect: 100-continue\r\nExpect: x"),                        -417},
        {WITH_1_0("Expect: x"),                                            -417},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Http1Head head;
        int result = parse(cases[i].text, &head);
        if (result != cases[i].status)
            fail_msg("%d instead of %d: %s", result, cases[i].status, cases[i].text);
    }
}

static void the_framing_follows_from_the_fields(void **state)
{
    static const struct {
        const char *text;
        int body_kind;
        uint64_t length;
    } cases[] = {
        {WITH("X: y"),                                 HTTP1_NO_BODY,      0                },
        {WITH("Content-Length: 0"),                    HTTP1_SIZED_BODY,   0                },
        {WITH("content-LENGTH: 005"),                  HTTP1_SIZED_BODY,   5                },
        {WITH("Content-Length: \t18446744073709551 "), HTTP1_SIZED_BODY,   18446744073709551},
        {WITH("Transfer-Encoding: chunked"),           HTTP1_CHUNKED_BODY, 0                },
        {WITH("transfer-encoding:\tChunKED "),         HTTP1_CHUNKED_BODY, 0                },
        {WITH("X-Content-Length: 5"),                  HTTP1_NO_BODY,      0                },
        {WITH("Content-Length-: 5"),                   HTTP1_NO_BODY,      0                },
        {WITH("Content_Length: 5"),                    HTTP1_NO_BODY,      0                },
        {WITH_1_0("Content-Length: 7"),                HTTP1_SIZED_BODY,   7                },
        {GET("/"),                                     HTTP1_NO_BODY,      0                },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Http1Head head = parse_valid(cases[i].text);
        assert_int_equal(head.body_kind, cases[i].body_kind);
        assert_int_equal(head.content_length, cases[i].length);
    }
}

static void connections_stay_as_version_and_options_say(void **state)
{
    static const struct {
        const char *text;
        bool is_keep_alive;
    } cases[] = {
        {WITH("X: y"),                                            true },
        {WITH("Connection: close"),                               false},
        {WITH("Connection: CLOSE"),                               false},
        {WITH("Connection: x , close,y"),                         false},
        {WITH("Connection: keep-alive, close"),                   false},
        {WITH("Connection: x\r\nConnection: close"),              false},
        {WITH("Connection: closed"),                              true },
        {WITH("Connection: not-close"),                           true },
        {WITH("Connection: Upgrade\r\nUpgrade: h2c"),             true },
        {WITH("Connection:"),                                     true },
        {WITH("Connection: ,,"),                                  true },
        {WITH_1_0("X: y"),                                        false},
        {WITH_1_0("Connection: keep-alive"),                      true },
        {WITH_1_0("Connection: x,\tKeep-Alive\t,y"),              true },
        {WITH_1_0("Connection: keep-alive, close"),               false},
        {WITH_1_0("Connection: close\r\nConnection: keep-alive"), false},
        {WITH_1_0("Keep-Alive: timeout=5"),                       false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (parse_valid(cases[i].text).is_keep_alive != cases[i].is_keep_alive)
            fail_msg("wrong: %s", cases[i].text);
}

static void expectations_count_in_1_1_only(void **state)
{
    (void)state;
    assert_true(parse_valid(WITH("Expect: 100-Continue")).expects_continue);
    assert_false(parse_valid(WITH("X: 100-continue")).expects_continue);
    assert_false(parse_valid(WITH_1_0("Expect: 100-continue")).expects_continue);
}

static void fields_are_found_without_case(void **state)
{
    Http1Head head = parse_valid(WITH("a: 1\r\nB: 2\r\nA: 3\r\nab: 4"));

    (void)state;
    assert_int_equal(http1_head_find(&head, "A", 1, 0), 1);
    assert_int_equal(http1_head_find(&head, "a", 1, 2), 3);
    assert_int_equal(http1_head_find(&head, "a", 1, 4), -1);
    assert_int_equal(http1_head_find(&head, "aB", 2, 0), 4);
    assert_int_equal(http1_head_find(&head, "c", 1, 0), -1);
    assert_int_equal(http1_head_find(&head, "a", 1, 99), -1);
}

static void who_asks_says_how_long_it_waits(void **state)
{
    Http1Head head = parse_valid(WITH("perigee-TIMEOUT: 1500m\r\nPerigee-Previous-Attempts: 2"));

    (void)state;
    assert_float_equal(head.hop.wait_s, 1.5, 1e-9);
    assert_int_equal(head.hop.previous_attempts, 2);
    head = parse_valid(WITH("Perigee-Timeout: soon\r\nPerigee-Previous-Attempts:"));
    assert_float_equal(head.hop.wait_s, 0, 0);
    assert_int_equal(head.hop.previous_attempts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_head_are_found),
        cmocka_unit_test(an_empty_line_in_front_is_skipped),
        cmocka_unit_test(targets_give_path_query_and_host),
        cmocka_unit_test(every_registered_method_is_known),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(the_framing_follows_from_the_fields),
        cmocka_unit_test(connections_stay_as_version_and_options_say),
        cmocka_unit_test(expectations_count_in_1_1_only),
        cmocka_unit_test(fields_are_found_without_case),
        cmocka_unit_test(who_asks_says_how_long_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
