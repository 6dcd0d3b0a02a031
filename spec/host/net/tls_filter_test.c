/* TlsFilter against OpenSSL's client, with buffers for a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "tls_fixture.h"

static Identity first, second;
static TlsContext *context;
static Filter *filter;
static TlsClient client;
static Buffer from_client, from_server, plain;
static int status; /* of the filter's last decoding */

static void make_context(TlsOptions options)
{
    static TlsPair pairs[2];
    char problem[TLS_PROBLEM_SIZE];

    pairs[0] = pair_of(&first);
    pairs[1] = pair_of(&second);
    options.pairs = pairs;
    options.pair_count = 2;
    if (tls_context_create(&options, &context, problem) < 0)
        fail_msg("%s", problem);
}

static void connect_with(SSL_CTX *rules, const char *server_name)
{
    filter = tls_filter_create(context);
    open_client(&client, rules, server_name);
}

static void hang_up(void)
{
    if (filter != NULL)
        filter->type->destroy(filter);
    filter = NULL;
    close_client(&client);
    buffer_clear(&from_client);
    buffer_clear(&from_server);
    buffer_clear(&plain);
    status = 0;
}

static int teardown(void **state)
{
    (void)state;
    hang_up();
    tls_context_release(context);
    context = NULL;
    return 0;
}

/* Gives the filter what the client has said, `step` bytes at a time. */
static void deliver(size_t step)
{
    take_client_bytes(&client, &from_client);
    for (size_t at = 0; at < from_client.size && status == 0; at += step) {
        size_t left = from_client.size - at;
        status = filter->type->decode(filter, from_client.bytes + at, left < step ? left : step,
                                      &plain, &from_server);
    }
    buffer_clear(&from_client);
}

static void answer(void)
{
    if (from_server.size > 0)
        BIO_write(client.in, from_server.bytes, (int)from_server.size);
    buffer_clear(&from_server);
}

/* Until both sides have said all, or the filter fails. Returns what the client made of it. */
static int shake_hands(size_t step)
{
    int result = -1;

    for (int i = 0; i < 10 && result != 1; i++) {
        result = SSL_do_handshake(client.ssl);
        deliver(step);
        answer();
    }
    return result;
}

static void open_plainly(int version)
{
    make_context((TlsOptions){0});
    connect_with(make_client_rules(version), NULL);
    assert_int_equal(shake_hands(SIZE_MAX), 1);
    assert_true(filter->is_open);
}

static void say(const char *text)
{
    assert_int_equal(SSL_write(client.ssl, text, (int)strlen(text)), strlen(text));
}

static void expect_plain(const char *text)
{
    assert_int_equal(plain.size, strlen(text));
    assert_memory_equal(plain.bytes, text, plain.size);
    buffer_clear(&plain);
}

static void expect_client_hears(const char *text)
{
    char bytes[256];
    int size;

    answer();
    size = SSL_read(client.ssl, bytes, sizeof bytes);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void talk(size_t step)
{
    say("ping");
    deliver(step);
    assert_int_equal(status, 0);
    expect_plain("ping");
    assert_int_equal(filter->type->encode(filter, "pong", 4, &from_server), 0);
    expect_client_hears("pong");
}

/* --- both versions --- */

static void talks(int version, const char *name)
{
    open_plainly(version);
    assert_string_equal(tls_filter_describe(filter).version, name);
    assert_null(tls_filter_describe(filter).server_name);
    assert_null(tls_filter_describe(filter).client);
    talk(SIZE_MAX);
}

static void talks_tls_1_3(void **state)
{
    (void)state;
    talks(0, "TLSv1.3");
}

static void talks_tls_1_2(void **state)
{
    (void)state;
    talks(TLS1_2_VERSION, "TLSv1.2");
}

static void any_split_of_the_bytes_is_the_same(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    make_context((TlsOptions){0});
    for (size_t i = 0; i < 2; i++) {
        for (size_t step = 1; step < 300; step += step < 8 ? 1 : 41) {
            connect_with(make_client_rules(versions[i]), "a.test");
            assert_int_equal(shake_hands(step), 1);
            talk(step);
            hang_up();
        }
    }
}

/* A handshake cut in two at every byte of the client's first flight. */
static void the_first_flight_may_be_cut_anywhere(void **state)
{
    size_t size;

    (void)state;
    make_context((TlsOptions){0});
    connect_with(make_client_rules(0), "a.test");
    SSL_do_handshake(client.ssl);
    take_client_bytes(&client, &from_client);
    size = from_client.size;
    for (size_t cut = 1; cut < size; cut++) {
        Filter *other = tls_filter_create(context);

        assert_int_equal(other->type->decode(other, from_client.bytes, cut, &plain, &from_server),
                         0);
        assert_int_equal(from_server.size, 0);
        assert_int_equal(
            other->type->decode(other, from_client.bytes + cut, size - cut, &plain, &from_server),
            0);
        assert_true(from_server.size > 0);
        buffer_clear(&from_server);
        other->type->destroy(other);
    }
}

static void nothing_older_is_spoken(void **state)
{
    SSL_CTX *rules = make_client_rules(0);

    (void)state;
    make_context((TlsOptions){0});
    SSL_CTX_set_security_level(rules, 0);
    SSL_CTX_set_min_proto_version(rules, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(rules, TLS1_1_VERSION);
    connect_with(rules, NULL);
    shake_hands(SIZE_MAX);
    assert_int_equal(status, ERR_TLS);
}

static void ciphers_without_forward_secrecy_are_refused(void **state)
{
    SSL_CTX *rules = make_client_rules(TLS1_2_VERSION);

    (void)state;
    make_context((TlsOptions){0});
    SSL_CTX_set_cipher_list(rules, "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256");
    connect_with(rules, NULL);
    shake_hands(SIZE_MAX);
    assert_int_equal(status, ERR_TLS);
}

/* --- what comes wrong --- */

static void plain_http_is_told_from_tls(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";

    (void)state;
    make_context((TlsOptions){0});
    filter = tls_filter_create(context);
    assert_int_equal(
        filter->type->decode(filter, request, sizeof request - 1, &plain, &from_server),
        ERR_NOT_TLS);
    assert_int_equal(from_server.size + plain.size, 0);
    assert_false(filter->is_open);
}

static void garbage_ends_it(void **state)
{
    char garbage[600];

    (void)state;
    make_context((TlsOptions){0});
    filter = tls_filter_create(context);
    memset(garbage, 0x16, sizeof garbage);
    assert_int_equal(filter->type->decode(filter, garbage, sizeof garbage, &plain, &from_server),
                     ERR_TLS);
    assert_int_equal(filter->type->decode(filter, garbage, 1, &plain, &from_server), ERR_TLS);
    assert_int_equal(plain.size, 0);
    filter->type->finish(filter, &from_server);
}

static void a_changed_record_ends_it_with_an_alert(void **state)
{
    (void)state;
    open_plainly(0);
    say("hello");
    take_client_bytes(&client, &from_client);
    from_client.bytes[from_client.size - 3] ^= 1;
    deliver(SIZE_MAX);
    assert_int_equal(status, ERR_TLS);
    assert_int_equal(plain.size, 0);
    assert_true(from_server.size > 0);
    buffer_clear(&from_server);
    filter->type->finish(filter, &from_server);
    assert_int_equal(from_server.size, 0);
}

static void half_a_record_is_waited_for(void **state)
{
    (void)state;
    open_plainly(0);
    say("first");
    say("second");
    take_client_bytes(&client, &from_client);
    from_client.size -= 4;
    deliver(SIZE_MAX);
    assert_int_equal(status, 0);
    expect_plain("first");
}

static void renegotiation_is_refused(void **state)
{
    (void)state;
    open_plainly(TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(client.ssl), 1);
    SSL_do_handshake(client.ssl);
    deliver(SIZE_MAX);
    answer();
    assert_int_not_equal(SSL_do_handshake(client.ssl), 1);
    assert_true(SSL_renegotiate_pending(client.ssl));
}

/* Each asks for one back, and nobody reads those. */
static void a_flood_of_new_keys_ends_it(void **state)
{
    int count = 0;

    (void)state;
    open_plainly(TLS1_3_VERSION);
    while (status == 0 && count++ < 100000) {
        must(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        must(SSL_do_handshake(client.ssl) == 1);
        deliver(SIZE_MAX);
    }
    assert_int_equal(status, ERR_TLS);
    assert_in_range(from_server.size, 1, 32 * 1024);
}

static void new_keys_now_and_then_are_fine(void **state)
{
    (void)state;
    open_plainly(TLS1_3_VERSION);
    for (int i = 0; i < 2000; i++) {
        must(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        talk(SIZE_MAX);
    }
}

/* --- the end --- */

static void the_clients_end_is_told(void **state)
{
    (void)state;
    open_plainly(0);
    say("last");
    SSL_shutdown(client.ssl);
    deliver(SIZE_MAX);
    assert_int_equal(status, ERR_EOF);
    expect_plain("last");
    assert_int_equal(filter->type->encode(filter, "answer", 6, &from_server), 0);
    expect_client_hears("answer");
}

static void the_servers_end_is_told(void **state)
{
    char byte;

    (void)state;
    open_plainly(0);
    filter->type->finish(filter, &from_server);
    answer();
    assert_int_equal(SSL_read(client.ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
}

static void before_the_handshake_there_is_nothing_to_end(void **state)
{
    (void)state;
    make_context((TlsOptions){0});
    filter = tls_filter_create(context);
    filter->type->finish(filter, &from_server);
    assert_int_equal(from_server.size, 0);
}

/* --- names, protocols, sessions, clients --- */

static bool gets(const Identity *identity, const char *name)
{
    bool is_same;

    connect_with(make_client_rules(0), name);
    assert_int_equal(shake_hands(SIZE_MAX), 1);
    is_same = X509_cmp(SSL_get0_peer_certificate(client.ssl), identity->certificate) == 0;
    hang_up();
    return is_same;
}

static void the_name_chooses_the_certificate(void **state)
{
    (void)state;
    make_context((TlsOptions){0});
    assert_true(gets(&first, "a.test"));
    assert_true(gets(&second, "b.test"));
    assert_true(gets(&second, "B.TEST"));
    assert_true(gets(&second, "www.b.test"));
    assert_true(gets(&first, "x.www.b.test"));
    assert_true(gets(&first, "unknown.test"));
    assert_true(gets(&first, NULL));
}

static int shake_hands_offering(const char *protocols)
{
    SSL_CTX *rules = make_client_rules(0);

    hang_up();
    must(SSL_CTX_set_alpn_protos(rules, (const unsigned char *)protocols,
                                 (unsigned)strlen(protocols)) == 0);
    connect_with(rules, NULL);
    return shake_hands(SIZE_MAX);
}

static void expect_protocol(const char *name)
{
    TlsDescription description = tls_filter_describe(filter);

    assert_int_equal(description.protocol_size, strlen(name));
    assert_memory_equal(description.protocol, name, strlen(name));
}

static void protocols_are_agreed_on(void **state)
{
    (void)state;
    make_context((TlsOptions){0});
    assert_int_equal(shake_hands_offering("\2h2\10http/1.1"), 1);
    expect_protocol("http/1.1");
    shake_hands_offering("\2h2");
    assert_int_equal(status, ERR_TLS);
    tls_context_release(context);
    make_context((TlsOptions){.protocols = "h2,http/1.1"});
    assert_int_equal(shake_hands_offering("\10http/1.1\2h2"), 1);
    expect_protocol("h2");
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **kept = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    SSL_SESSION_free(*kept);
    *kept = session;
    return 1;
}

static SSL_SESSION *earn_session(int version)
{
    SSL_CTX *rules = make_client_rules(version);
    SSL_SESSION *kept = NULL;

    SSL_CTX_set_session_cache_mode(rules, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(rules, &kept);
    SSL_CTX_sess_set_new_cb(rules, keep_session);
    connect_with(rules, "b.test");
    assert_int_equal(shake_hands(SIZE_MAX), 1);
    talk(SIZE_MAX);
    hang_up();
    assert_non_null(kept);
    return kept;
}

static bool resumes(int version, SSL_SESSION *session)
{
    bool is_reused;

    connect_with(make_client_rules(version), "b.test");
    SSL_set_session(client.ssl, session);
    assert_int_equal(shake_hands(SIZE_MAX), 1);
    is_reused = SSL_session_reused(client.ssl);
    talk(SIZE_MAX);
    hang_up();
    return is_reused;
}

static void sessions_are_resumed_wherever_the_key_is_known(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const unsigned char key[TLS_TICKET_KEY_SIZE] = "a key", other_key[sizeof key] = "other";

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        SSL_SESSION *session;

        make_context((TlsOptions){.ticket_key = key});
        session = earn_session(versions[i]);
        tls_context_release(context);
        make_context((TlsOptions){.ticket_key = key});
        assert_true(resumes(versions[i], session));
        tls_context_release(context);
        make_context((TlsOptions){.ticket_key = other_key});
        assert_false(resumes(versions[i], session));
        tls_context_release(context);
        context = NULL;
        SSL_SESSION_free(session);
    }
}

static SSL_CTX *make_rules_with(const Identity *identity)
{
    SSL_CTX *rules = make_client_rules(0);

    must(SSL_CTX_use_certificate(rules, identity->certificate) == 1);
    must(SSL_CTX_use_PrivateKey(rules, identity->private_key) == 1);
    return rules;
}

static void clients_show_a_certificate_when_they_must(void **state)
{
    TlsOptions options = {.client_ca = pem_of(second.chain, "ca.pem")};

    (void)state;
    make_context(options);
    connect_with(make_client_rules(0), NULL);
    assert_int_equal(shake_hands(SIZE_MAX), 1);
    assert_null(tls_filter_describe(filter).client);
    hang_up();
    connect_with(make_rules_with(&second), "b.test");
    assert_int_equal(shake_hands(SIZE_MAX), 1);
    assert_string_equal(tls_filter_describe(filter).client, "CN=second");
    assert_string_equal(tls_filter_describe(filter).server_name, "b.test");
    hang_up();
    connect_with(make_rules_with(&first), NULL);
    shake_hands(SIZE_MAX);
    assert_int_equal(status, ERR_TLS);
    hang_up();
    tls_context_release(context);
    options.is_client_required = true;
    make_context(options);
    connect_with(make_client_rules(0), NULL);
    shake_hands(SIZE_MAX);
    assert_int_equal(status, ERR_TLS);
    assert_false(filter->is_open);
}

static void a_connection_keeps_the_context_it_began_with(void **state)
{
    (void)state;
    open_plainly(0);
    tls_context_release(context);
    context = NULL;
    talk(SIZE_MAX);
}

static int make_identities(void **state)
{
    (void)state;
    make_identity(&first, "first", "DNS:a.test", 30);
    make_identity(&second, "second", "DNS:b.test,DNS:*.b.test", 60);
    return 0;
}

static int free_identities(void **state)
{
    (void)state;
    free_identity(&first);
    free_identity(&second);
    buffer_deinit(&from_client);
    buffer_deinit(&from_server);
    buffer_deinit(&plain);
    return 0;
}

#define tls_test(test) cmocka_unit_test_setup_teardown(test, NULL, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        tls_test(talks_tls_1_3),
        tls_test(talks_tls_1_2),
        tls_test(any_split_of_the_bytes_is_the_same),
        tls_test(the_first_flight_may_be_cut_anywhere),
        tls_test(nothing_older_is_spoken),
        tls_test(ciphers_without_forward_secrecy_are_refused),
        tls_test(plain_http_is_told_from_tls),
        tls_test(garbage_ends_it),
        tls_test(a_changed_record_ends_it_with_an_alert),
        tls_test(half_a_record_is_waited_for),
        tls_test(renegotiation_is_refused),
        tls_test(a_flood_of_new_keys_ends_it),
        tls_test(new_keys_now_and_then_are_fine),
        tls_test(the_clients_end_is_told),
        tls_test(the_servers_end_is_told),
        tls_test(before_the_handshake_there_is_nothing_to_end),
        tls_test(the_name_chooses_the_certificate),
        tls_test(protocols_are_agreed_on),
        tls_test(sessions_are_resumed_wherever_the_key_is_known),
        tls_test(clients_show_a_certificate_when_they_must),
        tls_test(a_connection_keeps_the_context_it_began_with),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
