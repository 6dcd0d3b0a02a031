/* The client side of TLS. Either any bytes come for an answer, or those of an honest server with
 * some changed, left out and put in between on their way, from its first on.
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
    Filter *server, *client;
    Buffer to_server, to_client, heard, ignored, problem;
    size_t said_size; /* by the server: the bytes of `said` */
    size_t step;
    int status; /* of the client */
    int server_status;
    bool has_finished; /* the server */
    bool is_changed;   /* what is on its way is not what the server sent */
} Talk;

static Identity identity;
static TlsContext *server_context;
static TlsClientContext *client_context;
static char said[SAID_SIZE];

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
    TlsPair pair;
    TlsClientOptions options = {0};
    char problem[TLS_PROBLEM_SIZE];

    (void)argument_count, (void)arguments;
    make_identity(&identity, "a", "DNS:a.test", 30);
    pair = pair_of(&identity);
    options.ca = pem_of(identity.chain, "ca.pem");
    must(tls_context_create(&(TlsOptions){.pairs = &pair, .pair_count = 1}, &server_context,
                            problem) == 0);
    must(tls_client_context_create(&options, &client_context, problem) == 0);
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
    assert(status == 0 || status == ERR_EOF || status == ERR_TLS || status == ERR_NOT_TLS ||
           status == ERR_UNTRUSTED);
    free(copy);
    return status;
}

static void open_talk(Talk *talk)
{
    talk->server = tls_filter_create(server_context);
    talk->client = tls_filter_create_client(client_context, "a.test", "http/1.1", &talk->problem);
    talk->client->type->begin(talk->client, &talk->to_server);
    assert(talk->to_server.size > 0);
}

static void close_talk(Talk *talk)
{
    talk->client->type->finish(talk->client, &talk->to_server);
    talk->server->type->destroy(talk->server);
    talk->client->type->destroy(talk->client);
    buffer_deinit(&talk->to_server);
    buffer_deinit(&talk->to_client);
    buffer_deinit(&talk->heard);
    buffer_deinit(&talk->ignored);
    buffer_deinit(&talk->problem);
}

/* What the client makes of the bytes in pieces of `step`. */
static int judge(const char *bytes, size_t size, size_t step)
{
    Talk talk = {0};

    open_talk(&talk);
    for (size_t at = 0; at < size && talk.status == 0; at += step)
        talk.status = decode(talk.client, bytes + at, size - at < step ? size - at : step,
                             &talk.heard, &talk.to_server);
    assert(!talk.client->is_open && talk.heard.size == 0); /* nobody guesses a key */
    assert(talk.status == 0 ||
           decode(talk.client, "x", 1, &talk.heard, &talk.to_server) == talk.status);
    close_talk(&talk);
    return talk.status;
}

static void deliver_to_client(Talk *talk)
{
    for (size_t at = 0; at < talk->to_client.size && talk->status == 0; at += talk->step) {
        size_t left = talk->to_client.size - at;
        talk->status =
            decode(talk->client, talk->to_client.bytes + at, left < talk->step ? left : talk->step,
                   &talk->heard, &talk->to_server);
    }
    buffer_clear(&talk->to_client);
}

static void deliver_to_server(Talk *talk)
{
    if (talk->to_server.size > 0 && talk->server_status == 0)
        talk->server_status = decode(talk->server, talk->to_server.bytes, talk->to_server.size,
                                     &talk->ignored, &talk->to_client);
    buffer_clear(&talk->to_server);
}

static void say(Talk *talk, size_t size)
{
    size_t left = SAID_SIZE - talk->said_size;

    size = size < left ? size : left;
    if (size == 0 || !talk->server->is_open || talk->server_status != 0 || talk->has_finished)
        return;
    assert(talk->server->type->encode(talk->server, said + talk->said_size, size,
                                      &talk->to_client) == 0);
    talk->said_size += size;
}

static void change(Talk *talk, size_t place, bool is_cut)
{
    if (talk->to_client.size == 0)
        return;
    place %= talk->to_client.size;
    talk->is_changed = true;
    if (is_cut)
        talk->to_client.size = place;
    else
        talk->to_client.bytes[place] ^= 0x20;
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
        buffer_append(&talk->to_client, &byte, 1);
        talk->is_changed = true;
        break;
    case 3:
        deliver_to_server(talk);
        break;
    case 4:
        if (number <= 200 || !talk->server->is_open)
            break;
        talk->has_finished = true;
        talk->server->type->finish(talk->server, &talk->to_client);
        break;
    case 5:
        if (talk->client->is_open && talk->status == 0)
            assert(talk->client->type->encode(talk->client, said, number + 1, &talk->to_server) ==
                   0);
        break;
    default:
        say(talk, number * (order / 8 + 1));
        break;
    }
}

static void check(const Talk *talk)
{
    assert(talk->heard.size <= talk->said_size);
    assert(talk->heard.size == 0 || memcmp(talk->heard.bytes, said, talk->heard.size) == 0);
    assert(talk->status == 0 || talk->status == ERR_EOF || talk->is_changed);
    if (!talk->is_changed && talk->status == 0)
        assert(talk->heard.size == talk->said_size);
}

static void talk_with_server(const uint8_t *data, size_t size, size_t step)
{
    Talk talk = {.step = step};

    open_talk(&talk);
    for (size_t i = 0; i + 1 < size; i += 2) {
        obey(&talk, data[i], data[i + 1]);
        if (data[i] % 8 > 2) {
            deliver_to_client(&talk);
            check(&talk);
        }
    }
    close_talk(&talk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step;
    const char *bytes = (const char *)data + 1;

    if (size < 2)
        return 0;
    step = (size_t)data[0] / 4 + 1;
    size--;
    if ((data[0] & 1) != 0)
        talk_with_server(data + 1, size, step);
    else
        assert(judge(bytes, size, size) == judge(bytes, size, step));
    return 0;
}
