#include "net/tls_pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* What OpenSSL queued is said in our words or not at all: a later call must not find it. */
static int fail(char *problem, const TlsPem *pem, const char *text)
{
    snprintf(problem, TLS_PROBLEM_SIZE, "%s: %s", pem->name, text);
    ERR_clear_error();
    return ERR_INVALID;
}

/* Where the reasons are OpenSSL's, so is the sentence: "ee key too small". */
static int fail_as_told(char *problem, const TlsPem *pem)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return fail(problem, pem, reason != NULL ? reason : "OpenSSL refuses it");
}

/* A view of the bytes, not a copy. */
static BIO *open_bytes(const TlsPem *pem)
{
    return pem->size <= INT_MAX ? BIO_new_mem_buf(pem->bytes, (int)pem->size) : NULL;
}

/* The host has nobody to ask for a passphrase. */
static int refuse_passphrase(char *out, int size, int is_writing, void *was_asked)
{
    (void)out, (void)size, (void)is_writing;
    *(bool *)was_asked = true;
    return -1;
}

/* NULL at the end of the certificates, and with an error in the queue when what comes is broken. */
static X509 *read_certificate(BIO *bytes)
{
    bool was_asked = false;
    X509 *certificate = PEM_read_bio_X509(bytes, NULL, refuse_passphrase, &was_asked);

    if (certificate == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        ERR_clear_error();
    return certificate;
}

/* Takes the certificates behind the first. */
static int use_chain(SSL_CTX *ssl, BIO *bytes, const TlsPem *pem, char *problem)
{
    X509 *certificate;

    while ((certificate = read_certificate(bytes)) != NULL) {
        if (SSL_CTX_add0_chain_cert(ssl, certificate) != 1) {
            X509_free(certificate);
            return fail_as_told(problem, pem);
        }
    }
    return ERR_peek_error() == 0 ? 0 : fail(problem, pem, "a certificate in it is damaged");
}

static int use_certificates(SSL_CTX *ssl, const TlsPem *pem, char *problem)
{
    BIO *bytes = open_bytes(pem);
    X509 *certificate = bytes != NULL ? read_certificate(bytes) : NULL;
    int result;

    if (certificate == NULL)
        result = fail(problem, pem,
                      ERR_peek_error() == 0 ? "there is no certificate in PEM in it"
                                            : "the certificate in it is damaged");
    else if (SSL_CTX_use_certificate(ssl, certificate) != 1)
        result = fail_as_told(problem, pem);
    else
        result = use_chain(ssl, bytes, pem, problem);
    X509_free(certificate);
    BIO_free(bytes);
    return result;
}

static int fail_key(char *problem, const TlsPem *pem, bool was_asked)
{
    static const char label[] = "PRIVATE KEY-----";

    if (was_asked)
        return fail(problem, pem,
                    "the key is encrypted, and there is nobody to ask for its passphrase: "
                    "decrypt it with openssl pkey");
    if (memmem(pem->bytes, pem->size, label, sizeof label - 1) == NULL)
        return fail(problem, pem, "there is no private key in PEM in it");
    return fail(problem, pem, "the private key in it is damaged");
}

static int use_key(SSL_CTX *ssl, const TlsPair *pair, char *problem)
{
    const TlsPem *pem = &pair->key;
    BIO *bytes = open_bytes(pem);
    bool was_asked = false;
    EVP_PKEY *key =
        bytes != NULL ? PEM_read_bio_PrivateKey(bytes, NULL, refuse_passphrase, &was_asked) : NULL;
    int result = 0;

    if (key == NULL) {
        result = fail_key(problem, pem, was_asked);
    } else if (X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) != 1) {
        snprintf(problem, TLS_PROBLEM_SIZE, "%s: the key does not belong to the certificate in %s",
                 pem->name, pair->chain.name);
        result = ERR_INVALID;
    } else if (SSL_CTX_use_PrivateKey(ssl, key) != 1) {
        result = fail_as_told(problem, pem);
    }
    EVP_PKEY_free(key);
    BIO_free(bytes);
    ERR_clear_error();
    return result;
}

int tls_pem_use_pair(SSL_CTX *ssl, const TlsPair *pair, char *problem)
{
    int result = use_certificates(ssl, &pair->chain, problem);

    return result < 0 ? result : use_key(ssl, pair, problem);
}

int tls_pem_trust(SSL_CTX *ssl, const TlsPem *authorities, char *problem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    BIO *bytes = open_bytes(authorities);
    X509 *certificate;
    size_t count = 0;
    int result = 0;

    while (bytes != NULL && (certificate = read_certificate(bytes)) != NULL) {
        count += X509_STORE_add_cert(store, certificate) == 1 &&
                 SSL_CTX_add_client_CA(ssl, certificate) == 1;
        X509_free(certificate);
    }
    if (ERR_peek_error() != 0)
        result = fail(problem, authorities, "a certificate in it is damaged");
    else if (count == 0)
        result = fail(problem, authorities, "there is no certificate in PEM in it");
    BIO_free(bytes);
    return result;
}
