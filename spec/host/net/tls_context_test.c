/* TlsContext: what it is made of, and a sentence for whatever is wrong with that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/error.h"
#include "tls_fixture.h"

static Identity first, second;

static void validity_is_the_certificates(void **state)
{
    TlsPair pairs[] = {pair_of(&first), pair_of(&second)};
    TlsOptions options = {.pairs = pairs, .pair_count = 2};
    int64_t now_s = (int64_t)time(NULL);
    TlsContext *context;
    TlsValidity validity;
    char problem[TLS_PROBLEM_SIZE];

    (void)state;
    assert_int_equal(tls_context_create(&options, &context, problem), 0);
    validity = tls_context_validity(context, 0);
    assert_in_range(now_s - validity.first_s, 86400 - 60, 86400 + 60);
    assert_in_range(validity.last_s - now_s, 29 * 86400, 31 * 86400);
    assert_in_range(tls_context_validity(context, 1).last_s - now_s, 59 * 86400, 61 * 86400);
    tls_context_release(context);
}

static void expect_problem(const char *chain, const char *key, const char *ca, const char *expected)
{
    TlsPair pair = {pem_of(chain, "cert.pem"), pem_of(key, "key.pem")};
    TlsOptions options = {.pairs = &pair, .pair_count = 1};
    TlsContext *context = NULL;
    char problem[TLS_PROBLEM_SIZE] = "";

    if (ca != NULL)
        options.client_ca = pem_of(ca, "ca.pem");
    assert_int_equal(tls_context_create(&options, &context, problem), ERR_INVALID);
    assert_string_equal(problem, expected);
    assert_null(context);
}

static void what_is_wrong_is_said(void **state)
{
    static const char damaged[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    static const char damaged_key[] =
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    char chain[2 * PEM_SIZE];
    char encrypted[PEM_SIZE];
    BIO *text = BIO_new(BIO_s_mem());

    (void)state;
    must(PEM_write_bio_PKCS8PrivateKey(text, first.private_key, EVP_aes_128_cbc(), "secret", 6,
                                       NULL, NULL) == 1);
    take_text(text, encrypted);
    snprintf(chain, sizeof chain, "%s%s", first.chain, damaged);
    expect_problem("text", first.key, NULL, "cert.pem: there is no certificate in PEM in it");
    expect_problem("", first.key, NULL, "cert.pem: there is no certificate in PEM in it");
    expect_problem(damaged, first.key, NULL, "cert.pem: the certificate in it is damaged");
    expect_problem(chain, first.key, NULL, "cert.pem: a certificate in it is damaged");
    expect_problem(first.chain, "text", NULL, "key.pem: there is no private key in PEM in it");
    expect_problem(first.chain, first.chain, NULL, "key.pem: there is no private key in PEM in it");
    expect_problem(first.chain, damaged_key, NULL, "key.pem: the private key in it is damaged");
    expect_problem(first.chain, encrypted, NULL,
                   "key.pem: the key is encrypted, and there is nobody to ask for its passphrase: "
                   "decrypt it with openssl pkey");
    expect_problem(first.chain, second.key, NULL,
                   "key.pem: the key does not belong to the certificate in cert.pem");
    expect_problem(first.chain, first.key, "text", "ca.pem: there is no certificate in PEM in it");
    expect_problem(first.chain, first.key, damaged, "ca.pem: a certificate in it is damaged");
}

static int make_identities(void **state)
{
    (void)state;
    make_identity(&first, "first", "DNS:a.test", 30);
    make_identity(&second, "second", "DNS:b.test", 60);
    return 0;
}

static int free_identities(void **state)
{
    (void)state;
    free_identity(&first);
    free_identity(&second);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity_is_the_certificates),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
