/* TlsClientContext: what the client side of TLS needs: whom it believes, and what it shows when a
 * server asks. Made of bytes in PEM, but for the authorities of the system, which OpenSSL finds.
 * It does not change. */
#ifndef PERIGEE_NET_TLS_CLIENT_CONTEXT_H
#define PERIGEE_NET_TLS_CLIENT_CONTEXT_H

#include <stdbool.h>

#include "net/tls_context.h"

typedef struct TlsClientContext TlsClientContext;

typedef struct TlsClientOptions {
    TlsPem ca;          /* the authorities to believe; without bytes those of the system */
    TlsPair pair;       /* for servers that want to see a certificate; or without bytes */
    bool is_unverified; /* anybody is believed */
} TlsClientOptions;

/* 0 and a reference in `out`; or ERR_INVALID and a sentence of at most TLS_PROBLEM_SIZE bytes in
 * `problem`. */
int tls_client_context_create(const TlsClientOptions *options, TlsClientContext **out,
                              char *problem);

TlsClientContext *tls_client_context_share(TlsClientContext *context);

/* Gives up a reference. NULL is fine. Connections do not need it any more. */
void tls_client_context_release(TlsClientContext *context);

/* For tls_filter.c: the client side of one connection to `server`, a name or an address, which its
 * certificate must be for. `protocols` for ALPN, the best first: "h2,http/1.1"; "" for none. */
struct ssl_st *tls_client_context_open_session(TlsClientContext *context, const char *server,
                                               const char *protocols);

#endif
