/* Go's net/rpc over gob: each call is a Request and then its argument, each answer a Response and
 * then its result, with definitions of types wherever they are needed first. */
#include <string.h>

#include "base/error.h"
#include "rpc/rpc_protocol.h"

/* Of what a peer defines. */
enum { DEFINITION_COUNT = 1000, DEFINITIONS_SIZE = 1024 * 1024 };

enum { LARGEST_METHOD = 1024 };

/* struct {Seq uint; Error string} as GOB_RESPONSE_TYPE. Clients of Go do not look at the name of
 * the method in a Response, so it is left out. */
static const char response_definition[] = "\x1e\xff\x81\x03\x01\x02\xff\x82\x00\x01\x02"
                                          "\x01\x03Seq\x01\x06\x00"
                                          "\x01\x05"
                                          "Error\x01\x0c\x00\x00\x00";

/* Something must follow a Response that says an error, and is dropped: false. */
static const char no_result[] = "\x03\x02\x00\x00";

static const char unknown_type[] = "perigee: the result has a type that is not defined";

/* `owner` is the GobState. */
static int take_definition(void *owner, GobReader message)
{
    GobState *gob = owner;
    GobReader rest = message;
    GobDefinition definition;
    size_t size = gob->definitions.size + message.size;
    int result;

    if (gob->definition_count == DEFINITION_COUNT || size > DEFINITIONS_SIZE)
        return ERR_TOO_LARGE;
    if ((result = gob_definition_read(&rest, &definition)) < 0)
        return result;
    if (rest.size > 0 || gob_shapes_add(&gob->shapes, &definition) < 0)
        return ERR_INVALID;
    gob_write_bytes(&gob->definitions, message.bytes, message.size);
    gob->definition_count++;
    return 0;
}

/* The type of the first Request on the connection is the type of them all. */
static int find_header_type(GobState *gob, int64_t id)
{
    GobReader rest = {gob->definitions.bytes, gob->definitions.size};
    GobReader message;
    int64_t defined;

    while (rest.size > 0) {
        gob_read_bytes(&rest, &message);
        gob_message_id(message, &defined);
        if (defined == -id)
            return gob_header_define(&gob->header_type, message);
    }
    return ERR_INVALID;
}

static int take_header(GobState *gob, GobReader message, int64_t id)
{
    GobReader method;

    if (gob->header_type.id == 0 && find_header_type(gob, id) < 0)
        return ERR_INVALID;
    if (!gob_header_read(&gob->header_type, message, &method, &gob->sequence))
        return ERR_INVALID;
    if (method.size > LARGEST_METHOD)
        return ERR_TOO_LARGE;
    buffer_clear(&gob->method);
    buffer_append(&gob->method, method.bytes, method.size);
    gob->has_header = true;
    return 0;
}

static void deliver(RpcChannel *channel, GobReader message)
{
    GobState *gob = &channel->state.gob;
    RpcCall *call =
        rpc_call_create(&channel->caller, (RpcSlice){gob->method.bytes, gob->method.size},
                        (RpcSlice){message.bytes, message.size}, (RpcSlice){NULL, 0});

    gob->has_header = false;
    call->protocol = RPC_GOB;
    call->sequence = gob->sequence;
    call->definition_count = gob->definition_count;
    rpc_channel_deliver(channel, call);
}

/* True while the rest of an argument is to come. */
static bool is_in_argument(const GobState *gob)
{
    return gob->walk != NULL && gob_walk_is_under_way(gob->walk);
}

/* An argument that cannot be read is the method's to refuse, and the connection goes on; but not
 * when it has defined types that its reader would not find again. */
static int walk_argument(RpcChannel *channel, GobReader message)
{
    GobState *gob = &channel->state.gob;
    bool is_first = !is_in_argument(gob);
    uint32_t count = gob->definition_count;
    int result = gob_walk_take(gob->walk, message, channel->limits->message_size);

    if (result == GOB_WALK_COMPLETE)
        deliver(channel, gob_walk_value(gob->walk));
    if (result < 0 && is_first && gob->definition_count == count) {
        deliver(channel, message);
        return 0;
    }
    return result;
}

static int take_argument(RpcChannel *channel, GobReader message, int64_t id)
{
    GobState *gob = &channel->state.gob;

    if (!is_in_argument(gob) && !gob_shapes_hold_interfaces(&gob->shapes, id)) {
        deliver(channel, message);
        return 0;
    }
    if (gob->walk == NULL)
        gob->walk = gob_walk_create(&gob->shapes, take_definition, gob);
    return walk_argument(channel, message);
}

static long read_message(RpcChannel *channel, const char *bytes, size_t size)
{
    GobState *gob = &channel->state.gob;
    GobReader message;
    int64_t id;
    int result = 0;
    long used = gob_next_message(bytes, size, channel->limits->message_size, &message);

    if (used <= 0)
        return used;
    if (!gob_message_id(message, &id))
        return ERR_INVALID;
    if (id < 0 && !is_in_argument(gob))
        result = take_definition(gob, message);
    else if (!gob->has_header)
        result = take_header(gob, message, id);
    else
        result = take_argument(channel, message, id);
    return result < 0 ? result : used;
}

static bool was_sent(const GobState *gob, uint32_t number)
{
    const uint32_t *sent = (const uint32_t *)(const void *)gob->sent_types.bytes;
    size_t count = gob->sent_types.size / sizeof *sent;

    for (size_t i = 0; i < count; i++) {
        if (sent[i] == number)
            return true;
    }
    return false;
}

/* False, with nothing written, when one of the types has no definition. */
static bool write_definitions(RpcChannel *channel, const RpcReply *reply)
{
    GobState *gob = &channel->state.gob;

    for (size_t i = 0; i < reply->type_count; i++) {
        if (gob_types_find(channel->types, reply->types[i]) == NULL)
            return false;
    }
    for (size_t i = 0; i < reply->type_count; i++) {
        const Buffer *definition;

        if (was_sent(gob, reply->types[i]))
            continue;
        definition = gob_types_find(channel->types, reply->types[i]);
        gob_write_bytes(&channel->output, definition->bytes, definition->size);
        buffer_append(&gob->sent_types, &reply->types[i], sizeof reply->types[i]);
    }
    return true;
}

/* The sizes of both numbers are known to be below 128 here, but for the error's. */
static void write_response(RpcChannel *channel, uint64_t sequence, RpcSlice error)
{
    static const char type[] = "\xff\x82";
    Buffer *output = &channel->output;
    Buffer body = {0};

    if (!channel->state.gob.has_response_type)
        buffer_append(output, response_definition, sizeof response_definition - 1);
    channel->state.gob.has_response_type = true;
    buffer_append(&body, type, sizeof type - 1);
    if (sequence != 0) {
        gob_write_uint(&body, 1);
        gob_write_uint(&body, sequence);
    }
    if (error.size != 0) {
        gob_write_uint(&body, sequence != 0 ? 1 : 2);
        gob_write_bytes(&body, error.bytes, error.size);
    }
    gob_write_uint(&body, 0);
    gob_write_bytes(output, body.bytes, body.size);
    buffer_deinit(&body);
}

static void answer_failure(RpcChannel *channel, uint64_t sequence, RpcSlice message)
{
    /* An error without a text would be a success. */
    if (message.size == 0)
        message = (RpcSlice){"unspecified error", sizeof "unspecified error" - 1};
    write_response(channel, sequence, message);
    buffer_append(&channel->output, no_result, sizeof no_result - 1);
}

static void answer(RpcChannel *channel, RpcCall *call, const RpcReply *reply)
{
    RpcSlice bytes = {reply->bytes, reply->size};

    if (reply->is_failure) {
        answer_failure(channel, call->sequence, bytes);
        return;
    }
    if (!write_definitions(channel, reply)) {
        answer_failure(channel, call->sequence, (RpcSlice){unknown_type, sizeof unknown_type - 1});
        return;
    }
    write_response(channel, call->sequence, (RpcSlice){NULL, 0});
    gob_write_bytes(&channel->output, bytes.bytes, bytes.size);
}

static void close_gob(RpcChannel *channel)
{
    GobState *gob = &channel->state.gob;

    buffer_deinit(&gob->definitions);
    gob_shapes_deinit(&gob->shapes);
    gob_walk_destroy(gob->walk);
    buffer_deinit(&gob->method);
    buffer_deinit(&gob->sent_types);
}

GobReader gob_definitions_since(const GobState *gob, uint32_t known)
{
    GobReader rest = {gob->definitions.bytes, gob->definitions.size};
    GobReader message;

    for (uint32_t i = 0; i < known && rest.size > 0; i++)
        gob_read_bytes(&rest, &message);
    return rest;
}

const RpcProtocol rpc_gob = {.read = read_message, .answer = answer, .close = close_gob};
