/* Pattern: the patterns of Lua 5.1, as LuaJIT has them, in steps: a match that takes long can be
 * put aside and gone on with, so that it can be cut like any other work. What is found, and what is
 * an error, is what string.find of LuaJIT says. Nothing is allocated. */
#ifndef PERIGEE_ISOLATE_PATTERN_H
#define PERIGEE_ISOLATE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATTERN_MOST_CAPTURES = 32, PATTERN_MOST_CHOICES = 199 };

/* In place of a length. */
enum { PATTERN_UNFINISHED = -1, PATTERN_POSITION = -2 };

typedef struct PatternCapture {
    const char *first;
    ptrdiff_t size;
} PatternCapture;

/* What can be tried when the rest does not match. */
typedef struct PatternChoice {
    uint8_t kind;
    const char *s;    /* in the subject */
    const char *item; /* in the pattern */
    const char *item_end;
    ptrdiff_t count;
} PatternChoice;

typedef struct PatternMatch {
    const char *subject, *subject_end;
    const char *pattern;
    bool is_anchored;
    const char *error; /* why a pattern is none */
    const char *first; /* where the match begins that is tried, or was found */
    const char *s;     /* behind it, once it was found */
    const char *p;
    uint8_t state;
    ptrdiff_t balance; /* open ends of %b */
    int capture_count;
    int choice_count;
    PatternCapture captures[PATTERN_MOST_CAPTURES];
    PatternChoice choices[PATTERN_MOST_CHOICES];
} PatternMatch;

typedef enum PatternResult {
    PATTERN_NONE,
    PATTERN_FOUND,
    PATTERN_AGAIN, /* the steps were used up: call again */
    PATTERN_ERROR,
} PatternResult;

/* Looks from `start` on. `pattern` ends with a NUL, as it does in Lua; both it and the subject stay
 * where they are. */
void pattern_begin(PatternMatch *match, const char *subject, size_t size, const char *pattern,
                   size_t start);

/* A "^" at the beginning of the pattern means itself; before the first pattern_run. */
void pattern_float(PatternMatch *match);

/* Goes on for so many steps, of some nanoseconds each, and counts them off. */
PatternResult pattern_run(PatternMatch *match, size_t *steps);

/* Whether a text has nothing in it that means anything but itself. */
bool pattern_is_plain(const char *pattern, size_t size);

#endif
