#include "net/tls_context.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/tls_pem.h"
#include "net/tls_rules.h"

struct TlsContext {
    unsigned reference_count;
    size_t pair_count;
    SSL_CTX **pairs;  /* one with each certificate; all else is the same in them */
    Buffer protocols; /* as ALPN writes them: a length, then as many bytes */
};

/* Also of "http/1.0": some clients offer that alone. */
static const char default_protocols[] = "http/1.1,http/1.0";

/* Tells sessions of this program from those of another one with the same key. */
static const unsigned char session_name[] = "perigee";

/* The client's list is answered with ours, the best first. One that has none of them speaks
 * something else and must not go on: that is how a client is tricked into the wrong server.
 * OpenSSL wants six parameters. NOLINTNEXTLINE(readability-function-size) */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *offered, unsigned offered_size, void *owner)
{
    const TlsContext *context = owner;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_size, (const unsigned char *)context->protocols.bytes,
                              (unsigned)context->protocols.size, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool is_for(const SSL_CTX *pair, const char *name)
{
    return X509_check_host(SSL_CTX_get0_certificate(pair), name, 0, 0, NULL) == 1;
}

static int choose_pair(SSL *ssl, int *alert, void *owner)
{
    const TlsContext *context = owner;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    for (size_t i = 0; name != NULL && i < context->pair_count; i++) {
        if (is_for(context->pairs[i], name)) {
            SSL_set_SSL_CTX(ssl, context->pairs[i]);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* Sessions live in tickets, which the client keeps: a worker has no table of them, and all workers
 * read each other's. */
static void set_session_rules(SSL_CTX *ssl, const unsigned char *ticket_key)
{
    unsigned char copy[TLS_TICKET_KEY_SIZE];

    memcpy(copy, ticket_key, sizeof copy);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl, session_name, sizeof session_name - 1);
    SSL_CTX_set_tlsext_ticket_keys(ssl, copy, sizeof copy);
    OPENSSL_cleanse(copy, sizeof copy);
}

static void set_rules(SSL_CTX *ssl, TlsContext *context)
{
    tls_rules_apply(ssl);
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, context);
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_pair);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
}

static int set_client_rules(SSL_CTX *ssl, const TlsOptions *options, char *problem)
{
    int mode =
        SSL_VERIFY_PEER | (options->is_client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

    if (options->client_ca.bytes == NULL)
        return 0;
    SSL_CTX_set_verify(ssl, mode, NULL);
    return tls_pem_trust(ssl, &options->client_ca, problem);
}

static int open_pair(TlsContext *context, const TlsOptions *options, const TlsPair *pair,
                     char *problem)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    int result;

    if (ssl == NULL) {
        snprintf(problem, TLS_PROBLEM_SIZE, "OpenSSL cannot be started");
        return ERR_INVALID;
    }
    context->pairs[context->pair_count++] = ssl;
    set_rules(ssl, context);
    set_session_rules(ssl, options->ticket_key);
    if ((result = tls_pem_use_pair(ssl, pair, problem)) < 0)
        return result;
    return set_client_rules(ssl, options, problem);
}

static int open_pairs(TlsContext *context, const TlsOptions *options, char *problem)
{
    int result = 0;

    for (size_t i = 0; i < options->pair_count && result == 0; i++)
        result = open_pair(context, options, &options->pairs[i], problem);
    return result;
}

int tls_context_create(const TlsOptions *options, TlsContext **out, char *problem)
{
    TlsContext *context = memory_alloc(sizeof *context);
    TlsOptions complete = *options;
    unsigned char ticket_key[TLS_TICKET_KEY_SIZE];
    int result;

    assert(options->pair_count > 0);
    context->reference_count = 1;
    context->pairs = memory_alloc(options->pair_count * sizeof(SSL_CTX *));
    tls_rules_append_protocols(&context->protocols,
                               options->protocols != NULL ? options->protocols : default_protocols);
    if (options->ticket_key == NULL) {
        RAND_bytes(ticket_key, sizeof ticket_key);
        complete.ticket_key = ticket_key;
    }
    result = open_pairs(context, &complete, problem);
    if (result < 0)
        tls_context_release(context);
    else
        *out = context;
    return result;
}

TlsContext *tls_context_share(TlsContext *context)
{
    context->reference_count++;
    return context;
}

void tls_context_release(TlsContext *context)
{
    if (context == NULL || --context->reference_count > 0)
        return;
    for (size_t i = 0; i < context->pair_count; i++)
        SSL_CTX_free(context->pairs[i]);
    memory_free(context->pairs);
    buffer_deinit(&context->protocols);
    memory_free(context);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts = {0};

    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

TlsValidity tls_context_validity(const TlsContext *context, size_t index)
{
    const X509 *certificate;

    assert(index < context->pair_count);
    certificate = SSL_CTX_get0_certificate(context->pairs[index]);
    return (TlsValidity){
        .first_s = seconds_of(X509_get0_notBefore(certificate)),
        .last_s = seconds_of(X509_get0_notAfter(certificate)),
    };
}

SSL *tls_context_open_session(TlsContext *context)
{
    SSL *ssl = SSL_new(context->pairs[0]);

    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    return ssl;
}
