/* What tests of TLS share: certificates made when they are needed, in PEM, and a client of
 * OpenSSL's between memory buffers. */
#ifndef PERIGEE_SPEC_TLS_FIXTURE_H
#define PERIGEE_SPEC_TLS_FIXTURE_H

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "net/tls_context.h"
#include "net/tls_filter.h"

enum { PEM_SIZE = 4096 };

/* One certificate and its key. */
typedef struct Identity {
    char chain[PEM_SIZE];
    char key[PEM_SIZE];
    X509 *certificate;
    EVP_PKEY *private_key;
} Identity;

/* What cannot fail here. */
static inline void must(int is_true)
{
    if (!is_true)
        abort();
}

static inline void take_text(BIO *text, char *out)
{
    int size = BIO_read(text, out, PEM_SIZE - 1);

    must(size > 0);
    out[size] = '\0';
    BIO_free(text);
}

static inline void add_names(X509 *certificate, const char *names)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* `names` as "DNS:a.test,DNS:*.b.test". Good from yesterday on for `days`. */
static inline void make_identity(Identity *out, const char *subject, const char *names, long days)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_NAME *name = X509_get_subject_name(certificate);
    BIO *text;

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    add_names(certificate, names);
    must(X509_sign(certificate, key, EVP_sha256()) > 0);
    must(PEM_write_bio_X509(text = BIO_new(BIO_s_mem()), certificate) == 1);
    take_text(text, out->chain);
    must(PEM_write_bio_PrivateKey(text = BIO_new(BIO_s_mem()), key, NULL, NULL, 0, NULL, NULL) ==
         1);
    take_text(text, out->key);
    out->certificate = certificate;
    out->private_key = key;
}

static inline void free_identity(Identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->private_key);
}

static inline TlsPem pem_of(const char *text, const char *name)
{
    return (TlsPem){.bytes = text, .size = strlen(text), .name = name};
}

static inline TlsPair pair_of(const Identity *identity)
{
    return (TlsPair){pem_of(identity->chain, "cert.pem"), pem_of(identity->key, "key.pem")};
}

typedef struct TlsClient {
    SSL_CTX *rules;
    SSL *ssl;
    BIO *in;  /* what the server says */
    BIO *out; /* what it says */
} TlsClient;

static inline SSL_CTX *make_client_rules(int version)
{
    SSL_CTX *rules = SSL_CTX_new(TLS_client_method());

    must(rules != NULL);
    if (version != 0) {
        SSL_CTX_set_min_proto_version(rules, version);
        SSL_CTX_set_max_proto_version(rules, version);
    }
    return rules;
}

/* Takes `rules` over. */
static inline void open_client(TlsClient *client, SSL_CTX *rules, const char *server_name)
{
    client->rules = rules;
    client->ssl = SSL_new(rules);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    must(client->ssl != NULL && client->in != NULL && client->out != NULL);
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    if (server_name != NULL)
        SSL_set_tlsext_host_name(client->ssl, server_name);
}

/* As if the end had been said: else OpenSSL does not resume the session. */
static inline void close_client(TlsClient *client)
{
    if (client->ssl != NULL)
        SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client->ssl);
    SSL_CTX_free(client->rules);
    *client = (TlsClient){0};
}

/* Moves what the client wants to say to `wire`. */
static inline void take_client_bytes(TlsClient *client, Buffer *wire)
{
    char *bytes;
    long size = BIO_get_mem_data(client->out, &bytes);

    if (size > 0)
        buffer_append(wire, bytes, (size_t)size);
    BIO_reset(client->out);
}

#endif
