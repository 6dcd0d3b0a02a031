/* Filter: what may stand between a stream and its socket and turn bytes into other bytes, as TLS
 * does. It has no socket, no clock and makes no callbacks. Plain bytes are those of the stream's
 * owner, wire bytes those of the network.
 *
 * A filter opens first: the ends agree on how to go on, by wire bytes alone. */
#ifndef PERIGEE_NET_FILTER_H
#define PERIGEE_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

typedef struct Filter Filter;

typedef struct FilterType {
    /* Adds what is to be sent before anything has come. NULL where the peer speaks first. */
    void (*begin)(Filter *filter, Buffer *wire);
    /* Takes `size` wire bytes. Adds what they hold to `plain`, and what is to be sent because of
     * them, an alert too, to `wire`. Returns 0; ERR_EOF for the peer's orderly end; or why nothing
     * more can be decoded. */
    int (*decode)(Filter *filter, const char *bytes, size_t size, Buffer *plain, Buffer *wire);
    /* Adds the wire form of `size` > 0 plain bytes. Only while the filter is open. 0, or a code
     * after which nothing more can be encoded. */
    int (*encode)(Filter *filter, const char *bytes, size_t size, Buffer *wire);
    /* Adds what says that no more plain bytes follow. */
    void (*finish)(Filter *filter, Buffer *wire);
    void (*destroy)(Filter *filter);
} FilterType;

/* The first field of every filter. */
struct Filter {
    const FilterType *type;
    bool is_open;
};

#endif
