/* Stream: one connected byte stream (TCP or unix socket). Reads are pushed to the handler; writes
 * go to the kernel at once as far as it takes them, the rest is copied and sent when it can.
 * A filter may stand in between; what is read and written here are its plain bytes. */
#ifndef PERIGEE_NET_STREAM_H
#define PERIGEE_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/open_file.h"
#include "net/address.h"
#include "net/filter.h"
#include "os/loop.h"

typedef struct Stream Stream;

/* No callback is made from inside stream_write, stream_start or stream_close;
 * none at all after stream_close. Closing inside a callback is fine. */
typedef struct StreamHandler {
    /* stream_connect finished, or the filter of an adopted stream opened: 0 or a negative code. */
    void (*on_connect)(void *owner, int status);
    /* Bytes in the loop's read buffer: valid until the return. */
    void (*on_read)(void *owner, const char *bytes, size_t size);
    /* Nothing more comes in: ERR_EOF for an orderly end, else why; ERR_CLOSED when the socket ended
     * and the filter did not. After ERR_EOF the stream can still be written. */
    void (*on_end)(void *owner, int status);
    /* What was unsent is with the kernel now, or, with a negative status, never will be. */
    void (*on_drain)(void *owner, int status);
} StreamHandler;

/* Starts connecting. What the kernel refuses at once fails here; on_connect comes on a later turn.
 * The handler may be set before or after. What is written meanwhile waits. */
int stream_connect(Loop *loop, const Address *where, Stream **out);

/* Adopts a connected socket (closed also when this fails). */
int stream_adopt(Loop *loop, int fd, Stream **out);

/* The handler must outlive the stream, or be replaced; NULL pointers inside are skipped. */
void stream_set_handler(Stream *stream, const StreamHandler *handler, void *owner);

void stream_start_reading(Stream *stream);
void stream_stop_reading(Stream *stream);

/* Takes `filter` over, of a connected stream that has none; what was written before goes out as it
 * is. on_connect says when it is open, or on_end that there was an end before; until then a write
 * is ERR_INVALID. When it fails to open, on_connect says why, the filter is gone, and
 * the stream goes on without one: good for a last word in clear. */
void stream_set_filter(Stream *stream, Filter *filter);

/* NULL for none; borrowed. */
const Filter *stream_filter(const Stream *stream);

/* Sends or queues all `size` bytes. 0, or a negative code after which the stream is only good for
 * closing. */
int stream_write(Stream *stream, const void *bytes, size_t size);

/* The same when more is written in this turn: the kernel may wait for that and send both together,
 * so that a head does not make a packet of its own. */
int stream_write_more(Stream *stream, const void *bytes, size_t size);

/* Sends bytes of `file`, at most `size` from `offset` on, while nothing is unsent. Returns how many
 * it takes now; when that is less than `size`, on_drain tells when to go on. Or a negative code as
 * of stream_write; ERR_EOF when the file ends before, or cannot be read, which harms nothing but
 * what was to be sent. */
int64_t stream_send_file(Stream *stream, const OpenFile *file, uint64_t offset, uint64_t size);

/* Bytes the kernel has not taken yet, as the filter made them. */
size_t stream_unsent_size(const Stream *stream);

/* Bytes the kernel has taken since the stream was made: grows as the peer reads. */
uint64_t stream_sent_size(const Stream *stream);

/* Sends the filter's end and a FIN once everything unsent is out; further writes are ERR_CLOSED. */
void stream_shutdown(Stream *stream);

/* The other end; all zero when it is not known. */
const Address *stream_peer(const Stream *stream);

/* NULL is fine. Unsent bytes are dropped; the memory goes in the close callback. */
void stream_close(Stream *stream);

/* Closes with a TCP reset instead of a FIN. */
void stream_reset(Stream *stream);

#endif
