/* Expiry: many entries, few timeouts. Entries with the same timeout stand on one list in the order
 * they entered, so the first to expire is in front and nothing is ever searched or sorted. It has
 * no clock: times come in as arguments and never go back. */
#ifndef PERIGEE_SERVER_EXPIRY_H
#define PERIGEE_SERVER_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/* What an entry waits for. */
enum {
    EXPIRY_NONE,   /* nothing that could take too long */
    EXPIRY_HEAD,   /* the rest of a request head */
    EXPIRY_BODY,   /* more of a body */
    EXPIRY_WARM,   /* the next request, soon after the last */
    EXPIRY_IDLE,   /* the next request */
    EXPIRY_WRITE,  /* the peer to take bytes */
    EXPIRY_LINGER, /* the peer to close, when all was said */
    EXPIRY_LAST,   /* one more request, before the connection is closed */
    EXPIRY_KIND_COUNT
};

typedef struct ExpiryEntry {
    List node;
    uint64_t since_ms;
    uint8_t kind;
} ExpiryEntry;

typedef struct Expiry {
    List lists[EXPIRY_KIND_COUNT];
    uint64_t timeouts_ms[EXPIRY_KIND_COUNT]; /* 0 for none */
} Expiry;

/* An entry must be inited once, then may enter and leave at will; entering again moves it to the
 * back. */
void expiry_init(Expiry *expiry, const uint64_t timeouts_ms[EXPIRY_KIND_COUNT]);
void expiry_init_entry(ExpiryEntry *entry);
void expiry_enter(Expiry *expiry, ExpiryEntry *entry, int kind, uint64_t now_ms);
void expiry_leave(ExpiryEntry *entry);

/* An entry whose time is over, or NULL. It stays where it is until it leaves or enters again. */
ExpiryEntry *expiry_first(const Expiry *expiry, uint64_t now_ms);

/* Any entry, or NULL. */
ExpiryEntry *expiry_any(const Expiry *expiry);

/* How often to look: a quarter of the smallest timeout, from 10 to 500 ms. */
uint64_t expiry_tick_ms(const Expiry *expiry);

#endif
