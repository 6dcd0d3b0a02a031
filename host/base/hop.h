/* Hop: what a request tells whoever answers it about the one who asks: how long that one waits,
 * whether it has asked before, and of which trace it is a part. Texts that say nothing of that are
 * passed over: they come from strangers. */
#ifndef PERIGEE_BASE_HOP_H
#define PERIGEE_BASE_HOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOP_TRACE_SIZE = 55 };

/* All zero when nothing was said. */
typedef struct Hop {
    double wait_s; /* from when it was read; 0 for no end */
    uint32_t previous_attempts;
    bool has_other_trace;           /* which of them is meant nobody can tell, so it is none */
    char trace[HOP_TRACE_SIZE + 1]; /* W3C traceparent, as version 00 has it; "" for none */
} Hop;

/* Takes a text such as "1500m": up to eight digits, and H, M, S, m, u or n (gRPC's grpc-timeout).
 * Of several the shortest counts. */
void hop_read_wait(Hop *hop, const char *text, size_t size);

/* Takes a number of up to eight digits; of several the largest counts. */
void hop_read_attempts(Hop *hop, const char *text, size_t size);

/* Takes a traceparent; of several none is valid. Its digits are looked at by who uses it. */
void hop_read_trace(Hop *hop, const char *text, size_t size);

/* Whether the one who asks records its part of the trace, and wants the others recorded. */
bool hop_is_sampled(const Hop *hop);

/* Waits no longer than `seconds`; below 0 is none at all. */
void hop_limit_wait(Hop *hop, double seconds);

/* Takes what another says, too: the shorter wait, the most attempts, and its trace if there is none
 * yet. */
void hop_limit_by(Hop *hop, const Hop *other);

#endif
