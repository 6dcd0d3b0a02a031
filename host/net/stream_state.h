/* Private to net/: what a Stream is, and what its files ask of each other.
 * stream.c connects, reads and closes; stream_write.c sends bytes and stream_file.c pieces of
 * files. */
#ifndef PERIGEE_NET_STREAM_STATE_H
#define PERIGEE_NET_STREAM_STATE_H

#include <uv.h>

#include "base/buffer.h"
#include "net/stream.h"

/* What libuv is sending. Only a stream whose peer reads slowly has one, so that idle streams stay
 * small. */
typedef struct Sending {
    uv_write_t request;
    Buffer bytes;
} Sending;

struct Stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe; /* unix sockets */
    } uv;
    Loop *loop;
    const StreamHandler *handler;
    void *owner;
    Filter *filter;        /* NULL: what is written is what is sent */
    Sending *sending;      /* NULL while the kernel took everything */
    Buffer waiting;        /* written while `sending` was under way */
    uint64_t written_size; /* bytes to be sent since the stream was made */
    int failure;           /* of writing; what every further write returns */
    bool is_connecting;
    bool is_reading;   /* wanted by the owner; it takes effect once connected */
    bool has_refused;  /* to read since reading was stopped */
    bool has_ended;    /* on_end was told */
    bool is_shut_down; /* by the owner; the FIN follows what is unsent */
    Address peer;
};

/* A filter is given so much of a large write at once, so that what it makes of it does not exist as
 * a whole besides. */
enum { FILTERED_SIZE = 64 * 1024 };

/* Sends what a filter made and frees it. */
int stream_send_wire(Stream *stream, Buffer *wire);

/* As stream_write, for at most FILTERED_SIZE bytes while nothing is unsent; on_drain comes in any
 * case, on a later turn. */
int stream_write_later(Stream *stream, const void *bytes, size_t size);

/* Nothing more can be written, because of `status`. */
void stream_fail_writing(Stream *stream, int status);

/* Everything is out that the FIN had to wait for. */
void stream_finish_shutdown(Stream *stream);

#endif
