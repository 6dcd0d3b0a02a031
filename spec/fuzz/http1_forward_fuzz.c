/* Answers that are passed on: whatever a split is, a whole one is the same, and its fields are
 * lines that end nothing but themselves. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "http/http1_forward.h"
#include "http/http1_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const Buffer *lines)
{
    const char *at = lines->bytes, *end = lines->size == 0 ? at : at + lines->size;

    while (at < end) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *line_end = memchr(at, '\r', (size_t)(end - at));

        assert(colon != NULL && line_end != NULL && colon < line_end);
        assert(http1_is_token(at, (size_t)(colon - at)));
        assert(http1_is_value(colon + 2, (size_t)(line_end - colon - 2)));
        assert(line_end + 1 < end && line_end[1] == '\n');
        at = line_end + 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    Buffer lines = {0}, others = {0};
    Http1Return answer, other;
    int result = size == 0 ? 0 : http1_forward_answer(bytes, size, &answer, &lines);

    check_lines(&lines);
    if (result == 1) {
        size_t whole = answer.head_size + answer.body_size;

        assert(whole <= size && answer.status >= 200 && answer.status < 600);
        assert(http1_forward_answer(bytes, whole, &other, &others) == 1);
        assert(other.status == answer.status && others.size == lines.size);
        buffer_clear(&others);
        assert(http1_forward_answer(bytes, whole - 1, &other, &others) == 0);
    }
    buffer_deinit(&lines);
    buffer_deinit(&others);
    return 0;
}
