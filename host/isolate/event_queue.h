/* EventQueue: first in, first out; a ring that grows. Work that nobody has begun yet is bounded
 * here. What comes of work that was taken is bounded by that, and never refused: whoever waits for
 * it would wait for ever. */
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

/* For new work. Takes ownership of event.bytes, also on failure. ERR_FULL while `limit` events or
 * more wait, whatever they are. */
int event_queue_push(EventQueue *queue, Event event);

/* For what comes of work that was taken. Takes ownership of event.bytes. */
void event_queue_append(EventQueue *queue, Event event);

/* False when it is empty. The caller owns out->bytes. */
bool event_queue_pop(EventQueue *queue, Event *out);

#endif
