/* Heads are written into memory that is reserved once: one comparison for the whole head. */
#include "http/http1_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { STATUS_END = 512 };

static const char *const reasons[STATUS_END] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [102] = "Processing",
    [103] = "Early Hints",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [207] = "Multi-Status",
    [208] = "Already Reported",
    [226] = "IM Used",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [305] = "Use Proxy",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [407] = "Proxy Authentication Required",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [423] = "Locked",
    [424] = "Failed Dependency",
    [425] = "Too Early",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [451] = "Unavailable For Legal Reasons",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [506] = "Variant Also Negotiates",
    [507] = "Insufficient Storage",
    [508] = "Loop Detected",
    [511] = "Network Authentication Required",
};

const char *http1_status_reason(int status)
{
    if (status < 0 || status >= STATUS_END || reasons[status] == NULL)
        return "Unknown";
    return reasons[status];
}

static char *put(char *at, const char *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

#define PUT(at, literal) put(at, literal, sizeof literal - 1)

/* In decimal, with zeros in front up to `width` digits. */
static char *put_uint(char *at, uint64_t value, size_t width)
{
    char digits[20];
    size_t start = sizeof digits;

    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || sizeof digits - start < width);
    return put(at, digits + start, sizeof digits - start);
}

void http1_format_date(int64_t wall_s, char text[HTTP1_DATE_SIZE])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)wall_s;
    struct tm when;
    char *at = text;

    gmtime_r(&seconds, &when);
    assert(when.tm_year >= -1900 && when.tm_year < 8100);
    at = PUT(put(at, days[when.tm_wday], 3), ", ");
    at = PUT(put_uint(at, (uint64_t)when.tm_mday, 2), " ");
    at = PUT(put(at, months[when.tm_mon], 3), " ");
    at = PUT(put_uint(at, (uint64_t)when.tm_year + 1900, 4), " ");
    at = PUT(put_uint(at, (uint64_t)when.tm_hour, 2), ":");
    at = PUT(put_uint(at, (uint64_t)when.tm_min, 2), ":");
    at = PUT(put_uint(at, (uint64_t)when.tm_sec, 2), " GMT");
    *at = '\0';
}

/* More than the status line and the fields written below ever need. */
enum { OWN_HEAD_SIZE = 256 };

static char *put_status_line(char *at, int status)
{
    const char *reason = http1_status_reason(status);

    at = put_uint(PUT(at, "HTTP/1.1 "), (uint64_t)status, 3);
    at = PUT(put(PUT(at, " "), reason, strlen(reason)), "\r\n");
    return at;
}

/* Who sends Upgrade names it here too (RFC 9110 7.8). */
static char *put_connection(char *at, const Http1Answer *answer)
{
    bool says_close = !answer->is_keep_alive;
    bool says_keep_alive = answer->is_keep_alive && answer->minor_version == 0;

    if (!says_close && !says_keep_alive && !answer->is_upgrade)
        return at;
    at = PUT(at, "Connection: ");
    if (says_close)
        at = PUT(at, "close");
    if (says_keep_alive)
        at = PUT(at, "keep-alive");
    if (answer->is_upgrade && (says_close || says_keep_alive))
        at = PUT(at, ", ");
    if (answer->is_upgrade)
        at = PUT(at, "Upgrade");
    return PUT(at, "\r\n");
}

static char *put_own_fields(char *at, const Http1Answer *answer)
{
    if (answer->date != NULL)
        at = PUT(put(PUT(at, "Date: "), answer->date, HTTP1_DATE_SIZE - 1), "\r\n");
    if (answer->has_length)
        at = PUT(put_uint(PUT(at, "Content-Length: "), answer->content_length, 1), "\r\n");
    if (answer->is_chunked)
        at = PUT(at, "Transfer-Encoding: chunked\r\n");
    return put_connection(at, answer);
}

void http1_write_head(Buffer *out, const Http1Answer *answer)
{
    char *start = buffer_reserve(out, OWN_HEAD_SIZE + answer->fields_size);
    char *at = start;

    assert(answer->status >= 100 && answer->status <= 999);
    at = put_status_line(at, answer->status);
    at = put_own_fields(at, answer);
    if (answer->fields_size != 0)
        at = put(at, answer->fields, answer->fields_size);
    at = PUT(at, "\r\n");
    buffer_grow(out, (size_t)(at - start));
}

static const char *explain(int status)
{
    switch (status) {
    case 400:
        return "The request does not follow the grammar of HTTP/1.1.";
    case 408:
        return "The request did not arrive in time.";
    case 413:
        return "The body is larger than this server takes.";
    case 414:
        return "The request target is longer than this server takes.";
    case 417:
        return "The only expectation this server knows is 100-continue.";
    case 421:
        return "A URL with https asks for a connection that is secured.";
    case 431:
        return "The fields, chunk extensions or trailers are more than this server takes.";
    case 501:
        return "This server does not know the method or the transfer coding.";
    case 503:
        return "The server has no room for this request now.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "The request was refused.";
    }
}

void http1_write_refusal(Buffer *out, int status, const char *date)
{
    static const char fields[] = "Content-Type: text/plain\r\n";
    char text[128];
    int size =
        snprintf(text, sizeof text, "%s. %s\n", http1_status_reason(status), explain(status));
    Http1Answer answer = {
        .status = status,
        .minor_version = 1,
        .has_length = true,
        .content_length = (uint64_t)size,
        .date = date,
        .fields = fields,
        .fields_size = sizeof fields - 1,
    };

    assert(size > 0 && (size_t)size < sizeof text);
    http1_write_head(out, &answer);
    buffer_append(out, text, (size_t)size);
}
