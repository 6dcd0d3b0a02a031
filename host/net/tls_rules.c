#include "net/tls_rules.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* Forward secrecy and an authenticated cipher; those of TLS 1.3 are all of this kind. */
static const char ciphers_of_tls_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

void tls_rules_apply(SSL_CTX *ssl)
{
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ssl, ciphers_of_tls_1_2);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* An idle connection keeps no record buffers. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
}

void tls_rules_append_protocols(Buffer *out, const char *names)
{
    for (size_t size; *names != '\0'; names += size + (names[size] == ',')) {
        size = strcspn(names, ",");
        assert(size > 0 && size <= UINT8_MAX);
        buffer_append(out, &(uint8_t){(uint8_t)size}, 1);
        buffer_append(out, names, size);
    }
}
