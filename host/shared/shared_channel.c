#include "shared/shared_channel.h"

#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "shared/shared_lock.h"

/* Where the ring's content begins and ends: bytes and messages since the beginning of time. */
typedef struct Span {
    uint64_t sent_size;
    uint64_t received_size;
    uint64_t sent_count;
    uint64_t received_count;
} Span;

typedef struct Head {
    pthread_mutex_t lock;
    /* The one that counts is changed by one store, so that a process which dies in the middle has
     * either sent its message or not. */
    Span spans[2];
    _Atomic uint32_t current;
    _Atomic uint32_t is_closed;
    SharedWaiters receivers; /* who found no message */
    SharedWaiters senders;   /* who found no room */
} Head;

enum { RING_ALIGNMENT = 64 };

static size_t ring_offset(void)
{
    return (sizeof(Head) + RING_ALIGNMENT - 1) / RING_ALIGNMENT * RING_ALIGNMENT;
}

static Head *head_of(const SharedChannel *channel)
{
    return (Head *)(void *)channel->bytes;
}

static char *ring_of(const SharedChannel *channel)
{
    return channel->bytes + ring_offset();
}

static int init(const SharedRegion *region, const SharedObject *object)
{
    Head *head = (Head *)(void *)(region->bytes + object->offset);

    memset(head, 0, sizeof *head);
    return shared_lock_init(&head->lock);
}

int shared_channel_add(const SharedRegion *region, const char *name, uint32_t capacity,
                       uint32_t ring_size)
{
    SharedObject object = {
        .kind = SHARED_CHANNEL,
        .shape = {.entry_count = capacity, .value_size = ring_size},
        .size = ring_offset() + ring_size,
    };
    size_t name_size = strlen(name);

    if (capacity == 0 || capacity > SHARED_CHANNEL_CAPACITY_LIMIT ||
        ring_size < SHARED_CHANNEL_SIZE_MIN || ring_size > SHARED_CHANNEL_SIZE_LIMIT ||
        name_size >= sizeof object.name)
        return ERR_INVALID;
    memcpy(object.name, name, name_size);
    return shared_region_add(region, &object, init);
}

int shared_channel_open(const SharedRegion *region, uint32_t number, SharedChannel *out)
{
    SharedObject object;

    if (shared_region_read(region, number, &object) < 0 || object.kind != SHARED_CHANNEL ||
        object.shape.value_size == 0 || object.size < ring_offset() + object.shape.value_size)
        return ERR_INVALID;
    *out = (SharedChannel){
        .bytes = region->bytes + object.offset,
        .capacity = object.shape.entry_count,
        .ring_size = object.shape.value_size,
    };
    return 0;
}

static void note(SharedWaiters *waiters, uint32_t number)
{
    waiters->words[number / 64 % (SHARED_WAITER_LIMIT / 64)] |= UINT64_C(1) << number % 64;
}

/* Whoever dies in the middle has told some of them, or all: the others stay noted. */
static void release(SharedWaiters *waiters, SharedWaiters *released)
{
    for (size_t i = 0; i < SHARED_WAITER_LIMIT / 64; i++) {
        released->words[i] |= waiters->words[i];
        waiters->words[i] = 0;
    }
}

/* Takes the lock and copies the span. */
static int enter(const SharedChannel *channel, Span *out)
{
    Head *head = head_of(channel);
    int result = shared_lock_acquire(&head->lock);

    if (result < 0)
        return result;
    *out = head->spans[atomic_load_explicit(&head->current, memory_order_relaxed) & 1];
    if (out->sent_size - out->received_size <= channel->ring_size)
        return 0;
    shared_lock_release(&head->lock);
    return ERR_INVALID;
}

static void publish(Head *head, const Span *span)
{
    uint32_t next = ~atomic_load_explicit(&head->current, memory_order_relaxed) & 1;

    head->spans[next] = *span;
    atomic_store_explicit(&head->current, next, memory_order_release);
}

static void write_ring(const SharedChannel *channel, uint64_t at, const void *bytes, size_t size)
{
    size_t offset = (size_t)(at % channel->ring_size);
    size_t first_size = channel->ring_size - offset < size ? channel->ring_size - offset : size;

    memcpy(ring_of(channel) + offset, bytes, first_size);
    memcpy(ring_of(channel), (const char *)bytes + first_size, size - first_size);
}

static void read_ring(const SharedChannel *channel, uint64_t at, void *bytes, size_t size)
{
    size_t offset = (size_t)(at % channel->ring_size);
    size_t first_size = channel->ring_size - offset < size ? channel->ring_size - offset : size;

    memcpy(bytes, ring_of(channel) + offset, first_size);
    memcpy((char *)bytes + first_size, ring_of(channel), size - first_size);
}

static bool has_room(const SharedChannel *channel, const Span *span, size_t size)
{
    uint64_t free_size = channel->ring_size - (span->sent_size - span->received_size);

    return span->sent_count - span->received_count < channel->capacity &&
           size + SHARED_CHANNEL_OVERHEAD <= free_size;
}

static int check_push(const SharedChannel *channel, const Span *span, size_t size,
                      SharedParty *party)
{
    Head *head = head_of(channel);

    if (atomic_load_explicit(&head->is_closed, memory_order_relaxed))
        return ERR_CLOSED;
    if (size > channel->ring_size - SHARED_CHANNEL_OVERHEAD)
        return ERR_TOO_LARGE;
    if (has_room(channel, span, size))
        return 0;
    note(&head->senders, party->number);
    return ERR_AGAIN;
}

int shared_channel_push(const SharedChannel *channel, const char *bytes, size_t size,
                        SharedParty *party)
{
    Head *head = head_of(channel);
    uint32_t header = (uint32_t)size;
    Span span;
    int result = enter(channel, &span);

    if (result < 0)
        return result;
    if ((result = check_push(channel, &span, size, party)) == 0) {
        write_ring(channel, span.sent_size, &header, sizeof header);
        write_ring(channel, span.sent_size + sizeof header, bytes, size);
        span.sent_size += sizeof header + size;
        span.sent_count++;
        publish(head, &span);
        release(&head->receivers, &party->receivers);
    }
    shared_lock_release(&head->lock);
    return result;
}

static int check_pop(const SharedChannel *channel, const Span *span, SharedParty *party)
{
    Head *head = head_of(channel);

    if (span->sent_count != span->received_count)
        return 0;
    if (atomic_load_explicit(&head->is_closed, memory_order_relaxed))
        return ERR_CLOSED;
    note(&head->receivers, party->number);
    return ERR_AGAIN;
}

/* Copies the oldest message out and moves the span behind it. */
static int take_oldest(const SharedChannel *channel, Span *span, Buffer *out)
{
    uint64_t left_size = span->sent_size - span->received_size;
    uint32_t size = 0;

    read_ring(channel, span->received_size, &size, sizeof size);
    if (left_size < sizeof size || size > left_size - sizeof size)
        return ERR_INVALID;
    read_ring(channel, span->received_size + sizeof size, buffer_reserve(out, size), size);
    buffer_grow(out, size);
    span->received_size += sizeof size + size;
    span->received_count++;
    return 0;
}

int shared_channel_pop(const SharedChannel *channel, Buffer *out, SharedParty *party)
{
    Head *head = head_of(channel);
    Span span;
    int result = enter(channel, &span);

    if (result < 0)
        return result;
    if ((result = check_pop(channel, &span, party)) == 0 &&
        (result = take_oldest(channel, &span, out)) == 0) {
        publish(head, &span);
        release(&head->senders, &party->senders);
    }
    shared_lock_release(&head->lock);
    return result;
}

static int answer(const SharedChannel *channel, int result)
{
    shared_lock_release(&head_of(channel)->lock);
    return result == ERR_AGAIN ? 0 : result < 0 ? result : 1;
}

int shared_channel_ask_push(const SharedChannel *channel, size_t size, SharedParty *party)
{
    Span span;
    int result = enter(channel, &span);

    return result < 0 ? result : answer(channel, check_push(channel, &span, size, party));
}

int shared_channel_ask_pop(const SharedChannel *channel, SharedParty *party)
{
    Span span;
    int result = enter(channel, &span);

    return result < 0 ? result : answer(channel, check_pop(channel, &span, party));
}

int shared_channel_close(const SharedChannel *channel, SharedParty *party)
{
    Head *head = head_of(channel);
    Span span;
    int result = enter(channel, &span);

    if (result < 0)
        return result;
    if (atomic_exchange(&head->is_closed, 1) != 0)
        result = ERR_CLOSED;
    release(&head->receivers, &party->receivers);
    release(&head->senders, &party->senders);
    shared_lock_release(&head->lock);
    return result;
}

int shared_channel_reopen(const SharedChannel *channel)
{
    Head *head = head_of(channel);
    Span span;
    int result = enter(channel, &span);

    if (result < 0)
        return result;
    if (span.sent_count == span.received_count)
        atomic_store(&head->is_closed, 0);
    shared_lock_release(&head->lock);
    return 0;
}

int shared_channel_read(const SharedChannel *channel, SharedChannelState *out)
{
    Head *head = head_of(channel);
    Span span;
    int result = enter(channel, &span);

    if (result < 0)
        return result;
    *out = (SharedChannelState){
        .count = span.sent_count - span.received_count,
        .size = span.sent_size - span.received_size,
        .sent_count = span.sent_count,
        .is_closed = atomic_load(&head->is_closed) != 0,
    };
    shared_lock_release(&head->lock);
    return 0;
}
