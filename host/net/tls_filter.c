/* OpenSSL reads and writes through a BIO of ours, which lends it the bytes and buffers of the call
 * that is under way. So nothing is copied twice, and an idle connection keeps no buffer. */
#include "net/tls_filter.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* A peer may make us answer without ever sending plain bytes, by asking for new keys. Beyond so
 * much it only wants to fill our memory. */
enum { REPLY_SIZE = 16 * 1024 };

enum { RECORD_SIZE = 16 * 1024 };

/* What TLS begins with, and none of the protocols above it: the type of the record that has the
 * ClientHello or its answer, which may be an alert (RFC 8446 5.1). */
enum { ALERT_TYPE = 21, HANDSHAKE_TYPE = 22 };

typedef struct TlsFilter {
    Filter filter;
    TlsContext *context; /* of a server; NULL for a client */
    SSL *ssl;
    const char *input; /* lent while decoding */
    size_t input_size;
    Buffer *output;    /* lent during every call that may write */
    size_t reply_size; /* sent by itself since plain bytes came last */
    char *client;      /* subject of the client's certificate, or NULL */
    Buffer *problem;   /* lent to a client: what its owner shall read of a failure */
    int failure;       /* what ended the decoding */
    bool has_begun;    /* the first byte was seen */
} TlsFilter;

static int read_bytes(BIO *bio, char *out, int size)
{
    TlsFilter *filter = BIO_get_data(bio);
    size_t taken = (size_t)size < filter->input_size ? (size_t)size : filter->input_size;

    BIO_clear_retry_flags(bio);
    if (taken == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, filter->input, taken);
    filter->input += taken;
    filter->input_size -= taken;
    return (int)taken;
}

static int write_bytes(BIO *bio, const char *bytes, int size)
{
    TlsFilter *filter = BIO_get_data(bio);

    assert(filter->output != NULL);
    BIO_clear_retry_flags(bio);
    buffer_append(filter->output, bytes, (size_t)size);
    return size;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static const BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;

    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "perigee");
        BIO_meth_set_read(method, read_bytes);
        BIO_meth_set_write(method, write_bytes);
        BIO_meth_set_ctrl(method, control);
    }
    return method;
}

static void tell(TlsFilter *filter, const char *problem)
{
    if (filter->problem != NULL && problem != NULL)
        buffer_append_text(filter->problem, problem);
}

/* In OpenSSL's words, which say what is wrong with a certificate, or which alert the peer sent. */
static int explain(TlsFilter *filter)
{
    long verdict = SSL_get_verify_result(filter->ssl);

    if (!filter->filter.is_open && filter->context == NULL && verdict != X509_V_OK &&
        SSL_get_verify_mode(filter->ssl) != SSL_VERIFY_NONE) {
        tell(filter, X509_verify_cert_error_string(verdict));
        return ERR_UNTRUSTED;
    }
    tell(filter, ERR_reason_error_string(ERR_peek_last_error()));
    return ERR_TLS;
}

/* Returns 0 when OpenSSL only needs more input. */
static int check_result(TlsFilter *filter, int result)
{
    switch (SSL_get_error(filter->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return ERR_EOF;
    default:
        return explain(filter);
    }
}

static char *read_subject(SSL *ssl)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    BIO *text = certificate != NULL ? BIO_new(BIO_s_mem()) : NULL;
    char *bytes, *subject = NULL;
    long size;

    if (text == NULL)
        return NULL;
    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    size = BIO_get_mem_data(text, &bytes);
    subject = memory_copy(bytes, (size_t)size);
    BIO_free(text);
    return subject;
}

static int open_filter(TlsFilter *filter)
{
    int result = SSL_do_handshake(filter->ssl);

    if (result != 1)
        return check_result(filter, result);
    if (filter->context != NULL)
        filter->client = read_subject(filter->ssl);
    filter->filter.is_open = true;
    return 0;
}

static int read_records(TlsFilter *filter, Buffer *plain)
{
    for (;;) {
        int result = SSL_read(filter->ssl, buffer_reserve(plain, RECORD_SIZE), RECORD_SIZE);

        if (result <= 0)
            return check_result(filter, result);
        buffer_grow(plain, (size_t)result);
    }
}

static bool replies_too_much(TlsFilter *filter, size_t plain_size, size_t reply_size)
{
    filter->reply_size = plain_size > 0 ? 0 : filter->reply_size + reply_size;
    return filter->reply_size > REPLY_SIZE;
}

static int decode_lent(TlsFilter *filter, Buffer *plain)
{
    int result = 0;
    size_t sent_size;

    ERR_clear_error();
    if (!filter->filter.is_open)
        result = open_filter(filter);
    sent_size = filter->output->size;
    if (result == 0 && filter->filter.is_open)
        result = read_records(filter, plain);
    if (replies_too_much(filter, plain->size, filter->output->size - sent_size))
        result = ERR_TLS;
    ERR_clear_error();
    return result;
}

static bool is_beginning(const TlsFilter *filter, char type)
{
    return type == HANDSHAKE_TYPE || (type == ALERT_TYPE && filter->context == NULL);
}

static int decode(Filter *base, const char *bytes, size_t size, Buffer *plain, Buffer *wire)
{
    TlsFilter *filter = (TlsFilter *)base;

    if (filter->failure < 0)
        return filter->failure;
    if (!filter->has_begun && !is_beginning(filter, bytes[0])) {
        filter->failure = ERR_NOT_TLS;
        tell(filter, "what it said is not TLS");
        return filter->failure;
    }
    filter->has_begun = true;
    filter->input = bytes;
    filter->input_size = size;
    filter->output = wire;
    filter->failure = decode_lent(filter, plain);
    filter->input_size = 0;
    filter->output = NULL;
    return filter->failure;
}

static int encode(Filter *base, const char *bytes, size_t size, Buffer *wire)
{
    TlsFilter *filter = (TlsFilter *)base;
    int result;

    assert(base->is_open && size > 0 && size <= INT_MAX);
    filter->output = wire;
    ERR_clear_error();
    result = SSL_write(filter->ssl, bytes, (int)size);
    ERR_clear_error();
    filter->output = NULL;
    return result == (int)size ? 0 : ERR_TLS;
}

/* After a failure the peer has had its alert, and OpenSSL wants to hear of nothing more. */
static void finish(Filter *base, Buffer *wire)
{
    TlsFilter *filter = (TlsFilter *)base;

    if (!base->is_open || (filter->failure < 0 && filter->failure != ERR_EOF))
        return;
    filter->output = wire;
    SSL_shutdown(filter->ssl);
    ERR_clear_error();
    filter->output = NULL;
}

static void destroy(Filter *base)
{
    TlsFilter *filter = (TlsFilter *)base;

    SSL_free(filter->ssl);
    tls_context_release(filter->context);
    memory_free(filter->client);
    memory_free(filter);
}

/* Nothing can be wrong with a ClientHello of ours. */
static void begin(Filter *base, Buffer *wire)
{
    TlsFilter *filter = (TlsFilter *)base;

    filter->output = wire;
    SSL_do_handshake(filter->ssl);
    ERR_clear_error();
    filter->output = NULL;
}

static const FilterType tls_filter_type = {
    .decode = decode,
    .encode = encode,
    .finish = finish,
    .destroy = destroy,
};

static const FilterType tls_client_filter_type = {
    .begin = begin,
    .decode = decode,
    .encode = encode,
    .finish = finish,
    .destroy = destroy,
};

/* Takes `ssl` over. */
static TlsFilter *create(const FilterType *type, SSL *ssl)
{
    TlsFilter *filter = memory_alloc(sizeof *filter);
    BIO *bio = BIO_new(bio_method());

    filter->filter.type = type;
    filter->ssl = ssl;
    if (ssl == NULL || bio == NULL)
        abort(); /* out of memory, see base/memory.h */
    BIO_set_data(bio, filter);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return filter;
}

Filter *tls_filter_create(TlsContext *context)
{
    TlsFilter *filter = create(&tls_filter_type, tls_context_open_session(context));

    filter->context = tls_context_share(context);
    return &filter->filter;
}

Filter *tls_filter_create_client(TlsClientContext *context, const char *server,
                                 const char *protocols, Buffer *problem)
{
    TlsFilter *filter = create(&tls_client_filter_type,
                               tls_client_context_open_session(context, server, protocols));

    filter->problem = problem;
    return &filter->filter;
}

TlsDescription tls_filter_describe(const Filter *base)
{
    const TlsFilter *filter = (const TlsFilter *)base;
    const unsigned char *protocol;
    unsigned protocol_size;

    assert(base->is_open);
    SSL_get0_alpn_selected(filter->ssl, &protocol, &protocol_size);
    return (TlsDescription){
        .version = SSL_get_version(filter->ssl),
        .cipher = SSL_get_cipher_name(filter->ssl),
        .server_name = SSL_get_servername(filter->ssl, TLSEXT_NAMETYPE_host_name),
        .protocol = (const char *)protocol,
        .protocol_size = protocol_size,
        .client = filter->client,
    };
}
