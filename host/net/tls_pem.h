/* Certificates and keys out of PEM, with a sentence for each way in which they can be wrong.
 * Private to net/tls_*. */
#ifndef PERIGEE_NET_TLS_PEM_H
#define PERIGEE_NET_TLS_PEM_H

#include <openssl/ssl.h>

#include "net/tls_context.h"

/* Each returns 0, or ERR_INVALID and a sentence in `problem`, see tls_context_create. */

/* Gives `ssl` the certificate, its chain and its key. */
int tls_pem_use_pair(SSL_CTX *ssl, const TlsPair *pair, char *problem);

/* Has `ssl` trust whoever has a certificate of these authorities, and a server tell clients so. */
int tls_pem_trust(SSL_CTX *ssl, const TlsPem *authorities, char *problem);

#endif
