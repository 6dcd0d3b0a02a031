/* Response heads, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http/http1_write.h"

static void assert_text(Buffer *buffer, const char *text)
{
    buffer_append(buffer, "", 1);
    assert_string_equal(buffer->bytes, text);
    buffer_deinit(buffer);
}

static void assert_head(const Http1Answer *answer, const char *text)
{
    Buffer out = {0};

    http1_write_head(&out, answer);
    assert_text(&out, text);
}

static void a_head_has_status_date_length_and_fields(void **state)
{
    static const char fields[] = "A: b\r\nC: d\r\n";
    Http1Answer answer = {
        .status = 200,
        .minor_version = 1,
        .is_keep_alive = true,
        .has_length = true,
        .content_length = 13,
        .date = "Sun, 06 Nov 1994 08:49:37 GMT",
        .fields = fields,
        .fields_size = sizeof fields - 1,
    };

    (void)state;
    assert_head(&answer, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "Content-Length: 13\r\nA: b\r\nC: d\r\n\r\n");
}

static void the_connection_is_named_when_it_is_not_the_default(void **state)
{
    Http1Answer answer = {.status = 204, .minor_version = 1, .is_keep_alive = true};

    (void)state;
    assert_head(&answer, "HTTP/1.1 204 No Content\r\n\r\n");
    answer.is_keep_alive = false;
    assert_head(&answer, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    answer.minor_version = 0;
    assert_head(&answer, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    answer.is_keep_alive = true;
    assert_head(&answer, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

static void the_connection_names_the_upgrade(void **state)
{
    static const char fields[] = "Upgrade: websocket\r\n";
    Http1Answer answer = {
        .status = 426,
        .minor_version = 1,
        .is_keep_alive = true,
        .is_upgrade = true,
        .fields = fields,
        .fields_size = sizeof fields - 1,
    };

    (void)state;
    assert_head(&answer, "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\n"
                         "Upgrade: websocket\r\n\r\n");
    answer.is_keep_alive = false;
    assert_head(&answer, "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\n"
                         "Upgrade: websocket\r\n\r\n");
    answer.is_keep_alive = true;
    answer.minor_version = 0;
    assert_head(&answer, "HTTP/1.1 426 Upgrade Required\r\nConnection: keep-alive, Upgrade\r\n"
                         "Upgrade: websocket\r\n\r\n");
}

static void the_longest_head_fits(void **state)
{
    Http1Answer answer = {
        .status = 511,
        .has_length = true,
        .is_keep_alive = true,
        .content_length = UINT64_MAX,
        .date = "Sun, 06 Nov 1994 08:49:37 GMT",
    };

    (void)state;
    assert_head(&answer, "HTTP/1.1 511 Network Authentication Required\r\n"
                         "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "Content-Length: 18446744073709551615\r\nConnection: keep-alive\r\n\r\n");
}

static void unknown_statuses_have_a_reason_too(void **state)
{
    (void)state;
    assert_string_equal(http1_status_reason(404), "Not Found");
    assert_string_equal(http1_status_reason(299), "Unknown");
    assert_string_equal(http1_status_reason(999), "Unknown");
    assert_string_equal(http1_status_reason(-1), "Unknown");
}

static void dates_are_imf_fixdates(void **state)
{
    static const struct {
        int64_t wall_s;
        const char *text;
    } cases[] = {
        {0,            "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777,    "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400,    "Tue, 29 Feb 2000 00:00:00 GMT"},
        {1798761599,   "Thu, 31 Dec 2026 23:59:59 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    char text[HTTP1_DATE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http1_format_date(cases[i].wall_s, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_refusal_is_a_whole_answer(void **state)
{
    Buffer out = {0};

    (void)state;
    http1_write_refusal(&out, 408, NULL);
    assert_text(&out, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 53\r\nConnection: close\r\n"
                      "Content-Type: text/plain\r\n\r\n"
                      "Request Timeout. The request did not arrive in time.\n");
}

/* Every refusal the server makes explains itself; the length is right for each. */
static void refusals_explain_themselves(void **state)
{
    static const int statuses[] = {400, 408, 413, 414, 417, 431, 501, 503, 505, 599};

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        Buffer out = {0};
        const char *body;
        unsigned length;
        http1_write_refusal(&out, statuses[i], NULL);
        buffer_append(&out, "", 1);
        body = strstr(out.bytes, "\r\n\r\n") + 4;
        length = (unsigned)strlen(body);
        assert_true(length > 0 && body[length - 1] == '\n');
        assert_int_equal(strtoul(strstr(out.bytes, "Content-Length: ") + 16, NULL, 10), length);
        buffer_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_has_status_date_length_and_fields),
        cmocka_unit_test(the_connection_is_named_when_it_is_not_the_default),
        cmocka_unit_test(the_connection_names_the_upgrade),
        cmocka_unit_test(the_longest_head_fits),
        cmocka_unit_test(unknown_statuses_have_a_reason_too),
        cmocka_unit_test(dates_are_imf_fixdates),
        cmocka_unit_test(a_refusal_is_a_whole_answer),
        cmocka_unit_test(refusals_explain_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
