/* The limits a server starts with. */
#include "http/http1_limits.h"

const Http1Limits http1_default_limits = {
    .target_size = 8 * 1024,
    .head_size = 32 * 1024,
    .field_count = 100,
    .body_size = 1024 * 1024,
    .framing_size = 16 * 1024,
    .pipelined_count = 16,
};
