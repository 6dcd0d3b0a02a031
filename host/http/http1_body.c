/* The chunked coding as a state machine of the same kind as the head's: a run of one class of
 * bytes, then the byte behind it decides. Content is copied in the largest pieces there are. */
#include "http/http1_body.h"

#include "http/http1_chars.h"

enum {
    COMPLETE,
    SIZED,
    CHUNK_SIZE,
    CHUNK_SIZE_LF,
    CHUNK_CONTENT,
    CHUNK_CR,
    CHUNK_LF,
    TRAILER_START,
    END_LF,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    EXTENSION_NEXT, /* blanks behind the chunk's size or an extension: only another may follow */
    EXTENSION_START,
    EXTENSION_NAME,
    EXTENSION_NAME_BLANK,
    EXTENSION_VALUE_START,
    EXTENSION_VALUE,
    EXTENSION_QUOTED,
    EXTENSION_QUOTED_PAIR,
    EXTENSION_QUOTED_END,
    STATE_COUNT
};

/* Bytes in this and the later states count for limits->framing_size. */
enum { FIRST_COUNTED = TRAILER_NAME };

/* Sixteen digits fill 64 bits; leading zeros beyond are a way to say nothing for ever. */
enum { MAX_SIZE_DIGITS = 16 };

static const uint8_t run_classes[STATE_COUNT] = {
    [EXTENSION_NEXT] = CHAR_BLANK,        [EXTENSION_START] = CHAR_BLANK,
    [EXTENSION_NAME] = CHAR_TOKEN,        [EXTENSION_NAME_BLANK] = CHAR_BLANK,
    [EXTENSION_VALUE_START] = CHAR_BLANK, [EXTENSION_VALUE] = CHAR_TOKEN,
    [EXTENSION_QUOTED] = CHAR_QUOTED,     [TRAILER_NAME] = CHAR_TOKEN,
    [TRAILER_VALUE] = CHAR_VALUE,
};

static void begin_chunk(Http1Body *body)
{
    body->remaining_size = 0;
    body->digit_count = 0;
}

static int initial_state(const Http1Head *head)
{
    if (head->body_kind == HTTP1_CHUNKED_BODY)
        return CHUNK_SIZE;
    return head->body_kind == HTTP1_SIZED_BODY && head->content_length != 0 ? SIZED : COMPLETE;
}

void http1_body_init(Http1Body *body, const Http1Head *head, const Http1Limits *limits)
{
    *body = (Http1Body){
        .state = initial_state(head),
        .limits = limits,
        .size_limit = limits->body_size,
    };
    if (body->state == SIZED)
        body->remaining_size = head->content_length;
}

void http1_body_init_endless(Http1Body *body, const Http1Limits *limits)
{
    *body = (Http1Body){
        .state = SIZED,
        .limits = limits,
        .size_limit = UINT64_MAX,
        .remaining_size = UINT64_MAX,
    };
}

bool http1_body_is_complete(const Http1Body *body)
{
    return body->state == COMPLETE;
}

bool http1_body_lower_limit(Http1Body *body, uint64_t size)
{
    if (body->remaining_size > size)
        return false;
    if (body->size_limit - body->decoded_size > size)
        body->size_limit = body->decoded_size + size;
    return true;
}

/* The step functions take one byte and return the next state, or minus a status. */

static int expect(char byte, char wanted, int next)
{
    return byte == wanted ? next : -400;
}

static int hex_value(char digit)
{
    return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

static int step_size_digit(Http1Body *body, char digit)
{
    if (++body->digit_count > MAX_SIZE_DIGITS)
        return -400;
    body->remaining_size = body->remaining_size * 16 + (uint64_t)hex_value(digit);
    if (body->remaining_size > body->size_limit - body->decoded_size)
        return -413;
    return CHUNK_SIZE;
}

/* Where an extension may follow, or the line ends. Blanks are allowed before ";" only (BWS). */
static int step_extension_end(char byte)
{
    switch (byte) {
    case ';':
        return EXTENSION_START;
    case '\r':
        return CHUNK_SIZE_LF;
    case ' ':
    case '\t':
        return EXTENSION_NEXT;
    default:
        return -400;
    }
}

static int step_chunk(Http1Body *body, char byte)
{
    switch (body->state) {
    case CHUNK_SIZE:
        if (http1_char_is(byte, CHAR_HEX))
            return step_size_digit(body, byte);
        return body->digit_count != 0 ? step_extension_end(byte) : -400;
    case CHUNK_SIZE_LF:
        return expect(byte, '\n', body->remaining_size != 0 ? CHUNK_CONTENT : TRAILER_START);
    case CHUNK_CR:
        return expect(byte, '\r', CHUNK_LF);
    default:
        begin_chunk(body);
        return expect(byte, '\n', CHUNK_SIZE);
    }
}

static int step_extension_name(int state, char byte)
{
    switch (state) {
    case EXTENSION_NEXT:
        return expect(byte, ';', EXTENSION_START);
    case EXTENSION_START:
        return http1_char_is(byte, CHAR_TOKEN) ? EXTENSION_NAME : -400;
    case EXTENSION_NAME:
        if (byte == '=')
            return EXTENSION_VALUE_START;
        return http1_char_is(byte, CHAR_BLANK) ? EXTENSION_NAME_BLANK : step_extension_end(byte);
    default:
        return byte == '=' ? EXTENSION_VALUE_START : expect(byte, ';', EXTENSION_START);
    }
}

static int step_extension_value(int state, char byte)
{
    switch (state) {
    case EXTENSION_VALUE_START:
        if (byte == '"')
            return EXTENSION_QUOTED;
        return http1_char_is(byte, CHAR_TOKEN) ? EXTENSION_VALUE : -400;
    case EXTENSION_QUOTED:
        return byte == '\\' ? EXTENSION_QUOTED_PAIR : expect(byte, '"', EXTENSION_QUOTED_END);
    case EXTENSION_QUOTED_PAIR:
        return http1_char_is(byte, CHAR_VALUE) ? EXTENSION_QUOTED : -400;
    default:
        return step_extension_end(byte);
    }
}

static int step_trailer(int state, char byte)
{
    switch (state) {
    case TRAILER_START:
        if (byte == '\r')
            return END_LF;
        return http1_char_is(byte, CHAR_TOKEN) ? TRAILER_NAME : -400;
    case TRAILER_NAME:
        return expect(byte, ':', TRAILER_VALUE);
    case TRAILER_VALUE:
        return expect(byte, '\r', TRAILER_LF);
    case TRAILER_LF:
        return expect(byte, '\n', TRAILER_START);
    default:
        return expect(byte, '\n', COMPLETE);
    }
}

static int step(Http1Body *body, char byte)
{
    if (body->state < TRAILER_START)
        return step_chunk(body, byte);
    if (body->state < EXTENSION_NEXT)
        return step_trailer(body->state, byte);
    if (body->state < EXTENSION_VALUE_START)
        return step_extension_name(body->state, byte);
    return step_extension_value(body->state, byte);
}

/* Takes bytes of the content: of the sized body, or of the current chunk. */
static size_t take_content(Http1Body *body, const char *bytes, size_t size, Buffer *out)
{
    size_t taken = size < body->remaining_size ? size : (size_t)body->remaining_size;

    if (out != NULL)
        buffer_append(out, bytes, taken);
    body->decoded_size += taken;
    body->remaining_size -= taken;
    if (body->remaining_size == 0)
        body->state = body->state == SIZED ? COMPLETE : CHUNK_CR;
    return taken;
}

/* Not the empty line behind the trailers, whose first byte tells it from one of them. */
static void keep_trailer(const Http1Body *body, int next, const char *bytes, size_t size)
{
    bool is_trailer = next >= TRAILER_NAME && next <= TRAILER_LF;
    bool is_line_end = body->state == TRAILER_LF;

    if (body->trailers != NULL && (is_trailer || is_line_end))
        buffer_append(body->trailers, bytes, size);
}

/* Takes bytes around the content: a run and the byte behind it. */
static long take_framing(Http1Body *body, const char *bytes, size_t size)
{
    size_t run_size = http1_run_size(bytes, size, run_classes[body->state]);
    int next;

    if (body->state >= FIRST_COUNTED)
        body->framing_size += run_size;
    if (body->framing_size > body->limits->framing_size)
        return -431;
    if (run_size == size) {
        keep_trailer(body, body->state, bytes, run_size);
        return (long)size;
    }
    if ((next = step(body, bytes[run_size])) < 0)
        return next;
    if (next >= FIRST_COUNTED)
        body->framing_size++;
    keep_trailer(body, next, bytes, run_size + 1);
    body->state = next;
    return (long)run_size + 1;
}

static bool is_content(int state)
{
    return state == SIZED || state == CHUNK_CONTENT;
}

long http1_body_feed(Http1Body *body, const char *bytes, size_t size, Buffer *out)
{
    size_t taken = 0;

    while (taken < size && body->state != COMPLETE) {
        if (is_content(body->state)) {
            taken += take_content(body, bytes + taken, size - taken, out);
        } else {
            long result = take_framing(body, bytes + taken, size - taken);
            if (result < 0)
                return result;
            taken += (size_t)result;
        }
    }
    return (long)taken;
}
