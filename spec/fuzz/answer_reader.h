/* Reads answers as they stand in a connection's output: what their heads say, where they end. */
#ifndef PERIGEE_SPEC_ANSWER_READER_H
#define PERIGEE_SPEC_ANSWER_READER_H

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct Answer {
    int status;
    long index; /* -1 without X-Index */
    bool says_close;
    bool is_chunked;
    bool has_length;
    size_t head_size;
    size_t length;
} Answer;

static inline const char *find_field(const char *head, size_t size, const char *name)
{
    const char *found = memmem(head, size, name, strlen(name));
    return found != NULL ? found + strlen(name) : NULL;
}

/* `bytes` end with a NUL. */
static inline Answer read_answer(const char *bytes)
{
    Answer read = {.index = -1};
    const char *end = strstr(bytes, "\r\n\r\n");
    const char *index, *length;

    assert(strncmp(bytes, "HTTP/1.1 ", 9) == 0 && end != NULL);
    read.head_size = (size_t)(end - bytes) + 4;
    read.status = (int)strtol(bytes + 9, NULL, 10);
    index = find_field(bytes, read.head_size, "\r\nX-Index: ");
    length = find_field(bytes, read.head_size, "\r\nContent-Length: ");
    read.index = index != NULL ? strtol(index, NULL, 10) : -1;
    read.has_length = length != NULL;
    read.length = length != NULL ? strtoul(length, NULL, 10) : 0;
    read.is_chunked =
        find_field(bytes, read.head_size, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
    read.says_close = find_field(bytes, read.head_size, "\r\nConnection: close\r\n") != NULL;
    return read;
}

/* Behind the chunks at `at`, or the end of the output where the last is missing. */
static inline const char *skip_chunks(const char *at)
{
    for (;;) {
        char *end;
        size_t size = strtoul(at, &end, 16);

        if (*at == '\0')
            return at;
        assert(end != at && strncmp(end, "\r\n", 2) == 0);
        at = end + 2;
        if (size == 0) {
            assert(strncmp(at, "X-End: 1\r\n\r\n", 12) == 0);
            return at + 12;
        }
        assert(strlen(at) >= size + 2 && strncmp(at + size, "\r\n", 2) == 0);
        at += size + 2;
    }
}

/* Behind the body at `at`. One without an end has nothing behind it. */
static inline const char *skip_body(const char *at, const Answer *read)
{
    size_t left = strlen(at);

    if (read->is_chunked)
        return skip_chunks(at);
    if (!read->has_length)
        return at + left;
    return at + (read->length < left ? read->length : left);
}

#endif
