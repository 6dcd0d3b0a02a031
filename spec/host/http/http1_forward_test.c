/* What goes on of a request, what comes back of an answer, and what is left to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "http/http1_forward.h"
#include "http/http1_rules.h"

enum { FIELD_CAPACITY = 100 };

static Http1Field fields[FIELD_CAPACITY];

static void assert_text(const Buffer *buffer, const char *text)
{
    if (buffer->size != strlen(text) || memcmp(buffer->bytes, text, buffer->size) != 0)
        fail_msg("\"%.*s\" instead of \"%s\"", (int)buffer->size, buffer->bytes, text);
}

static void assert_forwarded(const char *request, bool is_secure, const char *expected)
{
    static const char more[] = "Perigee-Timeout: 1S\r\n";
    Http1Forward forward = {.target = "/b?c",
                            .target_size = 4,
                            .fields = more,
                            .fields_size = sizeof more - 1,
                            .client = "10.0.0.1",
                            .is_secure = is_secure};
    Buffer out = {0};
    Http1Rules rules;
    Http1Head head;

    http1_rules_init(&rules, &http1_default_limits);
    assert_int_equal(strlen(request), http1_rules_feed(&rules, request, strlen(request)));
    assert_int_equal(0, http1_head_parse(request, strlen(request), fields, FIELD_CAPACITY, &head));
    http1_forward_request(&out, &head, &forward);
    assert_text(&out, expected);
    buffer_deinit(&out);
}

static void a_request_keeps_its_fields_and_tells_who_asked(void **state)
{
    (void)state;
    assert_forwarded("GET /a HTTP/1.1\r\nhOst: x:1\r\nX-Tag:  a b \r\nX-Tag: c\r\n\r\n", false,
                     "GET /b?c HTTP/1.1\r\nhOst: x:1\r\nX-Tag: a b\r\nX-Tag: c\r\n"
                     "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                     "X-Forwarded-Host: x:1\r\nPerigee-Timeout: 1S\r\n\r\n");
}

static void what_proxies_before_have_said_stays(void **state)
{
    (void)state;
    assert_forwarded("DELETE /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\n"
                     "X-Forwarded-For:\r\nx-forwarded-for: 2.2.2.2, 3.3.3.3\r\n"
                     "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: y\r\n\r\n",
                     true,
                     "DELETE /b?c HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: gopher\r\n"
                     "X-Forwarded-Host: y\r\n"
                     "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1\r\n"
                     "Perigee-Timeout: 1S\r\n\r\n");
}

static void fields_of_the_hop_stay_behind(void **state)
{
    (void)state;
    assert_forwarded("GET /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Own\r\n"
                     "Connection: ,x-other\r\nX-Own: 1\r\nX-OTHER: 2\r\nKeep-Alive: 3\r\nTE: a\r\n"
                     "Trailer: b\r\nProxy-Authorization: c\r\nProxy-Connection: d\r\n"
                     "Perigee-Timeout: 9S\r\nPerigee-Previous-Attempts: 2\r\nX-Owned: 4\r\n\r\n",
                     true,
                     "GET /b?c HTTP/1.1\r\nHost: x\r\nX-Owned: 4\r\n"
                     "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n"
                     "X-Forwarded-Host: x\r\nPerigee-Timeout: 1S\r\n\r\n");
}

static int read_answer(const char *bytes, size_t size, Http1Return *answer, Buffer *lines)
{
    buffer_clear(lines);
    return http1_forward_answer(bytes, size, answer, lines);
}

static void an_answer_is_there_when_its_last_byte_is(void **state)
{
    static const char text[] = "HTTP/1.1 201 Very well\r\nDate: x\r\nA:b\r\nContent-Length: 3\r\n"
                               "Set-Cookie: \t c=1 \r\nConnection: keep-alive\r\n\r\nabcHTTP";
    size_t whole = sizeof text - 1 - 4;
    Buffer lines = {0};
    Http1Return answer;

    (void)state;
    for (size_t size = 0; size < whole; size++)
        assert_int_equal(0, read_answer(text, size, &answer, &lines));
    for (size_t size = whole; size < sizeof text; size++) {
        assert_int_equal(1, read_answer(text, size, &answer, &lines));
        assert_int_equal(201, answer.status);
        assert_int_equal(3, answer.body_size);
        assert_int_equal(whole, answer.head_size + answer.body_size);
        assert_true(answer.is_keep_alive);
        assert_text(&lines, "A: b\r\nSet-Cookie: c=1\r\n");
    }
    buffer_deinit(&lines);
}

static void an_answer_says_when_it_is_the_last(void **state)
{
    static const char text[] = "HTTP/1.1 404\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n";
    Buffer lines = {0};
    Http1Return answer;

    (void)state;
    assert_int_equal(1, read_answer(text, sizeof text - 1, &answer, &lines));
    assert_int_equal(404, answer.status);
    assert_false(answer.is_keep_alive);
    buffer_deinit(&lines);
}

static void what_is_not_plain_is_left_to_others(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 426 Upgrade\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 20x OK\r\n",
        "http/1.1 200 OK\r\n",
        "HTTP/1.1 200 O\x01K\r\n",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 OK\rX",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n",
        "HTTP/1.1 200 OK\r\nConnection: X-Own\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n",
        "HTTP/1.1 200 OK\r\nA\r\n",
        "HTTP/1.1 200 OK\r\n A: folded\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nB: c\r\n",
    };
    Buffer lines = {0};
    Http1Return answer;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (read_answer(texts[i], strlen(texts[i]), &answer, &lines) != ERR_INVALID)
            fail_msg("taken: %s", texts[i]);
    buffer_deinit(&lines);
}

static void a_head_has_an_end(void **state)
{
    static char text[HTTP1_FORWARD_HEAD_SIZE + 100] = "HTTP/1.1 200 OK\r\nA: ";
    Buffer lines = {0};
    Http1Return answer;
    size_t begun = strlen(text);

    (void)state;
    memset(text + begun, 'x', sizeof text - begun);
    assert_int_equal(0, read_answer(text, HTTP1_FORWARD_HEAD_SIZE - 1, &answer, &lines));
    assert_int_equal(ERR_INVALID, read_answer(text, sizeof text, &answer, &lines));
    buffer_deinit(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_keeps_its_fields_and_tells_who_asked),
        cmocka_unit_test(what_proxies_before_have_said_stays),
        cmocka_unit_test(fields_of_the_hop_stay_behind),
        cmocka_unit_test(an_answer_is_there_when_its_last_byte_is),
        cmocka_unit_test(an_answer_says_when_it_is_the_last),
        cmocka_unit_test(what_is_not_plain_is_left_to_others),
        cmocka_unit_test(a_head_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
