#include "net/tls_client_context.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/tls_pem.h"
#include "net/tls_rules.h"

struct TlsClientContext {
    unsigned reference_count;
    SSL_CTX *ssl;
};

/* Names count where the certificate lists them, as RFC 6125 wants it, and not in its subject. */
enum {
    NAME_FLAGS = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
};

/* The folder is looked into for one authority at a time, when one is needed. The file has all of
 * them, and reading it takes longer than a service's turn: only who names it gets it, or who has no
 * folder. */
static void trust_system(SSL_CTX *ssl)
{
    bool has_folder = access(X509_get_default_cert_dir(), R_OK) == 0;

    SSL_CTX_set_default_verify_dir(ssl);
    if (!has_folder || getenv(X509_get_default_cert_file_env()) != NULL)
        SSL_CTX_set_default_verify_file(ssl);
}

/* Each of them is one to end with, also those that others have signed. */
static int trust_given(SSL_CTX *ssl, const TlsPem *authorities, char *problem)
{
    X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    return tls_pem_trust(ssl, authorities, problem);
}

static int set_rules(SSL_CTX *ssl, const TlsClientOptions *options, char *problem)
{
    int result = 0;

    tls_rules_apply(ssl);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ssl, options->is_unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (options->ca.bytes != NULL)
        result = trust_given(ssl, &options->ca, problem);
    else
        trust_system(ssl);
    if (result == 0 && options->pair.chain.bytes != NULL)
        result = tls_pem_use_pair(ssl, &options->pair, problem);
    return result;
}

int tls_client_context_create(const TlsClientOptions *options, TlsClientContext **out,
                              char *problem)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    int result;

    if (ssl == NULL) {
        snprintf(problem, TLS_PROBLEM_SIZE, "OpenSSL cannot be started");
        return ERR_INVALID;
    }
    if ((result = set_rules(ssl, options, problem)) < 0) {
        SSL_CTX_free(ssl);
        return result;
    }
    *out = memory_alloc(sizeof **out);
    (*out)->reference_count = 1;
    (*out)->ssl = ssl;
    return 0;
}

TlsClientContext *tls_client_context_share(TlsClientContext *context)
{
    context->reference_count++;
    return context;
}

void tls_client_context_release(TlsClientContext *context)
{
    if (context == NULL || --context->reference_count > 0)
        return;
    SSL_CTX_free(context->ssl);
    memory_free(context);
}

static bool is_numeric(const char *server)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, server, bytes) == 1 || inet_pton(AF_INET6, server, bytes) == 1;
}

/* An address is no name to ask for (RFC 6066 3). */
static bool expect_server(SSL *ssl, const char *server)
{
    if (is_numeric(server))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server) == 1;
    SSL_set_hostflags(ssl, NAME_FLAGS);
    return SSL_set1_host(ssl, server) == 1 && SSL_set_tlsext_host_name(ssl, server) == 1;
}

static void offer_protocols(SSL *ssl, const char *names)
{
    Buffer protocols = {0};

    tls_rules_append_protocols(&protocols, names);
    if (protocols.size > 0)
        SSL_set_alpn_protos(ssl, (const unsigned char *)protocols.bytes, (unsigned)protocols.size);
    buffer_deinit(&protocols);
}

SSL *tls_client_context_open_session(TlsClientContext *context, const char *server,
                                     const char *protocols)
{
    SSL *ssl = SSL_new(context->ssl);

    if (ssl == NULL || !expect_server(ssl, server))
        abort(); /* out of memory, see base/memory.h */
    offer_protocols(ssl, protocols);
    SSL_set_connect_state(ssl);
    return ssl;
}
