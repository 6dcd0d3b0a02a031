/* Hop: what a request tells whoever answers it about the one who asks: how long that one waits, and
 * whether it has asked before. Texts that say neither are passed over: they come from strangers. */
#ifndef PERIGEE_BASE_HOP_H
#define PERIGEE_BASE_HOP_H

#include <stddef.h>
#include <stdint.h>

/* All zero when nothing was said. */
typedef struct Hop {
    double wait_s; /* from when it was read; 0 for no end */
    uint32_t previous_attempts;
} Hop;

/* Takes a text such as "1500m": up to eight digits, and H, M, S, m, u or n (gRPC's grpc-timeout).
 * Of several the shortest counts. */
void hop_read_wait(Hop *hop, const char *text, size_t size);

/* Takes a number of up to eight digits; of several the largest counts. */
void hop_read_attempts(Hop *hop, const char *text, size_t size);

/* Waits no longer than `seconds`; below 0 is none at all. */
void hop_limit_wait(Hop *hop, double seconds);

/* Takes what another says, too: the shorter wait, and the most attempts. */
void hop_limit_by(Hop *hop, const Hop *other);

#endif
