/* A whole connection under a handler that answers at once, when the body is there, later and in any
 * order, in pieces, by half, or never. The input is fed whole, byte by byte and in pieces, which
 * must give the same output, and then once more with sudden ends in between.
 * Input: SCRIPT_SIZE bytes that say what the handler does, then the bytes of the client. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_reader.h"
#include "base/error.h"
#include "base/memory.h"
#include "http/http1_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SCRIPT_SIZE = 16, MAX_INPUT_SIZE = 4096, MAX_REQUESTS = 256, PIPELINED = 4 };

/* PIECES and the later ones begin their answer when the request comes. */
enum {
    AT_ONCE,
    WHEN_COMPLETE,
    LATER,
    UNANSWERED,
    PIECES,         /* all of them at once */
    PIECES_LATER,   /* the end comes later */
    PIECES_BY_BODY, /* the end comes with the body's, which is taken in pieces too */
    HALF,           /* it is cut later */
    ACTION_COUNT
};

typedef struct Request {
    Http1Exchange *exchange; /* NULL once released */
    int action;
    bool is_head;
    bool is_answered;
    bool is_abandoned;
    bool is_cut;
    uint32_t sum; /* of the body as far as it was taken */
} Request;

typedef struct Run {
    Http1Connection *connection;
    const uint8_t *script;
    Request requests[MAX_REQUESTS];
    size_t request_count;
    bool is_last;     /* a request said close: there is no other */
    bool is_finished; /* the connection said so: nothing may happen any more */
    Buffer output;
} Run;

static const Http1Limits limits = {
    .target_size = 64,
    .head_size = 512,
    .field_count = 8,
    .body_size = 256,
    .framing_size = 64,
    .unread_size = 32,
    .pipelined_count = PIPELINED,
};

static uint32_t digest(uint32_t sum, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 16777619u;
    return sum;
}

/* --- the handler --- */

static void release(Request *request)
{
    Http1Exchange *exchange = request->exchange;

    request->exchange = NULL;
    http1_exchange_release(exchange);
}

/* The answer names its request and tells what was understood of it. */
static void answer(Run *run, Request *request)
{
    const Http1Head *head = http1_exchange_head(request->exchange);
    const Buffer *body = http1_exchange_body(request->exchange);
    uint32_t sum = digest(2166136261u, head->bytes, head->size);
    char fields[32], text[16];
    Http1Reply reply = {.status = 200, .fields = fields, .body = text};

    if (http1_exchange_body_status(request->exchange) == 1)
        sum = digest(sum, body->bytes, body->size);
    reply.fields_size = (size_t)snprintf(fields, sizeof fields, "X-Index: %zu\r\n",
                                         (size_t)(request - run->requests));
    reply.body_size = (size_t)snprintf(text, sizeof text, "%x", sum);
    assert(http1_exchange_respond(request->exchange, &reply) == 0);
    request->is_answered = true;
}

static void finish(Run *run, Request *request)
{
    if (request->action == UNANSWERED)
        request->is_answered = true;
    else
        answer(run, request);
    release(request);
}

/* Begins an answer that ends with the connection, has a length, or is chunked. */
static void begin_pieces(Run *run, Request *request)
{
    char fields[32];
    Http1Reply head = {.status = 200, .fields = fields};
    bool is_sized = run->script[(request - run->requests) % SCRIPT_SIZE] & 64;

    head.fields_size = (size_t)snprintf(fields, sizeof fields, "X-Index: %zu\r\n",
                                        (size_t)(request - run->requests));
    assert(http1_exchange_start(request->exchange, &head, is_sized ? 14 : HTTP1_UNKNOWN_LENGTH) ==
           0);
    http1_exchange_write(request->exchange, "begun,", 6);
    request->sum = 2166136261u;
}

static void end_pieces(Request *request)
{
    char text[16];

    snprintf(text, sizeof text, "%08x", request->sum);
    http1_exchange_write(request->exchange, text, 8);
    assert(http1_exchange_finish(request->exchange, "X-End: 1\r\n", 10) == 0);
    request->is_answered = true;
    release(request);
}

static void cut_pieces(Request *request)
{
    request->is_cut = true;
    request->is_answered = true;
    release(request);
}

static void take_piece(Request *request)
{
    Buffer *body = http1_exchange_body(request->exchange);
    int status = http1_exchange_body_status(request->exchange);

    request->sum = digest(request->sum, body->bytes, body->size);
    buffer_consume(body, body->size);
    if (status == 0)
        http1_exchange_await_body(request->exchange);
    else if (status == 1)
        end_pieces(request);
    else
        cut_pieces(request);
}

static size_t count_waiting(const Run *run)
{
    size_t count = 0;

    for (size_t i = 0; i < run->request_count; i++)
        count += !run->requests[i].is_answered && !run->requests[i].is_abandoned;
    return count;
}

static void await_body(Request *request)
{
    if (request->action == WHEN_COMPLETE)
        http1_exchange_await_whole_body(request->exchange);
    else
        http1_exchange_await_body(request->exchange);
}

static void take_body(void *owner, Http1Exchange *exchange)
{
    Run *run = owner;
    Request *request = http1_exchange_holder(exchange);

    assert(!run->is_finished && !request->is_answered && !request->is_abandoned);
    if (request->action == PIECES_BY_BODY)
        take_piece(request);
    else if (http1_exchange_body_status(exchange) == 0)
        await_body(request);
    else if (request->action == WHEN_COMPLETE)
        finish(run, request);
}

static void take_request(void *owner, Http1Exchange *exchange)
{
    Run *run = owner;
    const Http1Head *head = http1_exchange_head(exchange);
    Request *request = &run->requests[run->request_count];

    assert(!run->is_finished && !run->is_last && run->request_count < MAX_REQUESTS);
    run->is_last = !head->is_keep_alive;
    request->exchange = exchange;
    request->action = run->script[run->request_count++ % SCRIPT_SIZE] % ACTION_COUNT;
    request->is_head = head->is_head;
    /* An answer instead of a 100 Continue depends on what came with the head, by intention. */
    if (request->action != LATER && head->expects_continue)
        request->action = WHEN_COMPLETE;
    assert(count_waiting(run) <= PIPELINED);
    http1_exchange_set_holder(exchange, request);
    if (request->action >= PIECES)
        begin_pieces(run, request);
    if (request->action == PIECES)
        end_pieces(request);
    else if (request->action == AT_ONCE || request->action == UNANSWERED)
        finish(run, request);
    else if (request->action != PIECES_LATER && request->action != HALF)
        take_body(owner, exchange);
}

static void take_abandoned(void *owner, Http1Exchange *exchange)
{
    Run *run = owner;
    Request *request = http1_exchange_holder(exchange);

    (void)run;
    assert(!request->is_answered && !request->is_abandoned);
    assert(http1_exchange_body_status(exchange) != 0);
    assert(http1_exchange_owner(exchange) == NULL);
    request->is_abandoned = true;
    release(request);
}

/* Nobody waits for room here, but may. */
static void take_room(void *owner, Http1Exchange *exchange)
{
    (void)owner;
    assert(http1_exchange_has_turn(exchange));
}

static const Http1Handler handler = {
    .on_request = take_request,
    .on_body = take_body,
    .on_abandoned = take_abandoned,
    .on_room = take_room,
};

/* --- the client --- */

static void feed(Run *run, const char *bytes, size_t size)
{
    char *copy = memory_copy(bytes, size);

    http1_connection_feed(run->connection, copy, size);
    memory_free(copy);
}

static void collect_output(Run *run)
{
    Buffer *output = http1_connection_output(run->connection);

    assert(!run->is_finished || output->size == 0);
    buffer_append(&run->output, output->bytes, output->size);
    buffer_consume(output, output->size);
    run->is_finished = http1_connection_phase(run->connection) == HTTP1_FINISHED;
}

static bool is_ended_later(const Request *request)
{
    return request->action == LATER || request->action == PIECES_LATER || request->action == HALF;
}

static void end_later(Run *run, Request *request)
{
    if (request->action == HALF)
        cut_pieces(request);
    else if (request->action == PIECES_LATER)
        end_pieces(request);
    else
        finish(run, request);
}

/* Answers one of the requests that wait for it. False when there is none. */
static bool answer_later(Run *run, size_t choice)
{
    size_t waiting[MAX_REQUESTS], count = 0;

    for (size_t i = 0; i < run->request_count; i++)
        if (run->requests[i].exchange != NULL && is_ended_later(&run->requests[i]))
            waiting[count++] = i;
    if (count == 0)
        return false;
    end_later(run, &run->requests[waiting[choice % count]]);
    return true;
}

static void answer_all(Run *run)
{
    for (size_t i = 0; answer_later(run, run->script[i % SCRIPT_SIZE] / ACTION_COUNT); i++) {
        collect_output(run);
        http1_connection_continue(run->connection);
    }
    collect_output(run);
}

static void open_run(Run *run, const uint8_t *script)
{
    *run = (Run){.script = script};
    run->connection = http1_connection_create(&limits, &handler, run);
}

/* Whatever comes after the end changes nothing. */
static void close_run(Run *run)
{
    collect_output(run);
    if (run->is_finished) {
        feed(run, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
        http1_connection_continue(run->connection);
        http1_connection_end_input(run->connection);
        assert(http1_connection_phase(run->connection) == HTTP1_FINISHED);
        assert(!http1_connection_wants_input(run->connection));
        collect_output(run);
    }
    http1_connection_destroy(run->connection);
    for (size_t i = 0; i < run->request_count; i++)
        assert(run->requests[i].exchange == NULL);
}

/* --- the output --- */

static bool is_of(const Answer *read, const Run *run, size_t i)
{
    if (read->index >= 0)
        return read->index == (long)i;
    return read->status == 500 &&
           (run->requests[i].action == UNANSWERED || run->requests[i].is_cut);
}

/* The request from `next` on that this answer is of: those before it have none. */
static size_t find_request(const Answer *read, const Run *run, size_t next)
{
    while (next < run->request_count && !is_of(read, run, next) && run->requests[next].is_abandoned)
        next++;
    return next;
}

/* Answers are in order, each request has at most one, and "close" is the last word. */
static void check_output(Run *run)
{
    size_t next = 0;
    const char *at;

    buffer_append(&run->output, "", 1);
    at = run->output.bytes;
    while (*at != '\0') {
        Answer read = read_answer(at);
        bool has_body = true;
        at += read.head_size;
        if (read.status == 100) {
            assert(!read.says_close);
            continue;
        }
        next = find_request(&read, run, next);
        if (next < run->request_count && is_of(&read, run, next))
            has_body = !run->requests[next++].is_head;
        else
            assert(read.index < 0 && read.says_close);
        if (has_body)
            at = skip_body(at, &read);
        if (read.says_close) {
            bool ends_by_close = !read.has_length && !read.is_chunked;
            assert(*at == '\0');
            for (; next < run->request_count; next++)
                assert(run->requests[next].is_abandoned ||
                       (ends_by_close && run->requests[next].is_answered));
        }
    }
}

static void drop_continues(Buffer *output)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *found;

    while ((found = memmem(output->bytes, output->size, text, sizeof text - 1)) != NULL) {
        char *behind = found + sizeof text - 1;
        memmove(found, behind, (size_t)(output->bytes + output->size - behind));
        output->size -= sizeof text - 1;
    }
}

/* --- runs --- */

/* The output of pieces of `step` bytes after a first one of `first`, with all answers given. */
static Buffer run_in_pieces(const uint8_t *script, const char *bytes, size_t size, size_t first,
                            size_t step)
{
    Run run;

    open_run(&run, script);
    for (size_t at = 0, piece = first; at < size; at += piece, piece = step) {
        if (piece > size - at)
            piece = size - at;
        feed(&run, bytes + at, piece);
    }
    answer_all(&run);
    http1_connection_end_input(run.connection);
    answer_all(&run);
    close_run(&run);
    check_output(&run);
    drop_continues(&run.output);
    return run.output;
}

static void do_something(Run *run, unsigned what)
{
    switch (what % 32) {
    case 0:
        http1_connection_fail(run->connection, 408);
        break;
    case 1:
        http1_connection_fail(run->connection, 0);
        break;
    case 2:
        http1_connection_drain(run->connection);
        break;
    case 3:
        http1_connection_end_input(run->connection);
        break;
    case 4:
        collect_output(run);
        break;
    case 5:
        http1_connection_continue(run->connection);
        break;
    case 6:
        http1_connection_offer_room(run->connection);
        break;
    default:
        answer_later(run, what);
    }
}

static void run_with_surprises(const uint8_t *script, const char *bytes, size_t size)
{
    Run run;
    size_t at = 0;

    open_run(&run, script);
    for (size_t i = 0; at < size; i++) {
        size_t piece = script[(i + 7) % SCRIPT_SIZE] % 61 + 1;
        if (piece > size - at)
            piece = size - at;
        feed(&run, bytes + at, piece);
        at += piece;
        do_something(&run, script[i * 5 % SCRIPT_SIZE] + (unsigned)(i / SCRIPT_SIZE));
    }
    close_run(&run);
    check_output(&run);
    buffer_deinit(&run.output);
}

static void assert_same_and_free(const Buffer *expected, Buffer output)
{
    assert(output.size == expected->size);
    assert(memcmp(output.bytes, expected->bytes, output.size) == 0);
    buffer_deinit(&output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + SCRIPT_SIZE;
    Buffer whole;

    if (size <= SCRIPT_SIZE || size > MAX_INPUT_SIZE)
        return 0;
    size -= SCRIPT_SIZE;
    whole = run_in_pieces(data, bytes, size, size, 1);
    assert_same_and_free(&whole, run_in_pieces(data, bytes, size, 1, 1));
    assert_same_and_free(&whole, run_in_pieces(data, bytes, size, data[0] + 1u, size));
    assert_same_and_free(&whole, run_in_pieces(data, bytes, size, 5, data[1] % 64 + 1u));
    buffer_deinit(&whole);
    run_with_surprises(data, bytes, size);
    return 0;
}
