/* TlsFilter: the server side of one TLS connection as a filter of a stream. */
#ifndef PERIGEE_NET_TLS_FILTER_H
#define PERIGEE_NET_TLS_FILTER_H

#include "net/filter.h"
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

/* Keeps a reference to `context`. decode gives ERR_NOT_TLS when the first byte is a letter, as it
 * is in HTTP without TLS, and else ERR_TLS for whatever TLS does not allow. */
Filter *tls_filter_create(TlsContext *context);

/* Of an open filter that tls_filter_create made. */
TlsDescription tls_filter_describe(const Filter *base);

#endif
