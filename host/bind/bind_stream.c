/* Byte streams for Lua: sockets to other programs, and the pipes between supervisor and workers.
 * The userdata is a box with the number of a StreamBox; a closed box holds 0.
 *
 * A framed stream gives whole messages of RPC only, so that its reader never meets a part. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "bind/seam.h"
#include "bind/stream_box.h"
#include "isolate/resource.h"
#include "net/stream.h"
#include "net/tls_filter.h"
#include "rpc/rpc_framer.h"

#define STREAM_TYPE "perigee.stream"

static const SeamType stream_type;

/* Reading pauses while this much waits for the script. */
enum { INPUT_HIGH_SIZE = 256 * 1024 };

/* Of a name in DNS, and of one protocol for ALPN. */
enum { SERVER_NAME_SIZE = 253, PROTOCOL_SIZE = 255 };

struct StreamBox {
    Resource resource;
    Host *host;
    Handle handle;
    Stream *stream;
    Buffer input;
    RpcFramer *framer;  /* NULL while what comes is bytes */
    size_t whole_size;  /* of the whole messages at the front that were found so far */
    int framing_status; /* why there are no more messages; 0 while there may be */
    int end_status;     /* why nothing more comes; 0 while more may */
    Buffer tls_problem; /* a sentence about what TLS did not allow */
    bool is_read_awaited;
    bool is_paused;
    bool is_shaking_hands; /* TLS was started and is not open */
};

static void push_event(StreamBox *box, EventKind kind, int code)
{
    isolate_tell(box->resource.isolate, (Event){.kind = kind, .id = box->handle, .code = code});
}

static void on_connect(void *owner, int status)
{
    StreamBox *box = owner;

    box->is_shaking_hands = false;
    if (status == 0)
        stream_start_reading(box->stream);
    else
        box->end_status = status;
    push_event(box, EVENT_CONNECTED, status);
}

static void tell_reader(StreamBox *box)
{
    if (!box->is_read_awaited)
        return;
    box->is_read_awaited = false;
    push_event(box, EVENT_READABLE, 0);
}

/* Texts of JSON say nothing of their size, so whoever takes them apart gets one at a time. */
static bool wants_message(const StreamBox *box)
{
    bool is_single = box->framer->framing == RPC_FRAMING_JSON;

    return box->input.size > box->whole_size && !(is_single && box->whole_size > 0);
}

static void find_messages(StreamBox *box)
{
    long size = box->framing_status < 0 ? box->framing_status : 1;

    while (size > 0 && wants_message(box)) {
        size = rpc_framer_next(box->framer, box->input.bytes + box->whole_size,
                               box->input.size - box->whole_size);
        if (size > 0)
            box->whole_size += (size_t)size;
    }
    if (size < 0) {
        box->framing_status = (int)size;
        stream_stop_reading(box->stream);
    }
}

/* How much can be read now. */
static size_t ready_size(const StreamBox *box)
{
    return box->framer == NULL ? box->input.size : box->whole_size;
}

static void on_read(void *owner, const char *bytes, size_t size)
{
    StreamBox *box = owner;

    buffer_append(&box->input, bytes, size);
    if (box->framer != NULL)
        find_messages(box);
    if (box->input.size >= INPUT_HIGH_SIZE && ready_size(box) > 0) {
        box->is_paused = true;
        stream_stop_reading(box->stream);
    }
    if (ready_size(box) > 0 || box->framing_status < 0)
        tell_reader(box);
}

static void on_end(void *owner, int status)
{
    StreamBox *box = owner;

    if (box->is_shaking_hands) {
        on_connect(box, status);
        return;
    }
    box->end_status = status;
    tell_reader(box);
}

static void on_drain(void *owner, int status)
{
    push_event(owner, EVENT_WRITABLE, status);
}

static const StreamHandler handler = {
    .on_connect = on_connect,
    .on_read = on_read,
    .on_end = on_end,
    .on_drain = on_drain,
};

static void close_box(Resource *resource)
{
    StreamBox *box = list_entry(resource, StreamBox, resource);

    handle_table_remove(&box->host->streams, box->handle);
    stream_close(box->stream);
    buffer_deinit(&box->input);
    buffer_deinit(&box->tls_problem);
    memory_free(box->framer);
    memory_free(box);
}

static Handle *push_empty_box(lua_State *L)
{
    Handle *handle = lua_newuserdata(L, sizeof *handle);

    *handle = 0;
    seam_push_type(L, &stream_type);
    lua_setmetatable(L, -2);
    return handle;
}

static void fill_box(lua_State *L, Handle *handle, Stream *stream)
{
    StreamBox *box = memory_alloc(sizeof *box);

    box->host = seam_host(L);
    box->stream = stream;
    box->handle = handle_table_add(&box->host->streams, box);
    resource_attach(&box->resource, isolate_from(L), close_box);
    stream_set_handler(stream, &handler, box);
    *handle = box->handle;
}

/* connect(address) -> stream | nil, code. EVENT_CONNECTED says how it went. */
static int l_connect(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    Handle *handle = push_empty_box(L);
    Address where;
    Stream *stream;
    int result;

    if ((result = address_parse(text, &where)) < 0 ||
        (result = stream_connect(seam_host(L)->loop, &where, &stream)) < 0)
        return seam_push_failure(L, result);
    fill_box(L, handle, stream);
    return 1;
}

/* adopt_stream(fd) -> stream | nil, code. Owns the descriptor from then on. */
static int l_adopt_stream(lua_State *L)
{
    int fd = (int)luaL_checkinteger(L, 1);
    Handle *handle = push_empty_box(L);
    Stream *stream;
    int result = stream_adopt(seam_host(L)->loop, fd, &stream);

    if (result < 0)
        return seam_push_failure(L, result);
    fill_box(L, handle, stream);
    stream_start_reading(stream);
    return 1;
}

/* stream_pair() -> stream, descriptor: two ends of one connection, the second for a child */
static int l_stream_pair(lua_State *L)
{
    Handle *handle = push_empty_box(L);
    int fds[2];
    Stream *stream;
    int result;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return luaL_error(L, "no socket pair: %s", strerror(errno));
    if ((result = stream_adopt(seam_host(L)->loop, fds[0], &stream)) < 0) {
        close(fds[1]);
        return seam_push_failure(L, result);
    }
    fill_box(L, handle, stream);
    stream_start_reading(stream);
    lua_pushinteger(L, fds[1]);
    return 2;
}

StreamBox *stream_box_check(lua_State *L, int argument)
{
    Handle *handle = luaL_checkudata(L, argument, STREAM_TYPE);
    return handle_table_find(&seam_host(L)->streams, *handle);
}

static StreamBox *find_box(lua_State *L)
{
    return stream_box_check(L, 1);
}

/* stream:id() -> the number in events; 0 when it is closed */
static int l_id(lua_State *L)
{
    Handle *handle = luaL_checkudata(L, 1, STREAM_TYPE);

    seam_push_handle(L, *handle);
    return 1;
}

void stream_box_consume(StreamBox *box, size_t size)
{
    buffer_consume(&box->input, size);
    if (box->framer != NULL) {
        box->whole_size = 0;
        find_messages(box);
    }
    if (box->is_paused && box->input.size < INPUT_HIGH_SIZE && box->framing_status == 0) {
        box->is_paused = false;
        stream_start_reading(box->stream);
    }
}

Stream *stream_box_stream(const StreamBox *box)
{
    return box->stream;
}

const Buffer *stream_box_input(const StreamBox *box)
{
    return &box->input;
}

int stream_box_await(StreamBox *box)
{
    if (box->end_status < 0)
        return box->end_status;
    box->is_read_awaited = true;
    return ERR_AGAIN;
}

/* stream:frame(kind, size): `read` gives whole messages from now on, of at most so many bytes each;
 * JSON one at a time. Kinds are "gob", "json" and "msgpack". */
static int l_frame(lua_State *L)
{
    static const char *const kinds[] = {"gob", "json", "msgpack", NULL};
    static const RpcFraming framings[] = {RPC_FRAMING_GOB, RPC_FRAMING_JSON, RPC_FRAMING_MSGPACK};
    StreamBox *box = find_box(L);
    int kind = luaL_checkoption(L, 2, NULL, kinds);
    lua_Integer size = luaL_checkinteger(L, 3);

    luaL_argcheck(L, size > 0, 3, "must be a number of bytes");
    if (box == NULL || box->framer != NULL)
        return 0;
    box->framer = memory_alloc(sizeof *box->framer);
    rpc_framer_init(box->framer, framings[kind], (size_t)size);
    find_messages(box);
    return 0;
}

/* Why nothing more comes: nil, code, and what TLS says of it, if that is the reason. */
static int push_end(lua_State *L, const StreamBox *box)
{
    int count = seam_push_failure(L, box->end_status);

    if (box->tls_problem.size == 0)
        return count;
    lua_pushlstring(L, box->tls_problem.bytes, box->tls_problem.size);
    return count + 1;
}

/* stream:read() -> bytes | nil, "again": EVENT_READABLE will come | nil, "eof" | nil, code, and a
 * sentence when TLS is the reason */
static int l_read(lua_State *L)
{
    StreamBox *box = find_box(L);
    size_t size = box == NULL ? 0 : ready_size(box);

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if (size > 0) {
        lua_pushlstring(L, box->input.bytes, size);
        stream_box_consume(box, size);
        return 1;
    }
    if (box->framing_status < 0)
        return seam_push_failure(L, box->framing_status);
    if (stream_box_await(box) != ERR_AGAIN)
        return push_end(L, box);
    return seam_push_failure(L, ERR_AGAIN);
}

/* A name that OpenSSL would take for none, or for all names below one, is none to expect. */
static const char *check_server_name(lua_State *L, int argument)
{
    size_t size;
    const char *name = luaL_checklstring(L, argument, &size);

    luaL_argcheck(L, size > 0 && size <= SERVER_NAME_SIZE && name[0] != '.' && strlen(name) == size,
                  argument, "not the name of a server");
    return name;
}

/* stream:start_tls(tls_client, name, protocol or "") -> true | nil, code. EVENT_CONNECTED says how
 * the handshake went with the server of that name; `read` then gives the reason. */
static int l_start_tls(lua_State *L)
{
    StreamBox *box = find_box(L);
    TlsClientContext *context = seam_check_tls_client(L, 2);
    const char *name = check_server_name(L, 3);
    size_t size;
    const char *protocols = luaL_checklstring(L, 4, &size);

    luaL_argcheck(L, strcspn(protocols, ",") == size && size <= PROTOCOL_SIZE, 4, "not a protocol");
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    /* Who speaks before TLS would be taken for who speaks in it. */
    if (box->framer != NULL || box->input.size > 0 || stream_filter(box->stream) != NULL)
        return seam_push_failure(L, ERR_INVALID);
    if (box->end_status < 0)
        return seam_push_failure(L, box->end_status);
    box->is_shaking_hands = true;
    stream_set_filter(box->stream,
                      tls_filter_create_client(context, name, protocols, &box->tls_problem));
    return seam_push_result(L, 0);
}

/* stream:write(bytes) -> bytes the kernel has not taken yet: EVENT_WRITABLE comes when they are
 * gone | nil, code */
static int l_write(lua_State *L)
{
    StreamBox *box = find_box(L);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    int result;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if ((result = stream_write(box->stream, bytes, size)) < 0)
        return seam_push_failure(L, result);
    lua_pushnumber(L, (lua_Number)stream_unsent_size(box->stream));
    return 1;
}

/* stream:shutdown(): nothing more will be written */
static int l_shutdown(lua_State *L)
{
    StreamBox *box = find_box(L);

    if (box != NULL)
        stream_shutdown(box->stream);
    return 0;
}

/* stream:close(), and its collection */
static int l_close(lua_State *L)
{
    Handle *handle = luaL_checkudata(L, 1, STREAM_TYPE);
    StreamBox *box = handle_table_find(&seam_host(L)->streams, *handle);

    *handle = 0;
    if (box != NULL)
        resource_close(&box->resource);
    return 0;
}

static const luaL_Reg functions[] = {
    {"connect", l_connect},
    {NULL,      NULL     },
};

static const luaL_Reg system_functions[] = {
    {"adopt_stream", l_adopt_stream},
    {"stream_pair",  l_stream_pair },
    {NULL,           NULL          },
};

static const luaL_Reg methods[] = {
    {"close",     l_close    },
    {"frame",     l_frame    },
    {"id",        l_id       },
    {"read",      l_read     },
    {"shutdown",  l_shutdown },
    {"start_tls", l_start_tls},
    {"write",     l_write    },
    {NULL,        NULL       },
};

static const SeamType stream_type = {STREAM_TYPE, methods, l_close};

void bind_stream_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}

void bind_stream_open_system(lua_State *L, Isolate *isolate)
{
    seam_register(L, system_functions, isolate);
}
