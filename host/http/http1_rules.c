/* The head's grammar as a state machine. In each state one class of bytes may come in any number
 * and is skipped in a tight loop; the byte behind such a run decides where to go.
 * Nearly all lines are whole and harmless: take_lines passes over those, and leaves every other to
 * the machine from its first byte on, which alone knows of errors and of limits. */
#include "http/http1_rules.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "http/http1_chars.h"

enum {
    START,
    EMPTY_LINE_LF,
    METHOD_START,
    METHOD,
    TARGET_START,
    PATH, /* origin-form: path and query */
    PATH_PERCENT,
    PATH_HEX,
    URI, /* any other form: http1_head.c looks at its structure */
    URI_PERCENT,
    URI_HEX,
    VERSION_TEXT, /* and one state for each letter of VERSION_PREFIX */
    VERSION_MAJOR = VERSION_TEXT + 5,
    VERSION_DOT,
    VERSION_MINOR,
    VERSION_END,
    LINE_LF,
    FIELD_START,
    FIELD_NAME,
    FIELD_VALUE,
    FIELD_LF,
    END_LF,
    COMPLETE,
    STATE_COUNT
};

static const char VERSION_PREFIX[] = "HTTP/";

static const uint8_t run_classes[STATE_COUNT] = {
    [METHOD] = CHAR_TOKEN,     [PATH] = CHAR_TARGET,       [URI] = CHAR_TARGET | CHAR_URI_BRACKET,
    [FIELD_NAME] = CHAR_TOKEN, [FIELD_VALUE] = CHAR_VALUE,
};

void http1_rules_init(Http1Rules *rules, const Http1Limits *limits)
{
    *rules = (Http1Rules){.state = START, .limits = limits};
}

bool http1_rules_has_begun(const Http1Rules *rules)
{
    return rules->state > METHOD_START;
}

/* The step functions take the byte behind a run and return the next state, or minus a status. */

static int expect(char byte, char wanted, int next)
{
    return byte == wanted ? next : -400;
}

static int step_method(int state, char byte)
{
    if (state == EMPTY_LINE_LF)
        return expect(byte, '\n', METHOD_START);
    if (state == METHOD)
        return expect(byte, ' ', TARGET_START);
    if (state == START && byte == '\r')
        return EMPTY_LINE_LF;
    return http1_char_is(byte, CHAR_TOKEN) ? METHOD : -400;
}

static int step_target(int state, char byte)
{
    switch (state) {
    case TARGET_START:
        if (byte == '/')
            return PATH;
        return http1_char_is(byte, CHAR_TARGET) ? URI : -400;
    case PATH:
    case URI:
        if (byte == '%')
            return state + 1;
        return expect(byte, ' ', VERSION_TEXT);
    case PATH_PERCENT:
    case URI_PERCENT:
        return http1_char_is(byte, CHAR_HEX) ? state + 1 : -400;
    default:
        return http1_char_is(byte, CHAR_HEX) ? state - 2 : -400;
    }
}

static int step_version_digit(Http1Rules *rules, char byte)
{
    if (byte < '0' || byte > '9')
        return -400;
    rules->version = rules->version * 10 + (byte - '0');
    return rules->state + 1;
}

static int step_version(Http1Rules *rules, char byte)
{
    switch (rules->state) {
    case VERSION_MAJOR:
    case VERSION_MINOR:
        return step_version_digit(rules, byte);
    case VERSION_DOT:
        return expect(byte, '.', VERSION_MINOR);
    case VERSION_END:
        if (byte != '\r')
            return -400;
        return rules->version == 10 || rules->version == 11 ? LINE_LF : -505;
    case LINE_LF:
        return expect(byte, '\n', FIELD_START);
    default:
        return expect(byte, VERSION_PREFIX[rules->state - VERSION_TEXT], rules->state + 1);
    }
}

/* A blank at the start of a line is obs-fold, a blank before the colon was once stripped by some:
 * neither is a token character, so neither needs a case. */
static int step_field(Http1Rules *rules, char byte)
{
    switch (rules->state) {
    case FIELD_START:
        if (byte == '\r')
            return END_LF;
        if (!http1_char_is(byte, CHAR_TOKEN))
            return -400;
        return ++rules->field_count <= rules->limits->field_count ? FIELD_NAME : -431;
    case FIELD_NAME:
        return expect(byte, ':', FIELD_VALUE);
    case FIELD_VALUE:
        return expect(byte, '\r', FIELD_LF);
    case FIELD_LF:
        return expect(byte, '\n', FIELD_START);
    default:
        return expect(byte, '\n', COMPLETE);
    }
}

static int step(Http1Rules *rules, char byte)
{
    if (rules->state < TARGET_START)
        return step_method(rules->state, byte);
    if (rules->state < VERSION_TEXT)
        return step_target(rules->state, byte);
    if (rules->state < FIELD_START)
        return step_version(rules, byte);
    return step_field(rules, byte);
}

static const char *skip(const char *at, const char *end, uint8_t classes)
{
    return at + http1_run_size(at, (size_t)(end - at), classes);
}

static const char *skip_target(const char *at, const char *end)
{
    for (;;) {
        at = skip(at, end, CHAR_TARGET);
        if (end - at < 3 || at[0] != '%' || !http1_char_is(at[1], CHAR_HEX) ||
            !http1_char_is(at[2], CHAR_HEX))
            return at;
        at += 3;
    }
}

/* Of a request for a path. Returns its size, or 0. */
static size_t take_request_line(Http1Rules *rules, const char *bytes, size_t size)
{
    static const char version[] = " HTTP/1.";
    enum { VERSION_SIZE = sizeof version - 1, REST_SIZE = VERSION_SIZE + 3 };
    const char *end = bytes + size;
    const char *target = skip(bytes, end, CHAR_TOKEN) + 1;
    const char *at;

    if (target == bytes + 1 || end - target < REST_SIZE || target[-1] != ' ' || target[0] != '/')
        return 0;
    at = skip_target(target, end);
    if (end - at < REST_SIZE || memcmp(at, version, VERSION_SIZE) != 0 ||
        (size_t)(at - target) > rules->limits->target_size)
        return 0;
    if ((at[VERSION_SIZE] & ~1) != '0' || at[VERSION_SIZE + 1] != '\r' ||
        at[VERSION_SIZE + 2] != '\n')
        return 0;
    rules->target_size = (size_t)(at - target);
    rules->version = 10 + (at[VERSION_SIZE] - '0');
    rules->state = FIELD_START;
    return (size_t)(at + REST_SIZE - bytes);
}

/* Whole fields, and the end of the head behind them. Returns their size. */
static size_t take_fields(Http1Rules *rules, const char *bytes, size_t size)
{
    const char *at = bytes, *end = bytes + size;

    while (rules->field_count < rules->limits->field_count) {
        const char *colon = skip(at, end, CHAR_TOKEN);
        const char *line_end;

        if (colon == at || colon == end || *colon != ':')
            break;
        line_end = skip(colon + 1, end, CHAR_VALUE);
        if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n')
            break;
        rules->field_count++;
        at = line_end + 2;
    }
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
        rules->state = COMPLETE;
        at += 2;
    }
    return (size_t)(at - bytes);
}

static size_t take_lines(Http1Rules *rules, const char *bytes, size_t size)
{
    size_t taken = 0;

    if (rules->state == START || rules->state == METHOD_START)
        taken = take_request_line(rules, bytes, size);
    if (rules->state == FIELD_START)
        taken += take_fields(rules, bytes + taken, size - taken);
    return taken;
}

static bool is_inside_target(int state)
{
    return state > TARGET_START && state < VERSION_TEXT;
}

/* A run, and the byte behind it. Returns how many bytes that were, or minus a status. */
static int take_run(Http1Rules *rules, const char *bytes, size_t size)
{
    size_t run_size = http1_run_size(bytes, size, run_classes[rules->state]);
    int next;

    if (is_inside_target(rules->state)) {
        rules->target_size += run_size;
        if (rules->target_size > rules->limits->target_size)
            return -414;
    }
    if (run_size == size)
        return (int)size;
    if ((next = step(rules, bytes[run_size])) < 0)
        return next;
    if (is_inside_target(next))
        rules->target_size++;
    rules->state = next;
    return (int)run_size + 1;
}

int http1_rules_feed(Http1Rules *rules, const char *bytes, size_t size)
{
    size_t room = rules->limits->head_size - rules->head_size;
    size_t end = size < room ? size : room;
    size_t at = 0;

    assert(rules->state != COMPLETE);
    while (at < end && rules->state != COMPLETE) {
        int taken;

        at += take_lines(rules, bytes + at, end - at);
        if (at == end || rules->state == COMPLETE)
            break;
        if ((taken = take_run(rules, bytes + at, end - at)) < 0)
            return taken;
        at += (size_t)taken;
    }
    rules->head_size += at;
    if (rules->state == COMPLETE)
        return (int)at;
    return end == size ? 0 : -431;
}

bool http1_is_token_char(unsigned char character)
{
    return http1_char_is((char)character, CHAR_TOKEN);
}

bool http1_is_value_char(unsigned char character)
{
    return http1_char_is((char)character, CHAR_VALUE);
}

bool http1_is_token(const char *bytes, size_t size)
{
    return size != 0 && http1_run_size(bytes, size, CHAR_TOKEN) == size;
}

bool http1_is_value(const char *bytes, size_t size)
{
    return http1_run_size(bytes, size, CHAR_VALUE) == size;
}

static bool is_port(const char *bytes, size_t size)
{
    unsigned port = 0;

    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
        port = port * 10 + (unsigned)(bytes[i] - '0');
        if (port > UINT16_MAX)
            return false;
    }
    return true;
}

static bool is_port_part(const char *bytes, size_t size)
{
    return size == 0 || (bytes[0] == ':' && is_port(bytes + 1, size - 1));
}

/* The text between the brackets of an IP-literal. IPvFuture is refused: no such address exists. */
static bool is_ipv6(const char *bytes, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (size >= sizeof text || memchr(bytes, '\0', size) != NULL)
        return false;
    memcpy(text, bytes, size);
    text[size] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Returns the size of the registered name or IPv4 address at the front. */
static size_t reg_name_size(const char *bytes, size_t size)
{
    size_t i = 0;

    for (;;) {
        i += http1_run_size(bytes + i, size - i, CHAR_REG_NAME);
        if (size - i < 3 || bytes[i] != '%' || http1_run_size(bytes + i + 1, 2, CHAR_HEX) != 2)
            return i;
        i += 3;
    }
}

bool http1_is_host(const char *bytes, size_t size)
{
    size_t name_size;

    if (size == 0)
        return true;
    if (bytes[0] == '[') {
        const char *close = memchr(bytes, ']', size);
        if (close == NULL || !is_ipv6(bytes + 1, (size_t)(close - bytes) - 1))
            return false;
        name_size = (size_t)(close - bytes) + 1;
    } else {
        name_size = reg_name_size(bytes, size);
    }
    return name_size != 0 && is_port_part(bytes + name_size, size - name_size);
}
