/* The first bytes of a connection: they tell its protocol, or that it has none. rpc.DialHTTP of Go
 * says CONNECT first, with bare line feeds and without a Host, and then speaks gob. */
#include <string.h>

#include "base/error.h"
#include "rpc/rpc_protocol.h"
#include "rpc/rpc_sniff.h"

enum { CONNECT_SIZE = 8 * 1024 };

static const char connected[] = "HTTP/1.0 200 Connected to Go RPC\n\n";
static const char connect_line[] = "CONNECT /_goRPC_ HTTP/";

#define REFUSAL(status, text)                                                                      \
    "HTTP/1.1 " status "\r\n"                                                                      \
    "Content-Type: text/plain; charset=utf-8\r\n"                                                  \
    "Connection: close\r\n"                                                                        \
    "\r\n" text "\n"

static const char unknown_protocol[] =
    "perigee: this port speaks Go's net/rpc (gob), JSON-RPC 1.0 and 2.0, and MessagePack-RPC, and "
    "what came is none of them\n";
static const char must_connect[] = REFUSAL(
    "405 Method Not Allowed", "405 must CONNECT: this port speaks Go's net/rpc, JSON-RPC and "
                              "MessagePack-RPC; JSON-RPC over HTTP is POST /rpc on the HTTP port");
static const char other_path[] =
    REFUSAL("404 Not Found", "Go's net/rpc is at /_goRPC_, the path of rpc.DialHTTP");
static const char endless_head[] = REFUSAL("400 Bad Request", "This is no CONNECT of rpc.DialHTTP");

static long refuse(RpcChannel *channel, const char *text)
{
    channel->refusal = text;
    buffer_append_text(&channel->output, text);
    return ERR_INVALID;
}

/* The size of what ends with the first empty line; 0 while there is none. */
static size_t head_size(const char *bytes, size_t size)
{
    const char *end = bytes + size, *line = bytes;
    const char *line_end;

    while ((line_end = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        if (line_end == line || (line_end == line + 1 && *line == '\r'))
            return (size_t)(line_end + 1 - bytes);
        line = line_end + 1;
    }
    return 0;
}

static long take_connect(RpcChannel *channel, const char *bytes, size_t size)
{
    size_t used = head_size(bytes, size);

    if (used == 0)
        return size > CONNECT_SIZE ? refuse(channel, endless_head) : 0;
    if (used < sizeof connect_line - 1 || memcmp(bytes, connect_line, sizeof connect_line - 1) != 0)
        return refuse(channel, other_path);
    buffer_append_text(&channel->output, connected);
    channel->protocol = &rpc_gob;
    return (long)used;
}

static long read_first(RpcChannel *channel, const char *bytes, size_t size)
{
    switch (rpc_sniff(bytes, size)) {
    case RPC_DIALECT_UNKNOWN:
        return 0;
    case RPC_DIALECT_GOB:
        channel->protocol = &rpc_gob;
        break;
    case RPC_DIALECT_JSON:
        channel->protocol = &rpc_json;
        break;
    case RPC_DIALECT_MSGPACK:
        channel->protocol = &rpc_msgpack;
        break;
    case RPC_DIALECT_CONNECT:
        return take_connect(channel, bytes, size);
    case RPC_DIALECT_HTTP:
        return refuse(channel, must_connect);
    default:
        return refuse(channel, unknown_protocol);
    }
    return channel->protocol->read(channel, bytes, size);
}

static void close_nothing(RpcChannel *channel)
{
    (void)channel;
}

const RpcProtocol rpc_opening = {.read = read_first, .close = close_nothing};
