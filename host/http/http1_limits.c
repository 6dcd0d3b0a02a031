/* The limits a server starts with. */
#include "http/http1_limits.h"

const Http1Limits http1_default_limits = HTTP1_DEFAULT_LIMITS;
