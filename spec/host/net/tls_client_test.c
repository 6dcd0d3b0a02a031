/* The client's TlsFilter against the server's, with buffers for a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "tls_fixture.h"

typedef struct End {
    Filter *filter;
    Buffer wire;  /* what it wants to say */
    Buffer plain; /* what it has heard */
    int status;   /* of its last decoding */
} End;

static Identity first, expired;
static TlsContext *server_context;
static TlsClientContext *client_context;
static End server, client;
static Buffer problem;

static void make_server(const Identity *identity, TlsOptions options)
{
    TlsPair pair = pair_of(identity);
    char text[TLS_PROBLEM_SIZE];

    options.pairs = &pair;
    options.pair_count = 1;
    if (tls_context_create(&options, &server_context, text) < 0)
        fail_msg("%s", text);
    server.filter = tls_filter_create(server_context);
}

/* Believes `trusted`; NULL: the authorities of the system. */
static void make_client(const Identity *trusted, const char *name, TlsClientOptions options)
{
    char text[TLS_PROBLEM_SIZE];

    if (trusted != NULL)
        options.ca = pem_of(trusted->chain, "ca.pem");
    if (tls_client_context_create(&options, &client_context, text) < 0)
        fail_msg("%s", text);
    client.filter = tls_filter_create_client(client_context, name, "http/1.1", &problem);
}

static void free_end(End *end)
{
    if (end->filter != NULL)
        end->filter->type->destroy(end->filter);
    buffer_deinit(&end->wire);
    buffer_deinit(&end->plain);
    *end = (End){0};
}

static int teardown(void **state)
{
    (void)state;
    free_end(&server);
    free_end(&client);
    buffer_deinit(&problem);
    tls_context_release(server_context);
    tls_client_context_release(client_context);
    server_context = NULL;
    client_context = NULL;
    return 0;
}

/* Gives `to` what `from` has said, `step` bytes at a time. */
static void deliver(End *from, End *to, size_t step)
{
    for (size_t at = 0; at < from->wire.size && to->status == 0; at += step) {
        size_t left = from->wire.size - at;
        to->status = to->filter->type->decode(to->filter, from->wire.bytes + at,
                                              left < step ? left : step, &to->plain, &to->wire);
    }
    buffer_clear(&from->wire);
}

static void shake_hands(size_t step)
{
    client.filter->type->begin(client.filter, &client.wire);
    for (int i = 0; i < 4; i++) {
        deliver(&client, &server, step);
        deliver(&server, &client, step);
    }
}

static void expect_problem(const char *text)
{
    buffer_append(&problem, "", 1);
    assert_string_equal(problem.bytes, text);
}

static void expect_refusal(int status, const char *text)
{
    shake_hands(SIZE_MAX);
    assert_false(client.filter->is_open);
    assert_int_equal(client.status, status);
    assert_int_equal(
        client.filter->type->decode(client.filter, "x", 1, &client.plain, &client.wire), status);
    expect_problem(text);
    assert_int_equal(client.plain.size, 0);
}

static void say(End *from, End *to, const char *text, size_t step)
{
    assert_int_equal(from->filter->type->encode(from->filter, text, strlen(text), &from->wire), 0);
    deliver(from, to, step);
    assert_int_equal(to->plain.size, strlen(text));
    assert_memory_equal(to->plain.bytes, text, to->plain.size);
    buffer_clear(&to->plain);
}

static void talks_however_the_bytes_come(void **state)
{
    const size_t steps[] = {1, 7, 1000, SIZE_MAX};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        make_server(&first, (TlsOptions){0});
        make_client(&first, "a.test", (TlsClientOptions){0});
        assert_false(client.filter->is_open);
        shake_hands(steps[i]);
        assert_true(client.filter->is_open && server.filter->is_open);
        say(&client, &server, "ping", steps[i]);
        say(&server, &client, "pong", steps[i]);
        assert_int_equal(problem.size, 0);
        teardown(state);
    }
}

static void says_name_and_protocol(void **state)
{
    TlsDescription told;

    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "a.test", (TlsClientOptions){0});
    shake_hands(SIZE_MAX);
    told = tls_filter_describe(server.filter);
    assert_string_equal(told.server_name, "a.test");
    assert_int_equal(told.protocol_size, 8);
    assert_memory_equal(told.protocol, "http/1.1", 8);
    told = tls_filter_describe(client.filter);
    assert_string_equal(told.version, "TLSv1.3");
    assert_null(told.client);
}

static void asks_for_no_name_by_number(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "127.0.0.1", (TlsClientOptions){0});
    shake_hands(SIZE_MAX);
    assert_true(client.filter->is_open);
    assert_null(tls_filter_describe(server.filter).server_name);
}

static void hears_the_end(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "a.test", (TlsClientOptions){0});
    shake_hands(SIZE_MAX);
    server.filter->type->finish(server.filter, &server.wire);
    deliver(&server, &client, SIZE_MAX);
    assert_int_equal(client.status, ERR_EOF);
    client.filter->type->finish(client.filter, &client.wire);
    deliver(&client, &server, SIZE_MAX);
    assert_int_equal(server.status, ERR_EOF);
}

static void refuses_another_name(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "b.test", (TlsClientOptions){0});
    expect_refusal(ERR_UNTRUSTED, "hostname mismatch");
    assert_int_equal(server.status, ERR_TLS); /* it was told */
}

static void refuses_the_subject_as_a_name(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "subject.test", (TlsClientOptions){0});
    expect_refusal(ERR_UNTRUSTED, "hostname mismatch");
}

static void refuses_another_number(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "::1", (TlsClientOptions){0});
    expect_refusal(ERR_UNTRUSTED, "IP address mismatch");
}

static void refuses_who_is_not_trusted(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&expired, "a.test", (TlsClientOptions){0});
    expect_refusal(ERR_UNTRUSTED, "self-signed certificate");
}

static void refuses_who_the_system_does_not_trust(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(NULL, "a.test", (TlsClientOptions){0});
    expect_refusal(ERR_UNTRUSTED, "self-signed certificate");
}

static void refuses_what_has_expired(void **state)
{
    (void)state;
    make_server(&expired, (TlsOptions){0});
    make_client(&expired, "a.test", (TlsClientOptions){0});
    expect_refusal(ERR_UNTRUSTED, "certificate has expired");
}

static void believes_anybody_when_told_to(void **state)
{
    (void)state;
    make_server(&expired, (TlsOptions){0});
    make_client(NULL, "b.test", (TlsClientOptions){.is_unverified = true});
    shake_hands(SIZE_MAX);
    assert_true(client.filter->is_open);
    assert_int_equal(problem.size, 0);
    say(&client, &server, "ping", SIZE_MAX);
}

static void tells_of_an_alert(void **state)
{
    (void)state;
    make_server(&first, (TlsOptions){.protocols = ""});
    make_client(&first, "a.test", (TlsClientOptions){0});
    expect_refusal(ERR_TLS, "tlsv1 alert no application protocol");
}

static void tells_of_plain_bytes(void **state)
{
    static const char hello[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

    (void)state;
    make_server(&first, (TlsOptions){0});
    make_client(&first, "a.test", (TlsClientOptions){0});
    buffer_append(&server.wire, hello, sizeof hello - 1);
    deliver(&server, &client, SIZE_MAX);
    assert_int_equal(client.status, ERR_NOT_TLS);
    expect_problem("what it said is not TLS");
}

static void ask_for_certificate(TlsClientOptions options)
{
    make_server(&first, (TlsOptions){.client_ca = pem_of(first.chain, "clients.pem"),
                                     .is_client_required = true});
    make_client(&first, "a.test", options);
    shake_hands(SIZE_MAX);
}

static void shows_its_certificate(void **state)
{
    (void)state;
    ask_for_certificate((TlsClientOptions){.pair = pair_of(&first)});
    assert_true(server.filter->is_open && client.filter->is_open);
    assert_string_equal(tls_filter_describe(server.filter).client, "CN=subject.test");
}

/* In TLS 1.3 a client has opened before the server can say that it wants more. */
static void tells_that_a_certificate_is_wanted(void **state)
{
    (void)state;
    ask_for_certificate((TlsClientOptions){0});
    assert_false(server.filter->is_open);
    assert_int_equal(client.status, ERR_TLS);
    expect_problem("tlsv13 alert certificate required");
}

static void expect_broken(TlsClientOptions options, const char *text)
{
    char told[TLS_PROBLEM_SIZE];

    assert_int_equal(tls_client_context_create(&options, &client_context, told), ERR_INVALID);
    assert_string_equal(told, text);
    client_context = NULL;
}

static void tells_what_is_wrong_with_its_files(void **state)
{
    TlsPair pair = {pem_of(first.chain, "cert.pem"), pem_of(expired.key, "key.pem")};

    (void)state;
    expect_broken((TlsClientOptions){.ca = pem_of("none", "ca.pem")},
                  "ca.pem: there is no certificate in PEM in it");
    expect_broken((TlsClientOptions){.pair = pair},
                  "key.pem: the key does not belong to the certificate in cert.pem");
}

static int setup_group(void **state)
{
    (void)state;
    make_identity(&first, "subject.test", "DNS:a.test,IP:127.0.0.1", 10);
    make_identity(&expired, "expired", "DNS:a.test", 0);
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    free_identity(&first);
    free_identity(&expired);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(talks_however_the_bytes_come, teardown),
        cmocka_unit_test_teardown(says_name_and_protocol, teardown),
        cmocka_unit_test_teardown(asks_for_no_name_by_number, teardown),
        cmocka_unit_test_teardown(hears_the_end, teardown),
        cmocka_unit_test_teardown(refuses_another_name, teardown),
        cmocka_unit_test_teardown(refuses_the_subject_as_a_name, teardown),
        cmocka_unit_test_teardown(refuses_another_number, teardown),
        cmocka_unit_test_teardown(refuses_who_is_not_trusted, teardown),
        cmocka_unit_test_teardown(refuses_who_the_system_does_not_trust, teardown),
        cmocka_unit_test_teardown(refuses_what_has_expired, teardown),
        cmocka_unit_test_teardown(believes_anybody_when_told_to, teardown),
        cmocka_unit_test_teardown(tells_of_an_alert, teardown),
        cmocka_unit_test_teardown(tells_of_plain_bytes, teardown),
        cmocka_unit_test_teardown(shows_its_certificate, teardown),
        cmocka_unit_test_teardown(tells_that_a_certificate_is_wanted, teardown),
        cmocka_unit_test_teardown(tells_what_is_wrong_with_its_files, teardown),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
