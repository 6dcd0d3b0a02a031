#include "http/websocket_key.h"

#include <assert.h>
#include <openssl/evp.h>

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void websocket_key_accept(const char *key, size_t size, char accept[WEBSOCKET_ACCEPT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned digest_size = 0;
    int is_good = context != NULL && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1 &&
                  EVP_DigestUpdate(context, key, size) == 1 &&
                  EVP_DigestUpdate(context, guid, sizeof guid - 1) == 1 &&
                  EVP_DigestFinal_ex(context, digest, &digest_size) == 1;

    /* Only memory can be short. */
    assert(is_good);
    (void)is_good;
    EVP_MD_CTX_free(context);
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_size);
}
