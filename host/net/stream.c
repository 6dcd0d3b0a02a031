#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/stream_state.h"

static const StreamHandler no_handler = {0};

static void drop_filter(Stream *stream)
{
    if (stream->filter != NULL)
        stream->filter->type->destroy(stream->filter);
    stream->filter = NULL;
}

static int open_handle(Stream *stream, int family)
{
    uv_loop_t *uv = loop_uv(stream->loop);

    if (family == AF_UNIX)
        return uv_pipe_init(uv, &stream->uv.pipe, 0);

    int result = uv_tcp_init(uv, &stream->uv.tcp);

    if (result == 0)
        uv_tcp_nodelay(&stream->uv.tcp, 1); /* remembered until there is a descriptor */
    return result;
}

static int create(Loop *loop, int family, Stream **out)
{
    Stream *stream = memory_alloc(sizeof *stream);

    stream->loop = loop;
    stream->handler = &no_handler;

    int result = open_handle(stream, family);

    if (result < 0) {
        memory_free(stream);
        return result;
    }
    stream->uv.handle.data = stream;
    *out = stream;
    return 0;
}

/* Takes over `fd` on success only. */
static int give_descriptor(Stream *stream, int family, int fd)
{
    return family == AF_UNIX ? uv_pipe_open(&stream->uv.pipe, fd)
                             : uv_tcp_open(&stream->uv.tcp, fd);
}

/* Also of a socket whose peer is gone again and has no name any more. */
static int find_family(int fd)
{
    int family;
    socklen_t size = sizeof family;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
        return uv_translate_sys_error(errno);
    return family;
}

static void find_peer(Stream *stream, int fd)
{
    Address peer = {.raw_size = sizeof peer.raw};

    if (getpeername(fd, (struct sockaddr *)&peer.raw, &peer.raw_size) == 0)
        stream->peer = peer;
}

int stream_adopt(Loop *loop, int fd, Stream **out)
{
    Stream *stream = NULL;
    int family = find_family(fd);
    int result = family;

    if (family < 0 || (result = create(loop, family, &stream)) < 0)
        goto fail;
    find_peer(stream, fd);
    if ((result = give_descriptor(stream, family, fd)) < 0)
        goto fail;
    *out = stream;
    return 0;

fail:
    stream_close(stream);
    if (fd >= 0)
        close(fd);
    return result;
}

static void end_reading(Stream *stream, int status)
{
    uv_read_stop(&stream->uv.stream);
    stream->has_ended = true;
    if (stream->handler->on_end != NULL)
        stream->handler->on_end(stream->owner, status);
}

static void read_filtered(Stream *stream, const char *bytes, size_t size);

static void lend_buffer(uv_handle_t *handle, size_t wanted_size, uv_buf_t *out)
{
    Stream *stream = handle->data;

    (void)wanted_size;
    if (stream->is_reading)
        out->base = loop_read_buffer(stream->loop, &out->len);
    else
        out->len = 0; /* on_read is told UV_ENOBUFS */
}

/* Somebody else may have cut a filtered stream: only the filter knows of an orderly end. */
static int end_status(const Stream *stream, ssize_t size)
{
    if (size == UV_EOF)
        return stream->filter == NULL ? ERR_EOF : ERR_CLOSED;
    return (int)size;
}

static void tell_read(Stream *stream, const char *bytes, size_t size)
{
    if (stream->handler->on_read != NULL)
        stream->handler->on_read(stream->owner, bytes, size);
}

/* The first time in the turn of the loop that stopped reading, and there it may start again: two
 * system calls less. The second time somebody sends what nobody wants. */
static void refuse_read(Stream *stream)
{
    if (stream->has_refused)
        uv_read_stop(&stream->uv.stream);
    stream->has_refused = true;
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer)
{
    Stream *stream = handle->data;

    if (size == UV_ENOBUFS)
        refuse_read(stream);
    else if (size < 0)
        end_reading(stream, end_status(stream, size));
    else if (size > 0 && stream->filter != NULL)
        read_filtered(stream, buffer->base, (size_t)size);
    else if (size > 0)
        tell_read(stream, buffer->base, (size_t)size);
}

void stream_start_reading(Stream *stream)
{
    stream->is_reading = true;
    stream->has_refused = false;
    if (!stream->is_connecting && !stream->has_ended)
        uv_read_start(&stream->uv.stream, lend_buffer, on_read);
}

/* libuv is told when there is something to read, see refuse_read. */
void stream_stop_reading(Stream *stream)
{
    stream->is_reading = false;
}

static void finish_connecting(Stream *stream, int status)
{
    if (uv_is_closing(&stream->uv.handle))
        return;
    stream->is_connecting = false;
    if (status < 0)
        stream->failure = status;
    else if (stream->is_reading)
        stream_start_reading(stream);
    if (stream->is_shut_down && stream->sending == NULL)
        stream_finish_shutdown(stream);
    if (stream->handler->on_connect != NULL)
        stream->handler->on_connect(stream->owner, status);
}

static void on_tcp_connect(uv_connect_t *request, int status)
{
    Stream *stream = request->handle->data;

    memory_free(request);
    finish_connecting(stream, status);
}

static int connect_tcp(Stream *stream, const Address *where)
{
    uv_connect_t *request = memory_alloc(sizeof *request);
    int result = uv_tcp_connect(request, &stream->uv.tcp, (const struct sockaddr *)&where->raw,
                                on_tcp_connect);

    if (result < 0)
        memory_free(request);
    return result;
}

static void on_empty_write(uv_write_t *request, int status)
{
    Stream *stream = request->handle->data;

    memory_free(request);
    finish_connecting(stream, status);
}

/* A unix socket is connected or refused at once, and libuv cannot name an abstract one. So we
 * connect, and a write of nothing brings the news on a later turn. */
static int connect_unix(Stream *stream, const Address *where)
{
    uv_buf_t nothing = uv_buf_init("", 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return uv_translate_sys_error(errno);
    if (connect(fd, (const struct sockaddr *)&where->raw, where->raw_size) < 0)
        result = uv_translate_sys_error(errno);
    else
        result = give_descriptor(stream, AF_UNIX, fd);
    if (result < 0) {
        close(fd);
        return result;
    }

    uv_write_t *request = memory_alloc(sizeof *request);

    if ((result = uv_write(request, &stream->uv.stream, &nothing, 1, on_empty_write)) < 0)
        memory_free(request);
    return result;
}

int stream_connect(Loop *loop, const Address *where, Stream **out)
{
    Stream *stream;
    int result = create(loop, where->raw.ss_family, &stream);

    if (result < 0)
        return result;
    stream->is_connecting = true;
    stream->peer = *where;
    result = address_is_unix(where) ? connect_unix(stream, where) : connect_tcp(stream, where);
    if (result < 0) {
        stream_close(stream);
        return result;
    }
    *out = stream;
    return 0;
}

static bool is_closing(const Stream *stream)
{
    return uv_is_closing(&stream->uv.handle);
}

/* A filter that did not open is taken away: its last word is sent, and the owner may add one in
 * clear. */
static void tell_opened(Stream *stream, int status)
{
    if (status < 0)
        drop_filter(stream);
    if (stream->handler->on_connect != NULL)
        stream->handler->on_connect(stream->owner, status);
}

/* Each callback may close the stream, and so end the matter. */
static void read_filtered(Stream *stream, const char *bytes, size_t size)
{
    Filter *filter = stream->filter;
    bool was_open = filter->is_open;
    Buffer plain = {0}, wire = {0};
    int status = filter->type->decode(filter, bytes, size, &plain, &wire);
    bool is_open = filter->is_open;

    stream_send_wire(stream, &wire);
    if (!was_open && (is_open || status < 0))
        tell_opened(stream, is_open ? 0 : status);
    if (plain.size > 0 && !is_closing(stream))
        tell_read(stream, plain.bytes, plain.size);
    if (status < 0 && is_open && !is_closing(stream))
        end_reading(stream, status);
    buffer_deinit(&plain);
}

void stream_set_filter(Stream *stream, Filter *filter)
{
    Buffer wire = {0};

    assert(stream->filter == NULL && !stream->is_connecting);
    stream->filter = filter;
    if (filter->type->begin == NULL)
        return;
    filter->type->begin(filter, &wire);
    stream_send_wire(stream, &wire);
}

const Filter *stream_filter(const Stream *stream)
{
    return stream->filter;
}

void stream_set_handler(Stream *stream, const StreamHandler *handler, void *owner)
{
    stream->handler = handler;
    stream->owner = owner;
}

const Address *stream_peer(const Stream *stream)
{
    return &stream->peer;
}

static void on_close(uv_handle_t *handle)
{
    Stream *stream = handle->data;

    if (stream->sending != NULL)
        buffer_deinit(&stream->sending->bytes);
    memory_free(stream->sending);
    buffer_deinit(&stream->waiting);
    drop_filter(stream);
    memory_free(stream);
}

void stream_close(Stream *stream)
{
    if (stream != NULL)
        uv_close(&stream->uv.handle, on_close);
}

void stream_reset(Stream *stream)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd;

    if (uv_fileno(&stream->uv.handle, &fd) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    stream_close(stream);
}
