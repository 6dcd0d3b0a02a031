/* http_parser takes the request line apart; the rules have seen that the rest is nothing but lines
 * "name: value", so those are cut where they stand, and what they mean is decided here. The parser
 * sees neither fields nor a body, so its own ideas of framing do not count. */
#include "http/http1_head.h"

#include <assert.h>
#include <http_parser.h>
#include <string.h>
#include <strings.h>

#include "http/http1_chars.h"
#include "http/http1_rules.h"

/* What the fields say together, while they are looked at one by one. */
typedef struct Summary {
    Http1Head *head;
    size_t host_count;
    size_t length_count;
    size_t coding_count;
    int coding_status; /* 0 for "chunked" */
    bool says_close;
    bool says_keep_alive;
    bool says_upgrade;
    bool has_upgrade;
} Summary;

static const char *text_of(const Http1Head *head, Http1Slice slice)
{
    return head->bytes + slice.offset;
}

static Http1Slice slice_of(const Http1Head *head, const char *start, size_t size)
{
    return (Http1Slice){(uint32_t)(start - head->bytes), (uint32_t)size};
}

static Http1Slice slice_between(const Http1Head *head, const char *start, const char *end)
{
    return slice_of(head, start, (size_t)(end - start));
}

static bool is_text(const char *bytes, size_t size, const char *lower_text)
{
    return strlen(lower_text) == size && strncasecmp(bytes, lower_text, size) == 0;
}

/* --- the lines --- */

/* Called once, as the whole line is fed at once. */
static int take_target(http_parser *parser, const char *bytes, size_t size)
{
    Http1Head *head = parser->data;

    head->target = slice_of(head, bytes, size);
    return 0;
}

static const http_parser_settings settings = {.on_url = take_target};

/* The line is `size` bytes from `line` on. Returns the parser's number for the method, or minus a
 * status. */
static int split_request_line(Http1Head *head, const char *line, size_t size)
{
    const char *method_end = memchr(line, ' ', size);
    http_parser parser;

    assert(method_end != NULL);
    head->method = slice_between(head, line, method_end);
    http_parser_init(&parser, HTTP_REQUEST);
    http_parser_set_max_header_size(UINT32_MAX); /* the rules have counted */
    parser.data = head;
    http_parser_execute(&parser, &settings, line, size);
    if (HTTP_PARSER_ERRNO(&parser) == HPE_INVALID_METHOD)
        return -501;
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK)
        return -400;
    head->minor_version = (uint8_t)parser.http_minor;
    return (int)parser.method;
}

static Http1Slice trim(const Http1Head *head, const char *start, const char *end)
{
    while (start < end && http1_char_is(*start, CHAR_BLANK))
        start++;
    while (start < end && http1_char_is(end[-1], CHAR_BLANK))
        end--;
    return slice_between(head, start, end);
}

static void split_fields(Http1Head *head, const char *at, size_t field_capacity)
{
    const char *end = head->bytes + head->size;

    while (*at != '\r') {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *line_end;

        assert(head->field_count < field_capacity && colon != NULL);
        line_end = memchr(colon, '\r', (size_t)(end - colon));
        assert(line_end != NULL);
        head->fields[head->field_count++] = (Http1Field){
            .name = slice_between(head, at, colon),
            .value = trim(head, colon + 1, line_end),
        };
        at = line_end + 2;
    }
    (void)field_capacity; /* without assertions */
}

/* Returns the parser's number for the method, or minus a status. */
static int split_head(Http1Head *head, size_t field_capacity)
{
    const char *line = head->bytes[0] == '\r' ? head->bytes + 2 : head->bytes;
    const char *newline = memchr(line, '\n', head->size - (size_t)(line - head->bytes));
    int method;

    assert(newline != NULL);
    method = split_request_line(head, line, (size_t)(newline + 1 - line));
    if (method >= 0)
        split_fields(head, newline + 1, field_capacity);
    return method;
}

/* --- the target --- */

static void slice_path_and_query(Http1Head *head, const char *start, const char *end)
{
    const char *mark = memchr(start, '?', (size_t)(end - start));

    head->path = slice_between(head, start, mark != NULL ? mark : end);
    if (mark != NULL) {
        head->has_query = true;
        head->query = slice_between(head, mark + 1, end);
    }
}

/* The size of "http://" or "https://" at the front, or 0. */
static size_t scheme_size(const char *target, size_t size)
{
    if (size > 7 && strncasecmp(target, "http://", 7) == 0)
        return 7;
    return size > 8 && strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
}

static int split_absolute_form(Http1Head *head, const char *target, const char *end)
{
    size_t skipped = scheme_size(target, (size_t)(end - target));
    const char *authority = target + skipped;
    const char *rest = authority;

    if (skipped == 0)
        return -400;
    while (rest < end && *rest != '/' && *rest != '?')
        rest++;
    if (rest == authority || !http1_is_host(authority, (size_t)(rest - authority)) ||
        memchr(rest, '[', (size_t)(end - rest)) != NULL ||
        memchr(rest, ']', (size_t)(end - rest)) != NULL)
        return -400;
    head->is_https = skipped == sizeof "https://" - 1;
    head->host = slice_between(head, authority, rest);
    slice_path_and_query(head, rest, end);
    if (head->path.size == 0)
        head->path = slice_of(head, authority - 1, 1); /* the last slash of the scheme's two */
    return 0;
}

static int split_target(Http1Head *head, int method)
{
    const char *target = text_of(head, head->target);
    const char *end = target + head->target.size;

    if (target[0] == '/') {
        slice_path_and_query(head, target, end);
        return 0;
    }
    if (head->target.size == 1 && target[0] == '*' && method == HTTP_OPTIONS) {
        head->path = head->target;
        return 0;
    }
    return split_absolute_form(head, target, end);
}

/* --- fields with a meaning for the host; each returns 0 or minus a status --- */

static int take_host(Summary *summary, Http1Slice value)
{
    Http1Head *head = summary->head;

    if (++summary->host_count > 1 || !http1_is_host(text_of(head, value), value.size))
        return -400;
    if (head->host.size == 0)
        head->host = value;
    return 0;
}

/* One field of digits only: no sign, no list, not even of equal numbers. */
static int take_content_length(Summary *summary, Http1Slice value)
{
    const char *digits = text_of(summary->head, value);
    uint64_t length = 0;

    if (++summary->length_count > 1 || value.size == 0)
        return -400;
    for (size_t i = 0; i < value.size; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (digits[i] < '0' || digits[i] > '9' || length > (UINT64_MAX - digit) / 10)
            return -400;
        length = length * 10 + digit;
    }
    summary->head->content_length = length;
    return 0;
}

static int take_transfer_encoding(Summary *summary, Http1Slice value)
{
    if (++summary->coding_count > 1 || value.size == 0)
        return -400;
    if (!is_text(text_of(summary->head, value), value.size, "chunked"))
        summary->coding_status = -501;
    return 0;
}

static void take_connection_option(Summary *summary, const char *option, size_t size)
{
    while (size != 0 && http1_char_is(option[0], CHAR_BLANK))
        option++, size--;
    while (size != 0 && http1_char_is(option[size - 1], CHAR_BLANK))
        size--;
    summary->says_close |= is_text(option, size, "close");
    summary->says_keep_alive |= is_text(option, size, "keep-alive");
    summary->says_upgrade |= is_text(option, size, "upgrade");
}

static int take_connection(Summary *summary, Http1Slice value)
{
    const char *at = text_of(summary->head, value);
    const char *end = at + value.size;

    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *option_end = comma != NULL ? comma : end;
        take_connection_option(summary, at, (size_t)(option_end - at));
        if (comma == NULL)
            return 0;
        at = comma + 1;
    }
}

static int take_expect(Summary *summary, Http1Slice value)
{
    Http1Head *head = summary->head;

    if (!is_text(text_of(head, value), value.size, "100-continue"))
        return -417;
    head->expects_continue = head->minor_version != 0;
    return 0;
}

static int take_upgrade(Summary *summary, Http1Slice value)
{
    summary->has_upgrade |= value.size != 0;
    return 0;
}

static int take_wait(Summary *summary, Http1Slice value)
{
    hop_read_wait(&summary->head->hop, text_of(summary->head, value), value.size);
    return 0;
}

static int take_attempts(Summary *summary, Http1Slice value)
{
    hop_read_attempts(&summary->head->hop, text_of(summary->head, value), value.size);
    return 0;
}

static int take_trace(Summary *summary, Http1Slice value)
{
    hop_read_trace(&summary->head->hop, text_of(summary->head, value), value.size);
    return 0;
}

#define NAME(text) text, sizeof text - 1

static const struct {
    const char *name;
    size_t name_size;
    int (*take)(Summary *summary, Http1Slice value);
} known_fields[] = {
    {NAME("host"),                      take_host             },
    {NAME("connection"),                take_connection       },
    {NAME("content-length"),            take_content_length   },
    {NAME("transfer-encoding"),         take_transfer_encoding},
    {NAME("expect"),                    take_expect           },
    {NAME("upgrade"),                   take_upgrade          },
    {NAME("perigee-timeout"),           take_wait             },
    {NAME("traceparent"),               take_trace            },
    {NAME("perigee-previous-attempts"), take_attempts         },
};

static int summarize_field(Summary *summary, const Http1Field *field)
{
    const char *name = text_of(summary->head, field->name);
    size_t size = field->name.size;

    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
        if (known_fields[i].name_size == size && strncasecmp(name, known_fields[i].name, size) == 0)
            return known_fields[i].take(summary, field->value);
    return 0;
}

/* Decides what only all fields together tell: whether there is a host, how the body is framed, and
 * whether the connection stays. */
static int conclude(const Summary *summary)
{
    Http1Head *head = summary->head;

    if (summary->host_count == 0 && head->minor_version != 0)
        return -400;
    if (summary->coding_count != 0) {
        if (summary->length_count != 0 || head->minor_version == 0)
            return -400;
        if (summary->coding_status != 0)
            return summary->coding_status;
        head->body_kind = HTTP1_CHUNKED_BODY;
    } else if (summary->length_count != 0) {
        head->body_kind = HTTP1_SIZED_BODY;
    }
    head->is_keep_alive =
        !summary->says_close && (head->minor_version != 0 || summary->says_keep_alive);
    head->wants_upgrade = summary->says_upgrade && summary->has_upgrade && head->is_keep_alive &&
                          head->minor_version != 0 && head->body_kind == HTTP1_NO_BODY;
    return 0;
}

/* The host of an absolute-form wins over the field (RFC 9112 3.2.2): nobody shall see another. */
static void unify_host(const Http1Head *head)
{
    int index = http1_head_find(head, "host", 4, 0);

    if (index >= 0)
        head->fields[index].value = head->host;
}

static int interpret_fields(Http1Head *head)
{
    Summary summary = {.head = head};
    bool is_absolute = head->host.size != 0;

    for (size_t i = 0; i < head->field_count; i++) {
        int result = summarize_field(&summary, &head->fields[i]);
        if (result < 0)
            return result;
    }
    if (is_absolute)
        unify_host(head);
    return conclude(&summary);
}

int http1_head_parse(const char *bytes, size_t size, Http1Field *fields, size_t field_capacity,
                     Http1Head *out)
{
    int method, result;

    *out = (Http1Head){.bytes = bytes, .size = size, .fields = fields};
    if ((method = split_head(out, field_capacity)) < 0)
        return method;
    if (method == HTTP_CONNECT)
        return -501;
    out->is_head = method == HTTP_HEAD;
    if ((result = split_target(out, method)) < 0)
        return result;
    return interpret_fields(out);
}

int http1_head_find(const Http1Head *head, const char *name, size_t name_size, size_t start)
{
    for (size_t i = start; i < head->field_count; i++) {
        Http1Slice found = head->fields[i].name;
        if (found.size == name_size && strncasecmp(text_of(head, found), name, name_size) == 0)
            return (int)i;
    }
    return -1;
}
