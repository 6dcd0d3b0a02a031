#include "base/hop.h"

#include <string.h>

enum { MOST_DIGITS = 8 };

/* Of a wait that is over already, which is not the same as none. */
static const double least_wait_s = 1e-9;

/* The number of `size` digits; -1 when that is not what they are. */
static double read_number(const char *digits, size_t size)
{
    double number = 0;

    if (size == 0 || size > MOST_DIGITS)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return -1;
        number = number * 10 + (digits[i] - '0');
    }
    return number;
}

/* In seconds; 0 when it is none. */
static double unit_of(char letter)
{
    switch (letter) {
    case 'H':
        return 3600;
    case 'M':
        return 60;
    case 'S':
        return 1;
    case 'm':
        return 1e-3;
    case 'u':
        return 1e-6;
    case 'n':
        return 1e-9;
    default:
        return 0;
    }
}

void hop_limit_wait(Hop *hop, double seconds)
{
    if (seconds < least_wait_s)
        seconds = least_wait_s;
    if (hop->wait_s == 0 || seconds < hop->wait_s)
        hop->wait_s = seconds;
}

void hop_read_wait(Hop *hop, const char *text, size_t size)
{
    double count = size > 0 ? read_number(text, size - 1) : -1;
    double unit_s = size > 0 ? unit_of(text[size - 1]) : 0;

    if (count >= 0 && unit_s > 0)
        hop_limit_wait(hop, count * unit_s);
}

void hop_read_attempts(Hop *hop, const char *text, size_t size)
{
    double count = read_number(text, size);

    if (count > hop->previous_attempts)
        hop->previous_attempts = (uint32_t)count;
}

/* Versions to come may append to what is known, behind another dash. */
static bool is_complete(const char *text, size_t size)
{
    return size == HOP_TRACE_SIZE ||
           (size > HOP_TRACE_SIZE && text[HOP_TRACE_SIZE] == '-' && memcmp(text, "00", 2) != 0);
}

void hop_read_trace(Hop *hop, const char *text, size_t size)
{
    hop->has_other_trace |= hop->trace[0] != '\0';
    if (is_complete(text, size) && !hop->has_other_trace)
        memcpy(hop->trace, text, HOP_TRACE_SIZE);
    else
        hop->trace[0] = '\0';
}

bool hop_is_sampled(const Hop *hop)
{
    return hop->trace[0] != '\0' && strchr("13579bdf", hop->trace[HOP_TRACE_SIZE - 1]) != NULL;
}

void hop_limit_by(Hop *hop, const Hop *other)
{
    if (other->wait_s > 0)
        hop_limit_wait(hop, other->wait_s);
    if (other->previous_attempts > hop->previous_attempts)
        hop->previous_attempts = other->previous_attempts;
    if (hop->trace[0] == '\0')
        memcpy(hop->trace, other->trace, sizeof hop->trace);
}
