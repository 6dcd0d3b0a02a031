/* The server side of TLS. Before the handshake any bytes may come; after it, an honest client's
 * records with bytes changed, left out and put in between on their way.
 * Input: a byte that chooses which, and a split; then the bytes, or pairs of an order and a
 * number. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../host/net/tls_fixture.h"
#include "base/error.h"

int LLVMFuzzerInitialize(int *argument_count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAID_SIZE = 64 * 1024 };

typedef struct Talk {
    Filter *filter;
    TlsClient client;
    Buffer to_server, to_client, plain;
    size_t said_size; /* by the client: the bytes of `said` */
    size_t step;
    int status;
    bool is_changed; /* what is on its way is not what the client sent */
} Talk;

static Identity identity;
static TlsContext *context;
static char said[SAID_SIZE];

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
    TlsPair pair;
    char problem[TLS_PROBLEM_SIZE];

    (void)argument_count, (void)arguments;
    make_identity(&identity, "a", "DNS:a.test", 30);
    pair = pair_of(&identity);
    must(tls_context_create(&(TlsOptions){.pairs = &pair, .pair_count = 1}, &context, problem) ==
         0);
    for (size_t i = 0; i < SAID_SIZE; i++)
        said[i] = (char)(i * 7 + i / 251);
    return 0;
}

static int decode(Filter *filter, const char *bytes, size_t size, Buffer *plain, Buffer *wire)
{
    char *copy = malloc(size); /* exactly as long, so that a look behind it is seen */
    int status;

    memcpy(copy, bytes, size);
    status = filter->type->decode(filter, copy, size, plain, wire);
    assert(status == 0 || status == ERR_EOF || status == ERR_TLS || status == ERR_NOT_TLS);
    free(copy);
    return status;
}

/* What becomes of the bytes in pieces of `step`. */
static int judge(const char *bytes, size_t size, size_t step)
{
    Filter *filter = tls_filter_create(context);
    Buffer plain = {0}, wire = {0};
    int status = 0;

    for (size_t at = 0; at < size && status == 0; at += step)
        status = decode(filter, bytes + at, size - at < step ? size - at : step, &plain, &wire);
    assert(!filter->is_open && plain.size == 0); /* nobody guesses a key */
    assert(status == 0 || decode(filter, "x", 1, &plain, &wire) == status);
    filter->type->finish(filter, &wire);
    filter->type->destroy(filter);
    buffer_deinit(&plain);
    buffer_deinit(&wire);
    return status;
}

static void deliver(Talk *talk)
{
    for (size_t at = 0; at < talk->to_server.size && talk->status == 0; at += talk->step) {
        size_t left = talk->to_server.size - at;
        talk->status =
            decode(talk->filter, talk->to_server.bytes + at, left < talk->step ? left : talk->step,
                   &talk->plain, &talk->to_client);
    }
    buffer_clear(&talk->to_server);
    if (talk->to_client.size > 0)
        BIO_write(talk->client.in, talk->to_client.bytes, (int)talk->to_client.size);
    buffer_clear(&talk->to_client);
}

static void shake_hands(Talk *talk, int version)
{
    talk->filter = tls_filter_create(context);
    open_client(&talk->client, make_client_rules(version), "a.test");
    for (int i = 0; i < 4; i++) {
        SSL_do_handshake(talk->client.ssl);
        take_client_bytes(&talk->client, &talk->to_server);
        deliver(talk);
    }
    assert(talk->filter->is_open && talk->status == 0);
}

static void say(Talk *talk, size_t size)
{
    size_t left = SAID_SIZE - talk->said_size;
    int result = 0;

    size = size < left ? size : left;
    if (size > 0)
        result = SSL_write(talk->client.ssl, said + talk->said_size, (int)size);
    if (result > 0)
        talk->said_size += (size_t)result;
}

static void change(Talk *talk, size_t place, bool is_cut)
{
    if (talk->to_server.size == 0)
        return;
    place %= talk->to_server.size;
    talk->is_changed = true;
    if (is_cut)
        talk->to_server.size = place;
    else
        talk->to_server.bytes[place] ^= 0x20;
}

static void obey(Talk *talk, unsigned order, size_t number)
{
    char byte = (char)number;

    switch (order % 8) {
    case 0:
        change(talk, number, false);
        break;
    case 1:
        change(talk, number, true);
        break;
    case 2:
        buffer_append(&talk->to_server, &byte, 1);
        talk->is_changed = true;
        break;
    case 3:
        SSL_key_update(talk->client.ssl, number % 2);
        break;
    case 4:
        if (number > 200)
            SSL_shutdown(talk->client.ssl);
        break;
    case 5:
        if (talk->status == 0 || talk->status == ERR_EOF)
            assert(talk->filter->type->encode(talk->filter, said, number + 1, &talk->to_client) ==
                   0);
        break;
    default:
        say(talk, number * (order / 8 + 1));
        break;
    }
}

static void check(const Talk *talk)
{
    assert(talk->plain.size <= talk->said_size);
    assert(talk->plain.size == 0 || memcmp(talk->plain.bytes, said, talk->plain.size) == 0);
    if (!talk->is_changed)
        assert(talk->status == 0 || talk->status == ERR_EOF);
    if (!talk->is_changed && talk->status == 0)
        assert(talk->plain.size == talk->said_size);
}

static void talk_after_handshake(const uint8_t *data, size_t size, int version, size_t step)
{
    Talk talk = {.step = SIZE_MAX};

    shake_hands(&talk, version);
    talk.step = step;
    for (size_t i = 0; i + 1 < size; i += 2) {
        obey(&talk, data[i], data[i + 1]);
        take_client_bytes(&talk.client, &talk.to_server);
        if (data[i] % 8 > 2) {
            deliver(&talk);
            check(&talk);
        }
    }
    talk.filter->type->finish(talk.filter, &talk.to_client);
    talk.filter->type->destroy(talk.filter);
    close_client(&talk.client);
    buffer_deinit(&talk.to_server);
    buffer_deinit(&talk.to_client);
    buffer_deinit(&talk.plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step;
    const char *bytes = (const char *)data + 1;

    if (size < 2)
        return 0;
    step = (size_t)data[0] / 4 + 1;
    size--;
    if ((data[0] & 1) != 0) {
        int version = (data[0] & 2) != 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
        talk_after_handshake(data + 1, size, version, step);
    } else {
        assert(judge(bytes, size, size) == judge(bytes, size, step));
    }
    return 0;
}
