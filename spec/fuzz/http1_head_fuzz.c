/* The rules and the head behind them: any split of the bytes gives the same verdict, and an
 * accepted head is what its type promises.
 * Input: a byte that chooses limits and a split, then the bytes of a connection. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "http/http1_head.h"
#include "http/http1_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Verdict {
    int status;  /* 0, or minus the status */
    size_t size; /* of the complete head, or 0 */
    size_t field_count;
} Verdict;

static const Http1Limits tight_limits = {.target_size = 12, .head_size = 80, .field_count = 3};

/* Pieces of `step` bytes after a first one of `first`. */
static Verdict check(const Http1Limits *limits, const char *bytes, size_t size, size_t first,
                     size_t step)
{
    Verdict verdict = {0};
    Http1Rules rules;
    size_t at = 0, piece = first;

    http1_rules_init(&rules, limits);
    while (at < size && verdict.status == 0 && verdict.size == 0) {
        size_t taken = piece < size - at ? piece : size - at;
        int result = http1_rules_feed(&rules, bytes + at, taken);
        assert(result <= (int)taken);
        if (result > 0)
            verdict.size = at + (size_t)result;
        else
            verdict.status = result;
        at += taken;
        piece = step;
    }
    assert(verdict.size == 0 || rules.head_size == verdict.size);
    verdict.field_count = verdict.status == 0 ? rules.field_count : 0;
    return verdict;
}

static void assert_same(Verdict a, Verdict b)
{
    assert(a.status == b.status);
    assert(a.size == b.size);
    assert(a.field_count == b.field_count);
}

/* Every CR stands before an LF and every LF behind a CR, no NUL is inside, and the first empty line
 * is the end. */
static void assert_lines(const char *bytes, size_t size)
{
    size_t start = bytes[0] == '\r' ? 2 : 0;

    assert(size >= 4 && memcmp(bytes + size - 4, "\r\n\r\n", 4) == 0);
    assert(memmem(bytes + start, size - start - 1, "\r\n\r\n", 4) == NULL);
    for (size_t i = 0; i < size; i++) {
        assert(bytes[i] != '\0');
        assert(bytes[i] != '\r' || (i + 1 < size && bytes[i + 1] == '\n'));
        assert(bytes[i] != '\n' || (i > 0 && bytes[i - 1] == '\r'));
    }
}

static void assert_inside(const Http1Head *head, Http1Slice slice)
{
    assert(slice.offset <= head->size && slice.size <= head->size - slice.offset);
}

static const char *text_of(const Http1Head *head, Http1Slice slice)
{
    assert_inside(head, slice);
    return head->bytes + slice.offset;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static void assert_fields(const Http1Head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        Http1Slice name = head->fields[i].name, value = head->fields[i].value;
        const char *text = text_of(head, value);
        assert(http1_is_token(text_of(head, name), name.size));
        assert(http1_is_value(text, value.size));
        assert(value.size == 0 || (!is_blank(text[0]) && !is_blank(text[value.size - 1])));
    }
}

static void assert_target(const Http1Head *head)
{
    const char *path = text_of(head, head->path);

    assert(head->path.size != 0 && (path[0] == '/' || (path[0] == '*' && head->path.size == 1)));
    assert(memchr(path, '?', head->path.size) == NULL);
    assert(head->target.size != 0);
    text_of(head, head->target);
    text_of(head, head->query);
    assert(head->has_query || head->query.size == 0);
    assert(http1_is_host(text_of(head, head->host), head->host.size));
}

static void assert_framing(const Http1Head *head)
{
    int length = http1_head_find(head, "content-length", 14, 0);
    int coding = http1_head_find(head, "transfer-encoding", 17, 0);

    assert((head->body_kind == HTTP1_SIZED_BODY) == (length >= 0));
    assert((head->body_kind == HTTP1_CHUNKED_BODY) == (coding >= 0));
    assert(length < 0 || coding < 0);
    assert(length < 0 || http1_head_find(head, "content-length", 14, (size_t)length + 1) < 0);
    assert(coding < 0 || http1_head_find(head, "transfer-encoding", 17, (size_t)coding + 1) < 0);
    assert(head->minor_version <= 1);
    assert(head->minor_version == 1 || (coding < 0 && !head->expects_continue));
    assert(head->minor_version == 0 || http1_head_find(head, "host", 4, 0) >= 0);
}

static void assert_head(const char *bytes, Verdict verdict)
{
    Http1Field *fields = memory_alloc(verdict.field_count * sizeof *fields + 1);
    char *copy = memory_alloc(verdict.size); /* exactly as long, so that a look behind it is seen */
    Http1Head head;
    int result;

    memcpy(copy, bytes, verdict.size);
    result = http1_head_parse(copy, verdict.size, fields, verdict.field_count, &head);
    assert(result == 0 || result == -400 || result == -417 || result == -501);
    if (result == 0) {
        assert(head.field_count == verdict.field_count);
        assert(http1_is_token(text_of(&head, head.method), head.method.size));
        assert_fields(&head);
        assert_target(&head);
        assert_framing(&head);
        assert(head.hop.wait_s >= 0 && head.hop.wait_s <= 99999999.0 * 3600);
        assert(head.hop.previous_attempts <= 99999999);
    }
    memory_free(fields);
    memory_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Http1Limits *limits;
    const char *bytes = (const char *)data + 1;
    Verdict verdict;

    if (size < 2)
        return 0;
    limits = (data[0] & 1) != 0 ? &tight_limits : &http1_default_limits;
    size--;
    verdict = check(limits, bytes, size, size, 1);
    assert_same(verdict, check(limits, bytes, size, 1, 1));
    assert_same(verdict, check(limits, bytes, size, data[0] / 2 + 1, size));
    assert_same(verdict, check(limits, bytes, size, 3, data[0] / 2 + 1));
    if (verdict.size != 0) {
        assert_lines(bytes, verdict.size);
        assert_head(bytes, verdict);
    }
    return 0;
}
