/* The writing side of streams: what the kernel does not take at once is kept, and sent when it can
 * be. */
#include <errno.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/stream_state.h"

/* At once, where uv_shutdown would wait for another turn. */
void stream_finish_shutdown(Stream *stream)
{
    uv_os_fd_t fd;

    if (uv_fileno(&stream->uv.handle, &fd) == 0)
        shutdown(fd, SHUT_WR);
}

void stream_fail_writing(Stream *stream, int status)
{
    if (stream->failure == 0)
        stream->failure = status;
    buffer_deinit(&stream->waiting);
}

static void finish_sending(Stream *stream, int status)
{
    memory_free(stream->sending);
    stream->sending = NULL;
    if (status < 0)
        stream_fail_writing(stream, status);
    else if (stream->is_shut_down)
        stream_finish_shutdown(stream);
    if (stream->handler->on_drain != NULL)
        stream->handler->on_drain(stream->owner, status);
}

static int send_waiting(Stream *stream);

static void on_sent(uv_write_t *request, int status)
{
    Stream *stream = request->handle->data;

    if (uv_is_closing(&stream->uv.handle))
        return;
    buffer_deinit(&stream->sending->bytes);
    if (status == 0 && stream->waiting.size > 0)
        status = send_waiting(stream);
    if (status < 0 || stream->sending->bytes.size == 0)
        finish_sending(stream, status);
}

static int send_waiting(Stream *stream)
{
    Sending *sending = stream->sending;

    buffer_move(&sending->bytes, &stream->waiting);

    uv_buf_t part = {.base = sending->bytes.bytes, .len = sending->bytes.size};
    return uv_write(&sending->request, &stream->uv.stream, &part, 1, on_sent);
}

/* What the kernel takes at once, while libuv writes nothing: bytes, or a negative code. */
static ssize_t write_now(Stream *stream, const void *bytes, size_t size, int flags)
{
    uv_os_fd_t fd;
    ssize_t taken;
    int result = uv_fileno(&stream->uv.handle, &fd);

    if (result < 0 || stream->is_connecting)
        return result;
    do {
        taken = send(fd, bytes, size, flags | MSG_NOSIGNAL);
    } while (taken < 0 && errno == EINTR);
    if (taken < 0)
        return errno == EAGAIN ? 0 : uv_translate_sys_error(errno);
    return taken;
}

static int queue(Stream *stream, const char *bytes, size_t size)
{
    int result = 0;

    buffer_append(&stream->waiting, bytes, size);
    if (stream->sending == NULL) {
        stream->sending = memory_alloc(sizeof *stream->sending);
        result = send_waiting(stream);
    }
    if (result < 0)
        stream_fail_writing(stream, result);
    else
        stream->written_size += size;
    return result;
}

/* Sends or queues bytes as they are. */
static int send_bytes(Stream *stream, const char *bytes, size_t size, int flags)
{
    ssize_t taken = 0;

    if (stream->failure < 0)
        return stream->failure;
    if (stream->sending == NULL && size > 0)
        taken = write_now(stream, bytes, size, flags);
    if (taken < 0) {
        stream_fail_writing(stream, (int)taken);
        return (int)taken;
    }
    stream->written_size += (size_t)taken;
    return (size_t)taken < size ? queue(stream, bytes + taken, size - (size_t)taken) : 0;
}

int stream_send_wire(Stream *stream, Buffer *wire)
{
    int result = send_bytes(stream, wire->bytes, wire->size, 0);

    buffer_deinit(wire);
    return result;
}

static int write_filtered(Stream *stream, const char *bytes, size_t size)
{
    Filter *filter = stream->filter;
    int result = filter->is_open ? 0 : ERR_INVALID;

    while (size > 0 && result == 0) {
        Buffer wire = {0};
        size_t taken = size < FILTERED_SIZE ? size : FILTERED_SIZE;

        if ((result = filter->type->encode(filter, bytes, taken, &wire)) < 0)
            stream_fail_writing(stream, result);
        else
            result = stream_send_wire(stream, &wire);
        bytes += taken;
        size -= taken;
    }
    return result;
}

static int write_bytes(Stream *stream, const void *bytes, size_t size, int flags)
{
    if (stream->failure < 0)
        return stream->failure;
    if (stream->is_shut_down)
        return ERR_CLOSED;
    if (stream->filter != NULL)
        return write_filtered(stream, bytes, size);
    return send_bytes(stream, bytes, size, flags);
}

int stream_write(Stream *stream, const void *bytes, size_t size)
{
    return write_bytes(stream, bytes, size, 0);
}

int stream_write_more(Stream *stream, const void *bytes, size_t size)
{
    return write_bytes(stream, bytes, size, MSG_MORE);
}

int stream_write_later(Stream *stream, const void *bytes, size_t size)
{
    Filter *filter = stream->filter;
    Buffer wire = {0};
    int result;

    if (filter == NULL)
        return queue(stream, bytes, size);
    if ((result = filter->type->encode(filter, bytes, size, &wire)) < 0)
        stream_fail_writing(stream, result);
    else
        result = queue(stream, wire.bytes, wire.size);
    buffer_deinit(&wire);
    return result;
}

size_t stream_unsent_size(const Stream *stream)
{
    return uv_stream_get_write_queue_size(&stream->uv.stream) + stream->waiting.size;
}

uint64_t stream_sent_size(const Stream *stream)
{
    return stream->written_size - stream_unsent_size(stream);
}

static void finish_filter(Stream *stream)
{
    Buffer wire = {0};

    if (stream->filter == NULL)
        return;
    stream->filter->type->finish(stream->filter, &wire);
    stream_send_wire(stream, &wire);
}

void stream_shutdown(Stream *stream)
{
    if (stream->is_shut_down)
        return;
    finish_filter(stream);
    stream->is_shut_down = true;
    if (!stream->is_connecting && stream->sending == NULL)
        stream_finish_shutdown(stream);
}
