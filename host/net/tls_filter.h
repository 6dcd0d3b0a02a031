/* TlsFilter: one side of a TLS connection as a filter of a stream. */
#ifndef PERIGEE_NET_TLS_FILTER_H
#define PERIGEE_NET_TLS_FILTER_H

#include "net/filter.h"
#include "net/tls_client_context.h"
#include "net/tls_context.h"

/* What the ends agreed on; borrowed from the filter. */
typedef struct TlsDescription {
    const char *version;     /* "TLSv1.3" */
    const char *cipher;      /* "TLS_AES_256_GCM_SHA384" */
    const char *server_name; /* the host the client asked for, or NULL */
    const char *protocol;    /* of ALPN, or NULL */
    size_t protocol_size;
    const char *client; /* the subject of the client's certificate, as RFC 2253 has it, or NULL */
} TlsDescription;

/* The server's side. Keeps a reference to `context`. decode gives ERR_NOT_TLS when the first byte
 * is a letter, as it is in HTTP without TLS, and else ERR_TLS for whatever TLS does not allow. */
Filter *tls_filter_create(TlsContext *context);

/* The client's side of a connection to `server`, see tls_client_context_open_session. decode gives
 * ERR_UNTRUSTED for a certificate that is not to be believed, ERR_NOT_TLS when the first byte is
 * none of TLS, and else ERR_TLS; a sentence about it is added to `problem`, which is lent for the
 * life of the filter. */
Filter *tls_filter_create_client(TlsClientContext *context, const char *server,
                                 const char *protocols, Buffer *problem);

/* Of an open filter, also of a client's, where `client` is NULL. */
TlsDescription tls_filter_describe(const Filter *base);

#endif
