#include "http/http1_forward.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "http/http1_chars.h"

enum { FIRST_FINAL = 200, NO_CONTENT = 204, NOT_MODIFIED = 304, UPGRADE_REQUIRED = 426 };

/* Of the lengths a body may have here. */
enum { MAX_LENGTH_DIGITS = 9, MAX_FIELDS = 200 };

typedef struct Text {
    const char *bytes;
    size_t size;
} Text;

#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

/* The same as lua/perigee/http/hop_by_hop.lua, and what is meant for this proxy alone. */
static const Text hop_names[] = {
    TEXT("connection"),
    TEXT("content-length"),
    TEXT("date"),
    TEXT("expect"),
    TEXT("keep-alive"),
    TEXT("perigee-previous-attempts"),
    TEXT("perigee-timeout"),
    TEXT("proxy-authenticate"),
    TEXT("proxy-authorization"),
    TEXT("proxy-connection"),
    TEXT("te"),
    TEXT("trailer"),
    TEXT("transfer-encoding"),
    TEXT("upgrade"),
};

static const Text x_for = TEXT("X-Forwarded-For"), x_proto = TEXT("X-Forwarded-Proto"),
                  x_host = TEXT("X-Forwarded-Host");

static bool is_same(Text a, Text b)
{
    return a.size == b.size && strncasecmp(a.bytes, b.bytes, a.size) == 0;
}

static bool is_of_hop(Text name)
{
    for (size_t i = 0; i < sizeof hop_names / sizeof hop_names[0]; i++)
        if (is_same(name, hop_names[i]))
            return true;
    return false;
}

static Text trim(Text text)
{
    while (text.size != 0 && http1_char_is(text.bytes[0], CHAR_BLANK))
        text.bytes++, text.size--;
    while (text.size != 0 && http1_char_is(text.bytes[text.size - 1], CHAR_BLANK))
        text.size--;
    return text;
}

/* Cuts the first element off a comma-separated list. False at its end. */
static bool next_element(Text *list, Text *element)
{
    const char *comma;

    if (list->size == 0)
        return false;
    comma = memchr(list->bytes, ',', list->size);
    element->bytes = list->bytes;
    element->size = comma != NULL ? (size_t)(comma - list->bytes) : list->size;
    list->bytes += element->size + (comma != NULL);
    list->size -= element->size + (comma != NULL);
    *element = trim(*element);
    return true;
}

static bool has_element(Text list, Text wanted)
{
    Text element;

    while (next_element(&list, &element))
        if (is_same(element, wanted))
            return true;
    return false;
}

static void append(Buffer *out, Text text)
{
    buffer_append(out, text.bytes, text.size);
}

static void append_line(Buffer *out, Text name, Text value)
{
    append(out, name);
    buffer_append(out, ": ", 2);
    append(out, value);
    buffer_append(out, "\r\n", 2);
}

/* --- requests --- */

static Text slice(const Http1Head *head, Http1Slice part)
{
    return (Text){head->bytes + part.offset, part.size};
}

static bool has_field(const Http1Head *head, Text name)
{
    return http1_head_find(head, name.bytes, name.size, 0) >= 0;
}

/* Whether a Connection field says that this one is of this hop only. */
static bool is_named(const Http1Head *head, Text name)
{
    int i = http1_head_find(head, "connection", 10, 0);

    while (i >= 0) {
        if (has_element(slice(head, head->fields[i].value), name))
            return true;
        i = http1_head_find(head, "connection", 10, (size_t)i + 1);
    }
    return false;
}

static void append_fields(Buffer *out, const Http1Head *head)
{
    bool has_options = has_field(head, (Text)TEXT("connection"));

    for (size_t i = 0; i < head->field_count; i++) {
        Text name = slice(head, head->fields[i].name);
        bool is_left_out =
            is_of_hop(name) || is_same(name, x_for) || (has_options && is_named(head, name));

        if (!is_left_out)
            append_line(out, name, slice(head, head->fields[i].value));
    }
}

static void append_client(Buffer *out, const Http1Head *head, const char *client)
{
    append(out, x_for);
    buffer_append(out, ": ", 2);
    for (int i = http1_head_find(head, x_for.bytes, x_for.size, 0); i >= 0;
         i = http1_head_find(head, x_for.bytes, x_for.size, (size_t)i + 1))
        if (head->fields[i].value.size != 0) {
            append(out, slice(head, head->fields[i].value));
            buffer_append(out, ", ", 2);
        }
    buffer_append_text(out, client);
    buffer_append(out, "\r\n", 2);
}

void http1_forward_request(Buffer *out, const Http1Head *head, const Http1Forward *forward)
{
    append(out, slice(head, head->method));
    buffer_append(out, " ", 1);
    buffer_append(out, forward->target, forward->target_size);
    buffer_append_text(out, " HTTP/1.1\r\n");
    append_fields(out, head);
    append_client(out, head, forward->client);
    if (!has_field(head, x_proto))
        append_line(out, x_proto, forward->is_secure ? (Text)TEXT("https") : (Text)TEXT("http"));
    if (!has_field(head, x_host) && head->host.size != 0)
        append_line(out, x_host, slice(head, head->host));
    buffer_append(out, forward->fields, forward->fields_size);
    buffer_append(out, "\r\n", 2);
}

/* --- answers --- */

typedef struct Reader {
    const char *at;
    const char *end;
    Http1Return *out;
    bool has_length;
} Reader;

/* The next line, without its end. Returns 1, 0 when it is not complete, or ERR_INVALID. */
static int next_line(Reader *reader, Text *line)
{
    size_t left = (size_t)(reader->end - reader->at);
    size_t size = http1_run_size(reader->at, left, CHAR_VALUE);

    *line = (Text){reader->at, size};
    if (size + 2 > left)
        return size < left && reader->at[size] != '\r' ? ERR_INVALID : 0;
    if (reader->at[size] != '\r' || reader->at[size + 1] != '\n')
        return ERR_INVALID;
    reader->at += size + 2;
    return 1;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* A body of that status would have its length told for another reason, or mean another thing. */
static bool is_plain(int status)
{
    return status >= FIRST_FINAL && status != NO_CONTENT && status != NOT_MODIFIED &&
           status != UPGRADE_REQUIRED;
}

static int read_status(Http1Return *out, Text line)
{
    static const Text version = TEXT("HTTP/1.1 ");
    const char *digits = line.bytes + version.size;

    if (line.size < version.size + 3 || memcmp(line.bytes, version.bytes, version.size) != 0 ||
        !is_digit(digits[0]) || !is_digit(digits[1]) || !is_digit(digits[2]) ||
        (line.size > version.size + 3 && digits[3] != ' '))
        return ERR_INVALID;
    out->status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
    return is_plain(out->status) && out->status < 600 ? 1 : ERR_INVALID;
}

static int read_length(Reader *reader, Text value)
{
    if (reader->has_length || value.size == 0 || value.size > MAX_LENGTH_DIGITS)
        return ERR_INVALID;
    reader->has_length = true;
    reader->out->body_size = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (!is_digit(value.bytes[i]))
            return ERR_INVALID;
        reader->out->body_size = reader->out->body_size * 10 + (size_t)(value.bytes[i] - '0');
    }
    return reader->out->body_size <= HTTP1_FORWARD_BODY_SIZE ? 1 : ERR_INVALID;
}

/* Options that name other fields are not plain. */
static int read_options(Reader *reader, Text value)
{
    Text option;

    while (next_element(&value, &option)) {
        if (is_same(option, (Text)TEXT("close")))
            reader->out->is_keep_alive = false;
        else if (!is_same(option, (Text)TEXT("keep-alive")))
            return ERR_INVALID;
    }
    return 1;
}

static int take_field(Reader *reader, Text name, Text value, Buffer *fields)
{
    if (!is_of_hop(name)) {
        append_line(fields, name, value);
        return 1;
    }
    if (is_same(name, (Text)TEXT("content-length")))
        return read_length(reader, value);
    if (is_same(name, (Text)TEXT("connection")))
        return read_options(reader, value);
    return is_same(name, (Text)TEXT("transfer-encoding")) ? ERR_INVALID : 1;
}

static int read_field(Reader *reader, Text line, Buffer *fields)
{
    Text name = {line.bytes, http1_run_size(line.bytes, line.size, CHAR_TOKEN)};
    Text value = {line.bytes + name.size + 1, line.size - name.size - 1};

    if (name.size == 0 || name.size == line.size || line.bytes[name.size] != ':')
        return ERR_INVALID;
    return take_field(reader, name, trim(value), fields);
}

/* Up to the empty line behind the fields. */
static int read_fields(Reader *reader, Buffer *fields)
{
    Text line;
    int result = next_line(reader, &line);

    for (size_t count = 0; result > 0 && line.size != 0; count++) {
        result = count < MAX_FIELDS ? read_field(reader, line, fields) : ERR_INVALID;
        if (result > 0)
            result = next_line(reader, &line);
    }
    return result;
}

static int read_head(Reader *reader, Buffer *fields)
{
    Text line;
    int result = next_line(reader, &line);

    if (result > 0)
        result = read_status(reader->out, line);
    if (result > 0)
        result = read_fields(reader, fields);
    if (result > 0 && !reader->has_length)
        result = ERR_INVALID;
    return result;
}

int http1_forward_answer(const char *bytes, size_t size, Http1Return *out, Buffer *fields)
{
    Reader reader = {.at = bytes, .end = bytes + size, .out = out};
    int result;

    *out = (Http1Return){.is_keep_alive = true};
    if ((result = read_head(&reader, fields)) < 0)
        return result;
    out->head_size = (size_t)(reader.at - bytes);
    if (result == 0)
        return size < HTTP1_FORWARD_HEAD_SIZE ? 0 : ERR_INVALID;
    return size - out->head_size >= out->body_size ? 1 : 0;
}
