/* SharedChannel: a bounded queue of messages in a SharedRegion. Whoever maps the region may send
 * and receive; what is in the channel belongs to no process, so none takes it along when it dies.
 *
 * Nothing waits here. Who finds no message or no room is noted by its number, and whoever changes
 * that learns the numbers of all that were noted, to wake them. */
#ifndef PERIGEE_SHARED_SHARED_CHANNEL_H
#define PERIGEE_SHARED_SHARED_CHANNEL_H

#include <stdbool.h>

#include "base/buffer.h"
#include "shared/shared_region.h"

enum {
    SHARED_CHANNEL_CAPACITY_LIMIT = 1024 * 1024, /* messages */
    SHARED_CHANNEL_SIZE_MIN = 4096,              /* bytes of messages */
    SHARED_CHANNEL_SIZE_LIMIT = 64 * 1024 * 1024,
    SHARED_CHANNEL_OVERHEAD = 4, /* bytes that each message takes besides its own */
    SHARED_WAITER_LIMIT = 256,
};

/* A checked view. */
typedef struct SharedChannel {
    char *bytes;
    uint32_t capacity;
    uint32_t ring_size;
} SharedChannel;

/* A set of waiters' numbers. */
typedef struct SharedWaiters {
    uint64_t words[SHARED_WAITER_LIMIT / 64];
} SharedWaiters;

/* Who asks, and whom an operation has set free. Both sets are added to. */
typedef struct SharedParty {
    uint32_t number; /* below SHARED_WAITER_LIMIT */
    SharedWaiters receivers;
    SharedWaiters senders;
} SharedParty;

typedef struct SharedChannelState {
    uint64_t count; /* messages in it */
    uint64_t size;  /* bytes they take */
    uint64_t sent_count;
    bool is_closed;
} SharedChannelState;

/* The number of the channel of that name, with room for `capacity` messages of `ring_size` bytes
 * together, as shared_region_add. ERR_INVALID when these are beyond the limits. */
int shared_channel_add(const SharedRegion *region, const char *name, uint32_t capacity,
                       uint32_t ring_size);

/* ERR_INVALID when that number is no channel's. */
int shared_channel_open(const SharedRegion *region, uint32_t number, SharedChannel *out);

/* 0; ERR_AGAIN: it is full, and party->number is noted; ERR_CLOSED; ERR_TOO_LARGE: it would never
 * fit; ERR_TIMEOUT: a stopped process holds the lock; ERR_INVALID: the memory was damaged. */
int shared_channel_push(const SharedChannel *channel, const char *bytes, size_t size,
                        SharedParty *party);

/* Appends the oldest message to `out`. 0; ERR_AGAIN: there is none, and party->number is noted;
 * ERR_CLOSED: there is none and never will be; or as shared_channel_push. */
int shared_channel_pop(const SharedChannel *channel, Buffer *out, SharedParty *party);

/* No more can be sent; what is in it can still be received. 0; ERR_CLOSED when it was closed
 * before; ERR_TIMEOUT. */
int shared_channel_close(const SharedChannel *channel, SharedParty *party);

/* Begins anew when it is closed and empty, so that its name can be used again. */
int shared_channel_reopen(const SharedChannel *channel);

/* Whether a push of so many bytes, or a pop, would not be ERR_AGAIN; if it would, party->number is
 * noted for that. 1 or 0, or a negative code as above. */
int shared_channel_ask_push(const SharedChannel *channel, size_t size, SharedParty *party);
int shared_channel_ask_pop(const SharedChannel *channel, SharedParty *party);

/* 0, or ERR_TIMEOUT or ERR_INVALID. */
int shared_channel_read(const SharedChannel *channel, SharedChannelState *out);

#endif
