#include "isolate/pattern.h"

#include <string.h>

/* BATCH bytes at once count as one step where there is little to do for each. */
enum { ESCAPE = '%', BATCH = 64 };

/* What the match is at. */
enum { AT_ITEM, AT_COUNTING, AT_BALANCE, AT_FAILURE };

enum { GREEDY, LAZY, OPTIONAL, OPENED, CLOSED };

/* How an item went: the match goes on with the next, has failed here, is complete or an error. */
typedef enum Outcome { GO_ON, FAIL, COMPLETE, ERROR } Outcome;

static int byte_at(const char *s)
{
    return (unsigned char)*s;
}

static Outcome refuse(PatternMatch *match, const char *error)
{
    match->error = error;
    return ERROR;
}

/* Returns the end of a set, NULL when it has none. */
static const char *set_end(const char *p)
{
    if (*p == '^')
        p++;
    do {
        if (*p == '\0')
            return NULL;
        if (*p++ == ESCAPE && *p != '\0')
            p++;
    } while (*p != ']');
    return p + 1;
}

/* Returns the end of the single item that begins at `p`; NULL with an error. */
static const char *item_end(PatternMatch *match, const char *p)
{
    const char *end;

    if (*p == ESCAPE && p[1] == '\0') {
        match->error = "malformed pattern (ends with '%')";
        return NULL;
    }
    if (*p == ESCAPE)
        return p + 2;
    if (*p != '[')
        return p + 1;
    end = set_end(p + 1);
    if (end == NULL)
        match->error = "malformed pattern (missing ']')";
    return end;
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(int c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_in_class(int c, int class)
{
    bool is_in;

    switch (class | 0x20) {
    case 'a':
        is_in = is_letter(c);
        break;
    case 'c':
        is_in = c < 0x20 || c == 0x7f;
        break;
    case 'd':
        is_in = is_digit(c);
        break;
    case 'g':
        is_in = c > 0x20 && c < 0x7f;
        break;
    case 'l':
        is_in = c >= 'a' && c <= 'z';
        break;
    case 'p':
        is_in = c > 0x20 && c < 0x7f && !is_alphanumeric(c);
        break;
    case 's':
        is_in = c == ' ' || (c >= '\t' && c <= '\r');
        break;
    case 'u':
        is_in = c >= 'A' && c <= 'Z';
        break;
    case 'w':
        is_in = is_alphanumeric(c);
        break;
    case 'x':
        is_in = is_digit(c) || (is_letter(c) && (c | 0x20) <= 'f');
        break;
    case 'z':
        is_in = c == 0;
        break;
    default:
        return class == c;
    }
    if (class >= 'a')
        return is_in;
    return class >= 'A' ? !is_in : class == c;
}

/* `last` is the bracket that closes the set which `p` opens. */
static bool is_in_set(int c, const char *p, const char *last)
{
    bool is_listed = true;

    if (p[1] == '^') {
        is_listed = false;
        p++;
    }
    while (++p < last) {
        if (*p == ESCAPE) {
            p++;
            if (is_in_class(c, byte_at(p)))
                return is_listed;
        } else if (p[1] == '-' && p + 2 < last) {
            p += 2;
            if (byte_at(p - 2) <= c && c <= byte_at(p))
                return is_listed;
        } else if (byte_at(p) == c) {
            return is_listed;
        }
    }
    return !is_listed;
}

static bool is_single(const PatternMatch *match, const char *s, const char *p, const char *end)
{
    if (s >= match->subject_end)
        return false;
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return is_in_class(byte_at(s), byte_at(p + 1));
    case '[':
        return is_in_set(byte_at(s), p, end - 1);
    default:
        return *p == *s;
    }
}

static Outcome push_choice(PatternMatch *match, PatternChoice choice)
{
    if (match->choice_count == PATTERN_MOST_CHOICES)
        return refuse(match, "pattern too complex");
    match->choices[match->choice_count++] = choice;
    return GO_ON;
}

static Outcome open_capture(PatternMatch *match, ptrdiff_t size)
{
    if (match->capture_count == PATTERN_MOST_CAPTURES)
        return refuse(match, "too many captures");
    match->captures[match->capture_count++] = (PatternCapture){match->s, size};
    match->p += size == PATTERN_POSITION ? 2 : 1;
    return push_choice(match, (PatternChoice){.kind = OPENED});
}

static Outcome close_capture(PatternMatch *match)
{
    int i = match->capture_count - 1;

    while (i >= 0 && match->captures[i].size != PATTERN_UNFINISHED)
        i--;
    if (i < 0)
        return refuse(match, "invalid pattern capture");
    match->captures[i].size = match->s - match->captures[i].first;
    match->p++;
    return push_choice(match, (PatternChoice){.kind = CLOSED, .count = i});
}

static Outcome match_capture(PatternMatch *match, int i)
{
    size_t size;

    if (i < 0 || i >= match->capture_count || match->captures[i].size == PATTERN_UNFINISHED)
        return refuse(match, "invalid capture index");
    /* A position is none that could be repeated: its length is larger than any subject. */
    size = (size_t)match->captures[i].size;
    if ((size_t)(match->subject_end - match->s) < size ||
        memcmp(match->captures[i].first, match->s, size) != 0)
        return FAIL;
    match->s += size;
    match->p += 2;
    return GO_ON;
}

static Outcome match_frontier(PatternMatch *match)
{
    const char *set = match->p + 2, *end;
    int before = match->s == match->subject ? '\0' : byte_at(match->s - 1);

    if (*set != '[')
        return refuse(match, "missing '[' after '%f' in pattern");
    if ((end = item_end(match, set)) == NULL)
        return ERROR;
    if (is_in_set(before, set, end - 1) || !is_in_set(byte_at(match->s), set, end - 1))
        return FAIL;
    match->p = end;
    return GO_ON;
}

static Outcome begin_balance(PatternMatch *match)
{
    const char *p = match->p + 2;

    if (p[0] == '\0' || p[1] == '\0')
        return refuse(match, "unbalanced pattern");
    if (*match->s != *p)
        return FAIL;
    match->balance = 1;
    match->state = AT_BALANCE;
    return GO_ON;
}

/* Looks at the next bytes. */
static Outcome step_balance(PatternMatch *match)
{
    const char *p = match->p + 2;

    for (int i = 0; i < BATCH; i++) {
        if (++match->s >= match->subject_end)
            return FAIL;
        if (*match->s == p[1]) {
            if (--match->balance > 0)
                continue;
            match->s++;
            match->p += 4;
            match->state = AT_ITEM;
            return GO_ON;
        }
        match->balance += *match->s == p[0];
    }
    return GO_ON;
}

static Outcome begin_counting(PatternMatch *match, const char *s, const char *end)
{
    match->state = AT_COUNTING;
    /* Its choice is pushed when the count is known, as far as "too complex" goes. */
    if (match->choice_count == PATTERN_MOST_CHOICES)
        return refuse(match, "pattern too complex");
    match->choices[match->choice_count] =
        (PatternChoice){.kind = GREEDY, .s = s, .item = match->p, .item_end = end};
    return GO_ON;
}

/* Looks how often the item matches on. */
static Outcome step_counting(PatternMatch *match)
{
    PatternChoice *choice = &match->choices[match->choice_count];

    ptrdiff_t most = choice->count + BATCH;

    while (is_single(match, choice->s + choice->count, choice->item, choice->item_end)) {
        if (++choice->count == most)
            return GO_ON;
    }
    match->choice_count++;
    match->s = choice->s + choice->count;
    match->p = choice->item_end + 1;
    match->state = AT_ITEM;
    return GO_ON;
}

static Outcome match_single(PatternMatch *match)
{
    const char *p = match->p, *end = item_end(match, p);
    PatternChoice choice = {.s = match->s, .item = p, .item_end = end};
    bool is_matched;

    if (end == NULL)
        return ERROR;
    if (*end == '*')
        return begin_counting(match, match->s, end);
    if (*end == '-') {
        choice.kind = LAZY;
        match->p = end + 1;
        return push_choice(match, choice);
    }
    is_matched = is_single(match, match->s, p, end);
    if (*end == '+')
        return is_matched ? begin_counting(match, match->s + 1, end) : FAIL;
    if (*end == '?') {
        choice.kind = OPTIONAL;
        match->p = end + 1;
        match->s += is_matched;
        return is_matched ? push_choice(match, choice) : GO_ON;
    }
    match->s++;
    match->p = end;
    return is_matched ? GO_ON : FAIL;
}

static Outcome match_escape(PatternMatch *match)
{
    int c = byte_at(match->p + 1);

    if (c == 'b')
        return begin_balance(match);
    if (c == 'f')
        return match_frontier(match);
    if (c >= '0' && c <= '9')
        return match_capture(match, c - '1');
    return match_single(match);
}

static Outcome match_item(PatternMatch *match)
{
    switch (*match->p) {
    case '(':
        return open_capture(match, match->p[1] == ')' ? PATTERN_POSITION : PATTERN_UNFINISHED);
    case ')':
        return close_capture(match);
    case ESCAPE:
        return match_escape(match);
    case '\0':
        return COMPLETE;
    case '$':
        if (match->p[1] != '\0')
            return match_single(match);
        return match->s == match->subject_end ? COMPLETE : FAIL;
    default:
        return match_single(match);
    }
}

/* Whether something is left of a choice. What is not a choice but has to be undone is undone. */
static bool is_left(PatternMatch *match, PatternChoice *choice)
{
    switch (choice->kind) {
    case GREEDY:
        return --choice->count >= 0;
    case LAZY:
        return is_single(match, choice->s++, choice->item, choice->item_end);
    case OPTIONAL:
        return true;
    case OPENED:
        match->capture_count--;
        return false;
    default:
        match->captures[choice->count].size = PATTERN_UNFINISHED;
        return false;
    }
}

/* Tries what is left of the last choice. Returns false when nothing is, and it is none any more. */
static bool retry(PatternMatch *match, PatternChoice *choice)
{
    bool is_tried = is_left(match, choice);

    if (is_tried) {
        match->s = choice->s + choice->count;
        match->p = choice->item_end + 1;
        match->state = AT_ITEM;
    }
    if (!is_tried || choice->kind == OPTIONAL)
        match->choice_count--;
    return is_tried;
}

static Outcome step(PatternMatch *match)
{
    switch (match->state) {
    case AT_ITEM:
        return match_item(match);
    case AT_COUNTING:
        return step_counting(match);
    case AT_BALANCE:
        return step_balance(match);
    default:
        return retry(match, &match->choices[match->choice_count - 1]) ? GO_ON : FAIL;
    }
}

static void begin_at(PatternMatch *match, const char *first)
{
    match->first = match->s = first;
    match->p = match->pattern;
    match->state = AT_ITEM;
    match->capture_count = match->choice_count = 0;
}

void pattern_begin(PatternMatch *match, const char *subject, size_t size, const char *pattern,
                   size_t start)
{
    match->subject = subject;
    match->subject_end = subject + size;
    match->is_anchored = *pattern == '^';
    match->pattern = pattern + match->is_anchored;
    match->error = NULL;
    begin_at(match, subject + start);
}

void pattern_float(PatternMatch *match)
{
    match->pattern -= match->is_anchored;
    match->is_anchored = false;
    begin_at(match, match->first);
}

PatternResult pattern_run(PatternMatch *match, size_t *steps)
{
    for (; *steps > 0; --*steps) {
        Outcome outcome = step(match);

        if (outcome == COMPLETE)
            return PATTERN_FOUND;
        if (outcome == ERROR)
            return PATTERN_ERROR;
        if (outcome == GO_ON)
            continue;
        if (match->choice_count > 0)
            match->state = AT_FAILURE;
        else if (match->is_anchored || match->first == match->subject_end)
            return PATTERN_NONE;
        else
            begin_at(match, match->first + 1);
    }
    return PATTERN_AGAIN;
}

bool pattern_is_plain(const char *pattern, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (pattern[i] != '\0' && strchr("^$*+?.([%-", pattern[i]) != NULL)
            return false;
    }
    return true;
}
