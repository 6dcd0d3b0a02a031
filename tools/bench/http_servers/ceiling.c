/* The most that libuv and http-parser allow: each request is parsed and each gets an answer of its
 * own with a Date, and nothing else is done. Answers to what one read brought go out in one write.
 * GET /text only; whatever else is asked for gets a 404. Prints its address. */
#include <http_parser.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { READ_SIZE = 65536, OUTPUT_SIZE = 65536, DATE_SIZE = 30 };

static const char text_answer[] = "HTTP/1.1 200 OK\r\n"
                                  "Date: %s\r\n"
                                  "Content-Length: 13\r\n"
                                  "Content-Type: text/plain; charset=utf-8\r\n"
                                  "\r\n"
                                  "Hello, world!";
static const char other_answer[] = "HTTP/1.1 404 Not Found\r\n"
                                   "Date: %s\r\n"
                                   "Content-Length: 0\r\n"
                                   "\r\n";

typedef struct Connection {
    uv_tcp_t tcp;
    http_parser parser;
    bool is_text; /* what the request asks for */
} Connection;

/* Written while the kernel takes no more. */
typedef struct Rest {
    uv_write_t request;
    char bytes[];
} Rest;

static char read_buffer[READ_SIZE];
static char output[OUTPUT_SIZE];
static size_t output_size;
static char answers[2][256]; /* 404 and 200, with the date of this second */
static size_t answer_sizes[2];

static void refresh_answers(uv_timer_t *timer)
{
    char date[DATE_SIZE];
    time_t now = time(NULL);
    struct tm when;

    (void)timer;
    gmtime_r(&now, &when);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &when);
    answer_sizes[false] = (size_t)snprintf(answers[false], sizeof answers[0], other_answer, date);
    answer_sizes[true] = (size_t)snprintf(answers[true], sizeof answers[0], text_answer, date);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_connection(Connection *connection)
{
    if (!uv_is_closing((uv_handle_t *)&connection->tcp))
        uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void on_written(uv_write_t *request, int status)
{
    if (status < 0)
        close_connection(request->handle->data);
    free(request);
}

static void write_rest(Connection *connection, const char *bytes, size_t size)
{
    Rest *rest = malloc(sizeof *rest + size);
    uv_buf_t part;

    memcpy(rest->bytes, bytes, size);
    part = uv_buf_init(rest->bytes, (unsigned)size);
    if (uv_write(&rest->request, (uv_stream_t *)&connection->tcp, &part, 1, on_written) < 0) {
        free(rest);
        close_connection(connection);
    }
}

static void flush(Connection *connection)
{
    uv_buf_t part = uv_buf_init(output, (unsigned)output_size);
    int written = output_size > 0 ? uv_try_write((uv_stream_t *)&connection->tcp, &part, 1) : 0;
    size_t size = output_size;

    output_size = 0;
    if (written < 0 && written != UV_EAGAIN) {
        close_connection(connection);
        return;
    }
    if (written < 0)
        written = 0;
    if ((size_t)written < size)
        write_rest(connection, output + written, size - (size_t)written);
}

static int on_url(http_parser *parser, const char *url, size_t size)
{
    Connection *connection = parser->data;

    connection->is_text = parser->method == HTTP_GET && size == 5 && memcmp(url, "/text", 5) == 0;
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    Connection *connection = parser->data;
    size_t size = answer_sizes[connection->is_text];

    if (output_size + size > OUTPUT_SIZE)
        flush(connection);
    memcpy(output + output_size, answers[connection->is_text], size);
    output_size += size;
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_message_complete = on_message_complete,
};

static void lend_buffer(uv_handle_t *handle, size_t wanted_size, uv_buf_t *out)
{
    (void)handle;
    (void)wanted_size;
    *out = uv_buf_init(read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    Connection *connection = stream->data;

    if (size < 0) {
        close_connection(connection);
        return;
    }
    if (http_parser_execute(&connection->parser, &settings, buffer->base, (size_t)size) !=
        (size_t)size)
        close_connection(connection);
    else
        flush(connection);
}

static void on_connection(uv_stream_t *server, int status)
{
    Connection *connection;

    if (status < 0)
        return;
    connection = calloc(1, sizeof *connection);
    uv_tcp_init(server->loop, &connection->tcp);
    connection->tcp.data = connection->parser.data = connection;
    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;
    if (uv_accept(server, (uv_stream_t *)&connection->tcp) < 0) {
        close_connection(connection);
        return;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start((uv_stream_t *)&connection->tcp, lend_buffer, on_read);
}

static int listen_on(uv_loop_t *loop, uv_tcp_t *server)
{
    struct sockaddr_in address;
    int size = sizeof address, result;

    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, server);
    if ((result = uv_tcp_bind(server, (struct sockaddr *)&address, 0)) < 0 ||
        (result = uv_listen((uv_stream_t *)server, 4096, on_connection)) < 0)
        return result;
    uv_tcp_getsockname(server, (struct sockaddr *)&address, &size);
    printf("127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return 0;
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;
    uv_timer_t tick;

    uv_timer_init(loop, &tick);
    refresh_answers(&tick);
    uv_timer_start(&tick, refresh_answers, 1000, 1000);
    if (listen_on(loop, &server) < 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
