/* Pieces of files on real sockets: what arrives, how fast, and what a client sees of one that
 * fails. */
#include "http_server_fixture.h"

#include <fcntl.h>

#include "server/server_exchange.h"

enum { FILE_SIZE = 24 * 1024 * 1024, SLOT_SIZE = 8 };

static OpenFile *file;

/* Each eight bytes say where they stand. */
static void fill_file(int fd)
{
    static char block[65536];

    for (size_t at = 0; at < FILE_SIZE; at += sizeof block) {
        for (size_t i = 0; i < sizeof block; i += SLOT_SIZE) {
            uint64_t position = at + i;
            memcpy(block + i, &position, SLOT_SIZE);
        }
        assert_int_equal(write(fd, block, sizeof block), sizeof block);
    }
}

static int setup(void **state)
{
    char name[] = "/tmp/http_server_file_XXXXXX";
    int fd = mkstemp(name);

    unlink(name);
    fill_file(fd);
    file = open_file_adopt(fd);
    return server_setup(state);
}

static int teardown(void **state)
{
    int result = server_teardown(state);

    open_file_release(file);
    return result;
}

#define file_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static Client *ask(const char *request)
{
    Client *client = connect_client();
    int count = request_count;

    answer = NULL;
    say(client, request);
    RUN_UNTIL(request_count == count + 1);
    return client;
}

static void answer_with(Http1Exchange *exchange, uint64_t offset, uint64_t size)
{
    assert_int_equal(server_exchange_start(exchange, &(Http1Reply){.status = 200}, size), 0);
    assert_int_equal(server_exchange_write_file(exchange, file, offset, size), 0);
    assert_int_equal(server_exchange_finish(exchange, NULL, 0), 0);
    server_flush(server);
}

/* What came behind the head is the file from `offset` on. */
static void expect_file(Client *client, uint64_t offset, size_t size)
{
    const char *body = memmem(client->received.bytes, client->received.size, "\r\n\r\n", 4);
    size_t body_size;

    assert_non_null(body);
    body += 4;
    body_size = client->received.size - (size_t)(body - client->received.bytes);
    assert_int_equal(body_size, size);
    for (size_t i = 0; i + SLOT_SIZE <= size; i += SLOT_SIZE) {
        uint64_t position;
        memcpy(&position, body + i, SLOT_SIZE);
        assert_int_equal(position, offset + i);
    }
}

static void a_file_arrives_whole(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = ask(hello_and_close);
    answer_with(exchanges[0], 0, FILE_SIZE);
    expect_end(client);
    expect_file(client, 0, FILE_SIZE);
    assert_true(server_counters(server)->sent_size > FILE_SIZE);
}

static void any_piece_arrives(void **state)
{
    static const size_t sizes[] = {8, 8 * 1024, 8 * 1024 + 8, 1024 * 1024, 1024 * 1024 + 8};

    (void)state;
    open_patient_server();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        Client *client = ask(hello_and_close);
        answer_with(exchanges[i], 4096, sizes[i]);
        expect_end(client);
        expect_file(client, 4096, sizes[i]);
    }
}

static void a_client_that_takes_nothing_costs_a_piece(void **state)
{
    Client *client;
    uint64_t sent_size, before;

    (void)state;
    open_patient_server();
    client = ask(hello_and_close);
    answer_with(exchanges[0], 0, FILE_SIZE);
    do {
        before = server_counters(server)->sent_size;
        run_for(20);
        sent_size = server_counters(server)->sent_size;
    } while (sent_size > before);
    assert_true(sent_size < FILE_SIZE);
    expect_end(client);
    expect_file(client, 0, FILE_SIZE);
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
    HttpServerOptions options = patient_options();
    Client *client;

    (void)state;
    options.bounds.write_timeout_ms = 50;
    open_server(&options);
    client = ask(hello);
    answer_with(exchanges[0], 0, FILE_SIZE);
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(server_counters(server)->timeout_count, 1);
    RUN_UNTIL(is_over(client));
    assert_true(client->is_reset);
}

static void pipelined_answers_follow_the_file(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = ask(hello);
    say(client, hello);
    say(client, hello_and_close);
    RUN_UNTIL(request_count == 3);
    give_answer(exchanges[2], "third");
    answer_with(exchanges[1], 0, FILE_SIZE);
    give_answer(exchanges[0], "first");
    server_flush(server);
    expect_end(client);
    assert_true(client->received.size > FILE_SIZE);
    assert_memory_equal(client->received.bytes + client->received.size - 5, "third", 5);
    assert_non_null(memmem(client->received.bytes, 200, "first", 5));
    assert_int_equal(count_in(client, "HTTP/1.1 200 OK"), 3);
}

static void others_have_their_turn_meanwhile(void **state)
{
    Client *large, *small;

    (void)state;
    open_patient_server();
    large = ask(hello_and_close);
    answer_with(exchanges[0], 0, FILE_SIZE);
    small = ask(hello_and_close);
    give_answer(exchanges[1], "small");
    server_flush(server);
    RUN_UNTIL((take_some(large), is_over(small)));
    assert_false(large->has_ended);
    expect_end(large);
    expect_file(large, 0, FILE_SIZE);
}

static void a_file_that_ends_early_cuts_the_answer(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = ask(hello);
    answer_with(exchanges[0], 0, FILE_SIZE);
    run_for(20);
    assert_int_equal(ftruncate(open_file_descriptor(file), FILE_SIZE / 2), 0);
    expect_end(client);
    assert_true(client->received.size < FILE_SIZE);
    assert_true(client->received.size >= FILE_SIZE / 2 - 1024 * 1024);
    assert_int_equal(http_server_counters(server)->cut_file_count, 1);
}

static void a_short_piece_that_is_not_there_is_told(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = ask(hello);
    assert_int_equal(server_exchange_start(exchanges[0], &(Http1Reply){.status = 200}, 100), 0);
    assert_int_equal(server_exchange_write_file(exchanges[0], file, FILE_SIZE, 100), ERR_EOF);
    server_exchange_cut(exchanges[0]);
    server_flush(server);
    expect_end(client);
}

static void a_client_that_goes_frees_the_file(void **state)
{
    Client *client;
    OpenFile *other = open_file_adopt(open("/proc/self/exe", O_RDONLY));
    int fd = open_file_descriptor(other);

    (void)state;
    open_patient_server();
    client = ask(hello);
    assert_int_equal(
        server_exchange_start(exchanges[0], &(Http1Reply){.status = 200}, FILE_SIZE + 100000), 0);
    assert_int_equal(server_exchange_write_file(exchanges[0], file, 0, FILE_SIZE), 0);
    assert_int_equal(server_exchange_write_file(exchanges[0], other, 0, 100000), 0);
    assert_int_equal(server_exchange_finish(exchanges[0], NULL, 0), 0);
    open_file_release(other);
    server_flush(server);
    run_for(5);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    reset(client);
    RUN_UNTIL(open_count() == 0);
    http1_exchange_release(exchanges[0]);
    exchanges[0] = exchanges[--request_count];
    RUN_UNTIL(fcntl(fd, F_GETFD) < 0);
}

static void a_piece_for_nobody_is_refused(void **state)
{
    Client *client;

    (void)state;
    open_patient_server();
    client = ask(hello);
    reset(client);
    RUN_UNTIL(open_count() == 0);
    assert_int_equal(server_exchange_write_file(exchanges[0], file, 0, 10), ERR_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        file_test(a_file_arrives_whole),
        file_test(any_piece_arrives),
        file_test(a_client_that_takes_nothing_costs_a_piece),
        file_test(a_client_that_takes_nothing_is_reset),
        file_test(pipelined_answers_follow_the_file),
        file_test(others_have_their_turn_meanwhile),
        file_test(a_file_that_ends_early_cuts_the_answer),
        file_test(a_short_piece_that_is_not_there_is_told),
        file_test(a_client_that_goes_frees_the_file),
        file_test(a_piece_for_nobody_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
