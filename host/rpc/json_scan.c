#include "rpc/json_scan.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* What is expected next. */
enum {
    VALUE,         /* a value */
    FIRST_ELEMENT, /* a value, or the end of the array */
    FIRST_KEY,     /* a key, or the end of the object */
    KEY,           /* a key */
    COLON,
    AFTER_VALUE, /* a comma, or the end of what is open */
    IN_STRING,   /* its value */
    IN_KEY,
    ESCAPE, /* what follows a backslash, in a string */
    KEY_ESCAPE,
    HEX, /* `pending` digits, in a string */
    KEY_HEX,
    LITERAL, /* the rest of true, false or null */
    MINUS,   /* the first digit */
    ZERO,    /* behind a 0 at the front */
    INTEGER, /* more digits */
    POINT,   /* the first digit of a fraction */
    FRACTION,
    EXPONENT,      /* a sign or a digit */
    EXPONENT_SIGN, /* the first digit of an exponent */
    EXPONENT_DIGIT,
    DONE,
};

/* What a step says. */
enum { MORE, AGAIN, ENDED, ENDED_BEFORE, BAD, DEEP };

void json_scan_init(JsonScan *scan, uint32_t depth_limit)
{
    assert(depth_limit <= JSON_DEPTH_COUNT);
    scan->state = VALUE;
    scan->depth = 0;
    scan->depth_limit = depth_limit;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int go_to(JsonScan *scan, uint8_t state)
{
    scan->state = state;
    return MORE;
}

static int open_level(JsonScan *scan, bool is_object)
{
    uint64_t bit = (uint64_t)1 << (scan->depth % 64);

    if (scan->depth == scan->depth_limit)
        return DEEP;
    if (is_object)
        scan->is_object[scan->depth / 64] |= bit;
    else
        scan->is_object[scan->depth / 64] &= ~bit;
    scan->depth++;
    return go_to(scan, is_object ? FIRST_KEY : FIRST_ELEMENT);
}

static bool is_in_object(const JsonScan *scan)
{
    uint32_t level = scan->depth - 1;

    return (scan->is_object[level / 64] >> (level % 64) & 1) != 0;
}

static int end_value(JsonScan *scan)
{
    scan->state = scan->depth == 0 ? DONE : AFTER_VALUE;
    return scan->depth == 0 ? ENDED : MORE;
}

static int close_level(JsonScan *scan)
{
    scan->depth--;
    return end_value(scan);
}

static int begin_literal(JsonScan *scan, const char *rest)
{
    scan->literal = rest;
    return go_to(scan, LITERAL);
}

static int begin_value(JsonScan *scan, char c)
{
    switch (c) {
    case '{':
        return open_level(scan, true);
    case '[':
        return open_level(scan, false);
    case '"':
        return go_to(scan, IN_STRING);
    case '-':
        return go_to(scan, MINUS);
    case '0':
        return go_to(scan, ZERO);
    case 't':
        return begin_literal(scan, "rue");
    case 'f':
        return begin_literal(scan, "alse");
    case 'n':
        return begin_literal(scan, "ull");
    default:
        return is_digit(c) ? go_to(scan, INTEGER) : BAD;
    }
}

/* Between values: white space is skipped. */
static int step_between(JsonScan *scan, char c)
{
    if (is_space(c))
        return MORE;
    switch (scan->state) {
    case FIRST_ELEMENT:
        return c == ']' ? close_level(scan) : begin_value(scan, c);
    case FIRST_KEY:
        if (c == '}')
            return close_level(scan);
        return c == '"' ? go_to(scan, IN_KEY) : BAD;
    case KEY:
        return c == '"' ? go_to(scan, IN_KEY) : BAD;
    case COLON:
        return c == ':' ? go_to(scan, VALUE) : BAD;
    case AFTER_VALUE:
        if (c == ',')
            return go_to(scan, is_in_object(scan) ? KEY : VALUE);
        return c == (is_in_object(scan) ? '}' : ']') ? close_level(scan) : BAD;
    default:
        return begin_value(scan, c);
    }
}

static int step_string(JsonScan *scan, char c)
{
    bool is_key = scan->state == IN_KEY;

    if (c == '"')
        return is_key ? go_to(scan, COLON) : end_value(scan);
    if (c == '\\')
        return go_to(scan, is_key ? KEY_ESCAPE : ESCAPE);
    return (unsigned char)c >= ' ' ? MORE : BAD;
}

static int step_escape(JsonScan *scan, char c)
{
    bool is_key = scan->state == KEY_ESCAPE;

    if (c == 'u') {
        scan->pending = 4;
        return go_to(scan, is_key ? KEY_HEX : HEX);
    }
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL ? go_to(scan, is_key ? IN_KEY : IN_STRING)
                                                        : BAD;
}

static int step_hex(JsonScan *scan, char c)
{
    if (!is_hex(c))
        return BAD;
    if (--scan->pending == 0)
        return go_to(scan, scan->state == KEY_HEX ? IN_KEY : IN_STRING);
    return MORE;
}

static int step_literal(JsonScan *scan, char c)
{
    if (c != *scan->literal)
        return BAD;
    scan->literal++;
    return *scan->literal == '\0' ? end_value(scan) : MORE;
}

/* A number ends with the byte behind it, which is looked at again. */
static int end_number(JsonScan *scan)
{
    return end_value(scan) == ENDED ? ENDED_BEFORE : AGAIN;
}

static int step_number(JsonScan *scan, char c)
{
    bool is_exponent = c == 'e' || c == 'E';

    switch (scan->state) {
    case MINUS:
        return is_digit(c) ? go_to(scan, c == '0' ? ZERO : INTEGER) : BAD;
    case ZERO:
    case INTEGER:
        if (is_digit(c) && scan->state == INTEGER)
            return MORE;
        if (c == '.' || is_exponent)
            return go_to(scan, is_exponent ? EXPONENT : POINT);
        return is_digit(c) ? BAD : end_number(scan);
    case POINT:
        return is_digit(c) ? go_to(scan, FRACTION) : BAD;
    case FRACTION:
        if (is_exponent)
            return go_to(scan, EXPONENT);
        return is_digit(c) ? MORE : end_number(scan);
    case EXPONENT:
        if (c == '+' || c == '-')
            return go_to(scan, EXPONENT_SIGN);
        return is_digit(c) ? go_to(scan, EXPONENT_DIGIT) : BAD;
    case EXPONENT_SIGN:
        return is_digit(c) ? go_to(scan, EXPONENT_DIGIT) : BAD;
    default:
        return is_digit(c) ? MORE : end_number(scan);
    }
}

static int step(JsonScan *scan, char c)
{
    if (scan->state <= AFTER_VALUE)
        return step_between(scan, c);
    switch (scan->state) {
    case IN_STRING:
    case IN_KEY:
        return step_string(scan, c);
    case ESCAPE:
    case KEY_ESCAPE:
        return step_escape(scan, c);
    case HEX:
    case KEY_HEX:
        return step_hex(scan, c);
    case LITERAL:
        return step_literal(scan, c);
    default:
        return step_number(scan, c);
    }
}

long json_scan_feed(JsonScan *scan, const char *bytes, size_t size)
{
    assert(scan->state != DONE);
    for (size_t i = 0; i < size;) {
        switch (step(scan, bytes[i])) {
        case AGAIN:
            break;
        case ENDED:
            return (long)i + 1;
        case ENDED_BEFORE:
            return (long)i;
        case BAD:
            scan->failed_at = i;
            return ERR_INVALID;
        case DEEP:
            scan->failed_at = i;
            return ERR_TOO_LARGE;
        default:
            i++;
        }
    }
    return 0;
}

size_t json_space_size(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && is_space(text[i]))
        i++;
    return i;
}

/* The size of the string that begins at the front, quotes included. */
static size_t string_size(const char *text, size_t size)
{
    size_t i = 1;

    while (i < size && text[i] != '"')
        i += text[i] == '\\' ? 2 : 1;
    return i < size ? i + 1 : size;
}

static size_t word_size(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && !is_space(text[i]) && strchr(",:]}", text[i]) == NULL)
        i++;
    return i;
}

size_t json_value_size(const char *text, size_t size)
{
    size_t depth = 0, i = 0;

    do {
        if (text[i] == '"') {
            i += string_size(text + i, size - i);
            continue;
        }
        if (text[i] == '{' || text[i] == '[')
            depth++;
        else if (text[i] == '}' || text[i] == ']')
            depth--;
        else if (depth == 0)
            return word_size(text, size);
        i++;
    } while (depth > 0 && i < size);
    return i;
}
