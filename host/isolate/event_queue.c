#include "isolate/event_queue.h"

#include "base/error.h"
#include "base/memory.h"

enum { FIRST_RING_SIZE = 8 };

void event_queue_init(EventQueue *queue, size_t limit)
{
    *queue = (EventQueue){.limit = limit};
}

void event_queue_deinit(EventQueue *queue)
{
    Event event;

    while (event_queue_pop(queue, &event))
        memory_free(event.bytes);
    memory_free(queue->ring);
    queue->ring = NULL;
    queue->ring_size = 0;
}

static void grow(EventQueue *queue)
{
    size_t new_size = queue->ring_size == 0 ? FIRST_RING_SIZE : queue->ring_size * 2;
    Event *ring = memory_alloc(new_size * sizeof *ring);

    for (size_t i = 0; i < queue->count; i++)
        ring[i] = queue->ring[(queue->first + i) & (queue->ring_size - 1)];
    memory_free(queue->ring);
    queue->ring = ring;
    queue->ring_size = new_size;
    queue->first = 0;
}

int event_queue_push(EventQueue *queue, Event event)
{
    if (queue->count >= queue->limit) {
        memory_free(event.bytes);
        return ERR_FULL;
    }
    event_queue_append(queue, event);
    return 0;
}

void event_queue_append(EventQueue *queue, Event event)
{
    if (queue->count == queue->ring_size)
        grow(queue);
    queue->ring[(queue->first + queue->count) & (queue->ring_size - 1)] = event;
    queue->count++;
}

bool event_queue_pop(EventQueue *queue, Event *out)
{
    if (queue->count == 0)
        return false;
    *out = queue->ring[queue->first];
    queue->first = (queue->first + 1) & (queue->ring_size - 1);
    queue->count--;
    return true;
}
