/* Address: the text forms, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "net/address.h"

static void expect_form(const char *text, const char *form, const char *host, int port)
{
    Address address;
    char formatted[ADDRESS_TEXT_SIZE];

    assert_int_equal(address_parse(text, &address), 0);
    address_format(&address, formatted, sizeof formatted);
    assert_string_equal(formatted, form);
    address_format_host(&address, formatted, sizeof formatted);
    assert_string_equal(formatted, host);
    assert_int_equal(address_port(&address), port);
    assert_int_equal(address_is_unix(&address), strncmp(text, "unix:", 5) == 0);
}

static void reads_and_writes_every_form(void **state)
{
    (void)state;
    expect_form("127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1", 8080);
    expect_form("0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0);
    expect_form("localhost:65535", "127.0.0.1:65535", "127.0.0.1", 65535);
    expect_form("[::1]:8080", "[::1]:8080", "::1", 8080);
    expect_form("[2001:DB8::7]:1", "[2001:db8::7]:1", "2001:db8::7", 1);
    expect_form(":8080", "[::]:8080", "::", 8080);
    expect_form("[::]:8080", "[::]:8080", "::", 8080);
    expect_form("unix:/run/perigee.sock", "unix:/run/perigee.sock", "unix", 0);
    expect_form("unix:@perigee", "unix:@perigee", "unix", 0);
}

static void an_ipv4_client_of_an_ipv6_socket_reads_as_ipv4(void **state)
{
    (void)state;
    expect_form("[::ffff:10.0.0.7]:99", "10.0.0.7:99", "10.0.0.7", 99);
}

static void expect_bytes(const char *text, const char *bytes, size_t size)
{
    unsigned char out[ADDRESS_BYTES_SIZE];

    assert_int_equal(address_bytes(text, out), size);
    assert_memory_equal(out, bytes, size);
}

static void numeric_addresses_have_bytes(void **state)
{
    (void)state;
    expect_bytes("10.0.0.7", "\x0a\0\0\x07", 4);
    expect_bytes("localhost", "\x7f\0\0\1", 4);
    expect_bytes("::1", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    expect_bytes("::ffff:10.0.0.7", "\x0a\0\0\x07", 4);
    expect_bytes("10.1", "", 0);
    expect_bytes("0x7f000001", "", 0);
    expect_bytes("example.org", "", 0);
    expect_bytes("", "", 0);
}

static void refuses_everything_else(void **state)
{
    static const char *const texts[] = {
        "",           "8080",          ":",           "127.0.0.1",      "127.0.0.1:",
        "127.1:80",   "127.0.0.1:-1",  "[::1]:65536", "127.0.0.1:8o",   "127.0.0.1: 80",
        "1.2.3.4:+1", "::1:80",        "[::1]",       "[::1:80",        "::1]:80",
        "[]:80",      "[127.0.0.1]:8", "[:80",        "example.org:80", "LOCALHOST:80",
        "unix:",      "unix:@",        "*:80",        "1.2.3.4:000080", "[::1%lo]:80",
    };
    Address address, before;

    (void)state;
    memset(&before, 7, sizeof before);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        address = before;
        if (address_parse(texts[i], &address) != ERR_INVALID)
            fail_msg("accepted \"%s\"", texts[i]);
        assert_memory_equal(&address, &before, sizeof address);
    }
}

static void a_path_must_fit(void **state)
{
    enum { PATH_SIZE = sizeof((struct sockaddr_un *)0)->sun_path };
    char text[5 + PATH_SIZE + 1] = "unix:/";
    char formatted[ADDRESS_TEXT_SIZE];
    Address address;

    (void)state;
    memset(text + 6, 'p', PATH_SIZE - 2);
    assert_int_equal(address_parse(text, &address), 0);
    address_format(&address, formatted, sizeof formatted);
    assert_string_equal(formatted, text);

    text[5] = '@';
    assert_int_equal(address_parse(text, &address), 0);
    assert_int_equal(address.raw_size, offsetof(struct sockaddr_un, sun_path) + PATH_SIZE - 1);
    address_format(&address, formatted, sizeof formatted);
    assert_string_equal(formatted, text);

    text[5 + PATH_SIZE - 1] = 'p';
    assert_int_equal(address_parse(text, &address), ERR_INVALID);
    text[5] = '/';
    assert_int_equal(address_parse(text, &address), ERR_INVALID);
}

static void a_long_host_is_refused(void **state)
{
    char text[1024];
    Address address;

    (void)state;
    memset(text, '1', sizeof text);
    strcpy(text + sizeof text - 4, ":80");
    assert_int_equal(address_parse(text, &address), ERR_INVALID);
}

static void what_does_not_fit_is_cut(void **state)
{
    Address address;
    char text[8] = "????????";

    (void)state;
    assert_int_equal(address_parse("127.0.0.1:8080", &address), 0);
    address_format(&address, text, 6);
    assert_memory_equal(text, "127.0\0??", sizeof text);
    address_format_host(&address, text, 4);
    assert_memory_equal(text, "127\0\0\0??", 4);
}

static void an_unknown_address_has_no_text(void **state)
{
    Address address = {0};
    char text[ADDRESS_TEXT_SIZE] = "?";

    (void)state;
    address_format(&address, text, sizeof text);
    assert_string_equal(text, "");
    address_format_host(&address, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(address_port(&address), 0);
    assert_false(address_is_unix(&address));
}

static void an_unnamed_unix_peer_is_only_unix(void **state)
{
    Address address = {.raw.ss_family = AF_UNIX, .raw_size = sizeof(sa_family_t)};
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    address_format(&address, text, sizeof text);
    assert_string_equal(text, "unix:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_every_form),
        cmocka_unit_test(an_ipv4_client_of_an_ipv6_socket_reads_as_ipv4),
        cmocka_unit_test(numeric_addresses_have_bytes),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(a_path_must_fit),
        cmocka_unit_test(a_long_host_is_refused),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(an_unknown_address_has_no_text),
        cmocka_unit_test(an_unnamed_unix_peer_is_only_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
