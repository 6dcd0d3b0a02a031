/* A server of HTTP with TLS: handshakes and their failures, answers through a filter, other
 * certificates while connections are open. */
#include "http_server_fixture.h"

#include "../net/tls_fixture.h"

static Identity old_identity, new_identity;
static TlsClient tls;
static Buffer heard; /* what the TLS client understood */
static int read_error;

static TlsContext *make_context(const Identity *identity)
{
    TlsPair pair = pair_of(identity);
    TlsContext *context;
    char problem[TLS_PROBLEM_SIZE];

    assert_int_equal(
        tls_context_create(&(TlsOptions){.pairs = &pair, .pair_count = 1}, &context, problem), 0);
    return context;
}

static void open_tls_server(const HttpServerOptions *options)
{
    open_server(options);
    server_set_tls(server, make_context(&old_identity));
}

static void open_patient_tls_server(void)
{
    HttpServerOptions options = patient_options();

    open_tls_server(&options);
}

/* Carries bytes between the socket and the TLS client. Whether it understood anything. */
static bool exchange_bytes(Client *client)
{
    Buffer wire = {0};
    char bytes[4096];
    int size;

    take_client_bytes(&tls, &wire);
    if (wire.size > 0)
        assert_int_equal(try_send(client, wire.bytes, wire.size), wire.size);
    buffer_deinit(&wire);
    take_input(client);
    if (client->received.size > 0)
        BIO_write(tls.in, client->received.bytes, (int)client->received.size);
    buffer_clear(&client->received);
    while ((size = SSL_read(tls.ssl, bytes, sizeof bytes)) > 0)
        buffer_append(&heard, bytes, (size_t)size);
    read_error = SSL_get_error(tls.ssl, size);
    return heard.size > 0;
}

static bool has_heard(Client *client, const char *text)
{
    exchange_bytes(client);
    return heard.size > 0 && memmem(heard.bytes, heard.size, text, strlen(text)) != NULL;
}

static Client *connect_tls(void)
{
    Client *client = connect_client();

    open_client(&tls, make_client_rules(0), NULL);
    SSL_do_handshake(tls.ssl);
    return client;
}

static void say_tls(Client *client, const char *text)
{
    fixture_start_waiting();
    while (SSL_write(tls.ssl, text, (int)strlen(text)) <= 0) {
        exchange_bytes(client);
        fixture_wait("the handshake");
    }
    exchange_bytes(client);
}

static int tls_teardown(void **state)
{
    close_client(&tls);
    buffer_deinit(&heard);
    return server_teardown(state);
}

static void answers_through_tls(void **state)
{
    TlsDescription description;
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_tls_server();
    client = connect_tls();
    say_tls(client, hello);
    RUN_UNTIL(request_count == 1);
    assert_true(http_server_describe_tls(exchanges[0], &description));
    assert_string_equal(description.version, "TLSv1.3");
    give_answer(exchanges[0], "hi");
    server_flush(server);
    RUN_UNTIL(has_heard(client, "\r\n\r\nhi"));
    assert_int_equal(server_counters(server)->sent_size, heard.size);
    assert_int_equal(server_counters(server)->received_size, strlen(hello));
    assert_int_equal(server_counters(server)->handshake_failure_count, 0);
}

static void a_plain_connection_has_nothing_to_describe(void **state)
{
    TlsDescription description;
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_server();
    client = connect_client();
    say(client, hello);
    RUN_UNTIL(request_count == 1);
    assert_false(http_server_describe_tls(exchanges[0], &description));
}

static void the_last_answer_is_followed_by_the_end_of_tls(void **state)
{
    Client *client;

    (void)state;
    open_patient_tls_server();
    client = connect_tls();
    say_tls(client, hello_and_close);
    RUN_UNTIL(has_heard(client, "hi") && read_error == SSL_ERROR_ZERO_RETURN);
    expect_end(client);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
}

static void a_client_that_ended_its_side_of_tls_is_answered(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_tls_server();
    client = connect_tls();
    say_tls(client, hello);
    SSL_shutdown(tls.ssl);
    exchange_bytes(client);
    RUN_UNTIL(request_count == 1);
    run_for(10);
    give_answer(exchanges[0], "still here");
    server_flush(server);
    RUN_UNTIL(has_heard(client, "still here"));
    RUN_UNTIL(open_count() == 0);
}

static void a_client_that_is_cut_off_is_not(void **state)
{
    Client *client;

    (void)state;
    answer = NULL;
    open_patient_tls_server();
    client = connect_tls();
    say_tls(client, hello);
    RUN_UNTIL(request_count == 1);
    shutdown(client->fd, SHUT_WR);
    RUN_UNTIL(abandoned_count == 1);
    assert_int_equal(open_count(), 0);
}

static void plain_http_is_told_where_it_is(void **state)
{
    Client *client;

    (void)state;
    open_patient_tls_server();
    client = connect_client();
    say(client, hello);
    expect_end(client);
    assert_true(has_got(client, "HTTP/1.1 400 Bad Request\r\n"));
    assert_true(has_got(client, "\r\n\r\nThis port speaks HTTPS: begin the URL with https://.\n"));
    say(client, hello);
    run_for(10);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(request_count, 0);
    assert_int_equal(server_counters(server)->handshake_failure_count, 1);
}

static void garbage_is_closed_with_an_alert(void **state)
{
    Client *client;

    (void)state;
    open_patient_tls_server();
    client = connect_client();
    assert_int_equal(try_send(client, "\x16\x03\x01\x00\x04\xff\x00\x00\x00", 9), 9);
    expect_end(client);
    assert_int_equal(client->received.bytes[0], 0x15);
    hang_up(client);
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(server_counters(server)->handshake_failure_count, 1);
}

static void a_handshake_has_the_time_of_a_head(void **state)
{
    HttpServerOptions options = patient_options();
    uint64_t start_ns = clock_monotonic_ns();
    Client *client;

    (void)state;
    options.bounds.head_timeout_ms = 60;
    open_tls_server(&options);
    client = connect_client();
    assert_int_equal(try_send(client, "\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb", 9), 9);
    while (!is_over(client) && clock_monotonic_ns() - start_ns < 5000000000u) {
        try_send(client, "a", 1);
        run_for(5);
    }
    assert_in_range((clock_monotonic_ns() - start_ns) / 1000000, 40, 3000);
    assert_int_equal(open_count(), 0);
    assert_int_equal(server_counters(server)->timeout_count, 1);
    assert_int_equal(server_counters(server)->handshake_failure_count, 1);
    assert_int_equal(client->received.size, 0);
}

static void connections_over_the_bound_are_refused_in_tls(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.connection_count = 1;
    open_tls_server(&options);
    connect_client();
    RUN_UNTIL(open_count() == 1);
    client = connect_tls();
    RUN_UNTIL(has_heard(client, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_int_equal(server_counters(server)->refused_count, 1);
}

static void a_big_answer_waits_for_a_slow_reader(void **state)
{
    char *big = make_big(8 * BIG_SIZE);
    Client *client;

    (void)state;
    answer = big;
    open_patient_tls_server();
    client = connect_tls();
    say_tls(client, hello);
    RUN_UNTIL(request_count == 1);
    run_for(20);
    RUN_UNTIL(exchange_bytes(client) && heard.size > 8 * BIG_SIZE);
    assert_memory_equal(heard.bytes + heard.size - 8 * BIG_SIZE, big, 8 * BIG_SIZE);
    free(big);
}

static bool has_certificate(const Identity *identity)
{
    return X509_cmp(SSL_get0_peer_certificate(tls.ssl), identity->certificate) == 0;
}

static void new_certificates_are_for_new_connections(void **state)
{
    TlsClient kept;
    Client *first, *second;

    (void)state;
    open_patient_tls_server();
    first = connect_tls();
    say_tls(first, hello);
    RUN_UNTIL(has_heard(first, "hi"));
    assert_true(has_certificate(&old_identity));
    kept = tls;
    server_set_tls(server, make_context(&new_identity));
    second = connect_tls();
    say_tls(second, hello);
    RUN_UNTIL(request_count == 2 && has_heard(second, "hi"));
    assert_true(has_certificate(&new_identity));
    close_client(&tls);
    tls = kept;
    buffer_clear(&heard);
    say_tls(first, hello);
    RUN_UNTIL(has_heard(first, "hi"));
    assert_int_equal(server_counters(server)->accepted_count, 2);
}

static void a_drain_waits_for_a_handshake(void **state)
{
    Client *client;

    (void)state;
    open_patient_tls_server();
    client = connect_tls();
    RUN_UNTIL(open_count() == 1);
    server_drain(server);
    say_tls(client, hello);
    RUN_UNTIL(has_heard(client, "hi") && read_error == SSL_ERROR_ZERO_RETURN);
}

static int make_identities(void **state)
{
    (void)state;
    make_identity(&old_identity, "old", "DNS:a.test", 30);
    make_identity(&new_identity, "new", "DNS:a.test", 30);
    return 0;
}

static int free_identities(void **state)
{
    (void)state;
    free_identity(&old_identity);
    free_identity(&new_identity);
    return 0;
}

#define tls_test(test) cmocka_unit_test_setup_teardown(test, server_setup, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        tls_test(answers_through_tls),
        tls_test(a_plain_connection_has_nothing_to_describe),
        tls_test(the_last_answer_is_followed_by_the_end_of_tls),
        tls_test(a_client_that_ended_its_side_of_tls_is_answered),
        tls_test(a_client_that_is_cut_off_is_not),
        tls_test(plain_http_is_told_where_it_is),
        tls_test(garbage_is_closed_with_an_alert),
        tls_test(a_handshake_has_the_time_of_a_head),
        tls_test(connections_over_the_bound_are_refused_in_tls),
        tls_test(a_big_answer_waits_for_a_slow_reader),
        tls_test(new_certificates_are_for_new_connections),
        tls_test(a_drain_waits_for_a_handshake),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
