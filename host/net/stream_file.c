/* Pieces of files: the kernel copies them to the socket, or they go through the filter. What is
 * sent when the kernel takes no more, or has taken much in this turn, is a small piece in memory:
 * when that is gone, on_drain says so, and it is time for more. */
#include <errno.h>
#include <sys/sendfile.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/stream_state.h"

/* So much of a file goes out before others have their turn, however fast the peer reads. */
enum { TURN_SIZE = 1024 * 1024, PIECE_SIZE = 64 * 1024, LAST_PIECE_SIZE = 16 * 1024 };

/* Where sendfile does not serve, everything goes as pieces in memory. */
static bool is_harmless(int code)
{
    return code == EAGAIN || code == EINVAL || code == ENOSYS;
}

static int64_t send_from_kernel(Stream *stream, const OpenFile *file, uint64_t offset, size_t size)
{
    off_t at = (off_t)offset;
    uv_os_fd_t socket;
    ssize_t sent;
    int result = uv_fileno(&stream->uv.handle, &socket);

    if (result < 0)
        return result;
    do {
        sent = sendfile(socket, open_file_descriptor(file), &at, size);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return is_harmless(errno) ? 0 : -errno;
    stream->written_size += (uint64_t)sent;
    return sent;
}

/* Sends `size` bytes, at most PIECE_SIZE, by way of memory. Returns them, or a negative code. */
static int64_t send_piece(Stream *stream, const OpenFile *file, uint64_t offset, size_t size,
                          int (*send)(Stream *stream, const void *bytes, size_t size))
{
    char *bytes = memory_resize(NULL, size);
    ssize_t count = open_file_read(file, offset, bytes, size);
    int result = count < (ssize_t)size ? ERR_EOF : send(stream, bytes, size);

    memory_free(bytes);
    return result < 0 ? result : (int64_t)size;
}

static int64_t send_filtered(Stream *stream, const OpenFile *file, uint64_t offset, size_t size)
{
    size_t total = 0;

    while (total < size && stream->sending == NULL) {
        size_t piece_size = size - total < PIECE_SIZE ? size - total : PIECE_SIZE;
        int64_t sent = send_piece(stream, file, offset + total, piece_size, stream_write);

        if (sent < 0)
            return sent;
        total += piece_size;
    }
    return (int64_t)total;
}

static int64_t send_last_piece(Stream *stream, const OpenFile *file, uint64_t offset, uint64_t size)
{
    size_t piece_size = size < LAST_PIECE_SIZE ? (size_t)size : LAST_PIECE_SIZE;

    return send_piece(stream, file, offset, piece_size, stream_write_later);
}

int64_t stream_send_file(Stream *stream, const OpenFile *file, uint64_t offset, uint64_t size)
{
    size_t turn_size = size < TURN_SIZE ? (size_t)size : TURN_SIZE;
    int64_t sent, last;

    if (stream->failure < 0)
        return stream->failure;
    if (stream->is_shut_down)
        return ERR_CLOSED;
    if (stream->sending != NULL)
        return 0;
    sent = stream->filter == NULL ? send_from_kernel(stream, file, offset, turn_size)
                                  : send_filtered(stream, file, offset, turn_size);
    if (sent < 0 || (uint64_t)sent == size || stream->sending != NULL)
        return sent;
    last = send_last_piece(stream, file, offset + (uint64_t)sent, size - (uint64_t)sent);
    return last < 0 ? last : sent + last;
}
