/* Bytes that two parties could read in two ways. For each: the requests that are seen, and the
 * status of the refusal behind them; the same for every split. A request that could be hidden in
 * another is named "/smuggled" and must never be seen. */
#include "http1_peer.h"

#include <stdlib.h>

#include "base/memory.h"

typedef struct Attack {
    const char *bytes;
    size_t size;
    const char *seen; /* "METHOD path[body] " for each request */
    int status;       /* of the refusal, 0 for none */
} Attack;

#define ATTACK(literal, seen, status)                                                              \
    {                                                                                              \
        literal, sizeof literal - 1, seen, status                                                  \
    }
#define POSTED(lines) "POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n\r\n"
#define CHUNKED(body) POSTED("Transfer-Encoding: chunked") body
#define HIDDEN GET("/smuggled")

static const Attack attacks[] = {
    /* two lengths */
    ATTACK(POSTED("Content-Length: 6\r\nTransfer-Encoding: chunked") "0\r\n\r\n" HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding: chunked\r\nContent-Length: 4") "0\r\n\r\n" HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 0\r\nContent-Length: 44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 44\r\nContent-Length: 44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 0, 44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 44, 44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length : 44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 0\r\n Content-Length: 44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: +44") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 4 4") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 0\0\x34") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: \v0") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 18446744073709551616") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 9999999999999999999") HIDDEN, "", 413),
    ATTACK(POSTED("Content-Length: 0\nX: y") HIDDEN, "", 400),
    ATTACK(POSTED("Content-Length: 3") "abc" GET("/next"), "POST /[abc] GET /next[] ", 0),
    /* codings that one side may not recognize */
    ATTACK(POSTED("Transfer-Encoding: xchunked") HIDDEN, "", 501),
    ATTACK(POSTED("Transfer-Encoding: chunked, identity") HIDDEN, "", 501),
    ATTACK(POSTED("Transfer-Encoding: identity, chunked") HIDDEN, "", 501),
    ATTACK(POSTED("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding : chunked") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding\t: chunked") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding:\r\n chunked") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding:\n chunked") HIDDEN, "", 400),
    ATTACK(POSTED(" Transfer-Encoding: chunked") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding: \vchunked") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding: chunked\0") HIDDEN, "", 400),
    ATTACK(POSTED("Transfer-Encoding: \"chunked\"") HIDDEN, "", 501),
    ATTACK(POSTED("Transfer-Encoding: chunk") HIDDEN, "", 501),
    ATTACK(POSTED("X: y\rTransfer-Encoding: chunked") HIDDEN, "", 400),
    ATTACK(POSTED("X: y\nTransfer-Encoding: chunked") HIDDEN, "", 400),
    ATTACK(POSTED("X: y\0Transfer-Encoding: chunked") HIDDEN, "", 400),
    ATTACK("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN, "", 400),
    ATTACK(POSTED("transfer-encoding:CHUNKED") "0\r\n\r\n" GET("/next"), "POST /[] GET /next[] ",
           0),
    /* chunks */
    ATTACK(CHUNKED("ffffffffffffffff1\r\n" HIDDEN), "POST (abandoned) ", 413),
    ATTACK(CHUNKED("00000000000000001\r\nx\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1 \r\nx\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("0x1\r\nx\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1\r\nxx\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1\r\nx0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1\nx\n0\n\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1;\nx\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1;a\rx\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("1;a=\"\r\nx\r\n0\r\n\r\n\"" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("0\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("0\r\nX : y\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("0\r\nX: y\n\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("0\r\n\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("\r\n0\r\n\r\n" HIDDEN), "POST (abandoned) ", 400),
    ATTACK(CHUNKED("0\r\nContent-Length: 44\r\nHost: b\r\n\r\n" GET("/next")),
           "POST /[] GET /next[] ", 0),
    ATTACK(CHUNKED("2;a=\"b\\\"\"\r\nhi\r\n0\r\n\r\n" GET("/next")), "POST /[hi] GET /next[] ", 0),
    /* where a request begins and ends */
    ATTACK(GET("/a") "\n" HIDDEN, "GET /a[] ", 400),
    ATTACK(GET("/a") " " HIDDEN, "GET /a[] ", 400),
    ATTACK(GET("/a") "\r\n\r\n" HIDDEN, "GET /a[] ", 400),
    ATTACK(GET("/a") "\r\n" GET("/b"), "GET /a[] GET /b[] ", 0),
    ATTACK(GET("/a") "abc" HIDDEN, "GET /a[] ", 501),
    ATTACK("GET /\r\n" HIDDEN, "", 400),
    ATTACK("GET / HTTP/1.1\r\nHost: a\r\n\n" HIDDEN, "", 400),
    ATTACK("GET / HTTP/1.1\r\nHost: a\n\n" HIDDEN, "", 400),
    ATTACK("GET / HTTP/1.1\r\n\r\n" HIDDEN, "", 400),
    ATTACK("GET /\r\nX: HTTP/1.1\r\nHost: a\r\n\r\n" HIDDEN, "", 400),
    ATTACK("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" HIDDEN, "", 400),
    ATTACK("GET http://a/ HTTP/1.1\r\n\r\n" HIDDEN, "", 400),
    ATTACK("GET / HTTP/1.1 \r\nHost: a\r\n\r\n" HIDDEN, "", 400),
    ATTACK("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" HIDDEN, "", 501),
    ATTACK("GET / HTTP/2.0\r\nHost: a\r\n\r\n" HIDDEN, "", 505),
    ATTACK("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" HIDDEN, "", 505),
    ATTACK("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
           "HTTP2-Settings: AAAA\r\n\r\n" GET("/next"),
           "GET /[] GET /next[] ", 0),
    ATTACK("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" HIDDEN, "GET /[] ", 0),
    ATTACK("GET / HTTP/1.0\r\n\r\n" HIDDEN, "GET /[] ", 0),
    /* a body of a method that seldom has one is still a body */
    ATTACK("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n"
           "GET /smuggled HTTP/1.1\r\nHost: aaaaaa\r\n\r\n" GET("/next"),
           "GET /[GET /smuggled HTTP/1.1\r\nHost: aaaaaa\r\n\r\n] GET /next[] ", 0),
    ATTACK(
        "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" GET(
            "/next"),
        "HEAD /[x] GET /next[] ", 0),
};

typedef struct Witness {
    Http1Connection *connection;
    Buffer seen;
} Witness;

static void note(Witness *witness, const Http1Head *head, Http1Slice slice)
{
    buffer_append(&witness->seen, head->bytes + slice.offset, slice.size);
}

static void answer_complete(void *owner, Http1Exchange *exchange)
{
    const Http1Head *head = http1_exchange_head(exchange);
    const Buffer *body = http1_exchange_body(exchange);
    Witness *witness = owner;

    if (http1_exchange_body_status(exchange) == 0) {
        http1_exchange_await_body(exchange);
        return;
    }
    note(witness, head, head->method);
    buffer_append_text(&witness->seen, " ");
    note(witness, head, head->path);
    buffer_append_text(&witness->seen, "[");
    buffer_append(&witness->seen, body->bytes, body->size);
    buffer_append_text(&witness->seen, "] ");
    http1_exchange_respond(exchange, &(Http1Reply){.status = 204});
    http1_exchange_release(exchange);
}

static void note_abandoned(void *owner, Http1Exchange *exchange)
{
    const Http1Head *head = http1_exchange_head(exchange);
    Witness *witness = owner;

    note(witness, head, head->method);
    buffer_append_text(&witness->seen, " (abandoned) ");
    http1_exchange_release(exchange);
}

static const Http1Handler witness_handler = {
    .on_request = answer_complete,
    .on_body = answer_complete,
    .on_abandoned = note_abandoned,
};

static void feed_copy(Http1Connection *connection, const char *bytes, size_t size)
{
    char *copy = memory_copy(bytes, size);

    http1_connection_feed(connection, copy, size);
    memory_free(copy);
}

/* The status of the refusal at the end of the output, or 0. */
static int refusal_status(Buffer *output)
{
    const char *at;

    buffer_append(output, "", 1);
    at = output->bytes;
    while (strncmp(at, "HTTP/1.1 204 ", 13) == 0)
        at = strstr(at, "\r\n\r\n") + 4;
    return *at != '\0' ? (int)strtol(at + 9, NULL, 10) : 0;
}

static void assert_harmless(const Attack *attack, size_t first, size_t step)
{
    Witness witness = {0};
    int status;

    witness.connection = http1_connection_create(&http1_default_limits, &witness_handler, &witness);
    for (size_t at = 0, piece = first; at < attack->size; at += piece, piece = step) {
        if (piece > attack->size - at)
            piece = attack->size - at;
        feed_copy(witness.connection, attack->bytes + at, piece);
    }
    status = refusal_status(http1_connection_output(witness.connection));
    buffer_append(&witness.seen, "", 1);
    if (strcmp(witness.seen.bytes, attack->seen) != 0 || status != attack->status)
        fail_msg("first %zu, then %zu bytes: saw \"%s\" and %d instead of \"%s\" and %d:\n%.*s",
                 first, step, witness.seen.bytes, status, attack->seen, attack->status,
                 (int)attack->size, attack->bytes);
    http1_connection_destroy(witness.connection);
    buffer_deinit(&witness.seen);
}

static void nothing_is_smuggled(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        assert_harmless(&attacks[i], attacks[i].size, 1);
        assert_harmless(&attacks[i], 1, 1);
        for (size_t split = 1; split < attacks[i].size; split++)
            assert_harmless(&attacks[i], split, attacks[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_smuggled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
