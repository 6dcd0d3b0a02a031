/* TlsContext: what a server needs to speak TLS: certificates with their keys, one of which each
 * client gets by the name it asks for, and the rules for clients. Made of bytes in PEM, never of
 * files. TLS 1.2 with forward secrecy and authenticated ciphers, or 1.3. It does not change; a
 * server that gets others makes another one, and each connection keeps the one it began with. */
#ifndef PERIGEE_NET_TLS_CONTEXT_H
#define PERIGEE_NET_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;

typedef struct TlsContext TlsContext;

enum { TLS_PROBLEM_SIZE = 512, TLS_TICKET_KEY_SIZE = 80 };

/* Borrowed. `name` is what messages call it: the file. */
typedef struct TlsPem {
    const char *bytes; /* NULL for none */
    size_t size;
    const char *name;
} TlsPem;

typedef struct TlsPair {
    TlsPem chain; /* the certificate, then those between it and the root */
    TlsPem key;
} TlsPair;

typedef struct TlsOptions {
    const TlsPair *pairs; /* a client that names no host, or an unknown one, gets the first */
    size_t pair_count;
    TlsPem client_ca;        /* given, clients are asked for a certificate these have signed */
    bool is_client_required; /* else those without one are served too */
    /* For ALPN, the best first: "h2,http/1.1"; NULL: HTTP/1; "": whoever offers any is refused. */
    const char *protocols;
    /* TLS_TICKET_KEY_SIZE random bytes; processes that share them resume each other's sessions.
     * NULL: made here. */
    const unsigned char *ticket_key;
} TlsOptions;

/* When a certificate is good, in seconds since 1970. */
typedef struct TlsValidity {
    int64_t first_s;
    int64_t last_s;
} TlsValidity;

/* 0 and a reference in `out`; or ERR_INVALID and a sentence of at most TLS_PROBLEM_SIZE bytes in
 * `problem`. That a certificate has expired is not an error here. */
int tls_context_create(const TlsOptions *options, TlsContext **out, char *problem);

TlsContext *tls_context_share(TlsContext *context);

/* Gives up a reference. NULL is fine. */
void tls_context_release(TlsContext *context);

/* Of the certificate of pair `index`, without those above it. */
TlsValidity tls_context_validity(const TlsContext *context, size_t index);

/* For tls_filter.c: the server side of one connection. */
struct ssl_st *tls_context_open_session(TlsContext *context);

#endif
