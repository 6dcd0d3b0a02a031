/* EventQueue: first in, first out, bounded. A ring that grows up to its bound. */
#ifndef PERIGEE_ISOLATE_EVENT_QUEUE_H
#define PERIGEE_ISOLATE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "isolate/event.h"

typedef struct EventQueue {
    Event *ring;
    size_t ring_size; /* a power of two, or 0 */
    size_t first;
    size_t count;
    size_t limit;
} EventQueue;

void event_queue_init(EventQueue *queue, size_t limit);
void event_queue_deinit(EventQueue *queue);

/* Takes ownership of event.bytes, also on failure. ERR_FULL at the limit. */
int event_queue_push(EventQueue *queue, Event event);

/* False when it is empty. The caller owns out->bytes. */
bool event_queue_pop(EventQueue *queue, Event *out);

#endif
