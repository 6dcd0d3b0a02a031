/* What both sides of TLS keep to: 1.2 with forward secrecy and authenticated ciphers, or 1.3.
 * Private to net/tls_*. */
#ifndef PERIGEE_NET_TLS_RULES_H
#define PERIGEE_NET_TLS_RULES_H

#include <openssl/ssl.h>

#include "base/buffer.h"

void tls_rules_apply(SSL_CTX *ssl);

/* "h2,http/1.1" as ALPN writes it: "\2h2\10http/1.1". Each name has from 1 to 255 bytes. */
void tls_rules_append_protocols(Buffer *out, const char *names);

#endif
