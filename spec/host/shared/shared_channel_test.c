/* SharedChannel: messages in order, within their bounds, whoever dies meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "shared/shared_channel.h"

enum { SIZE = 512 * 1024, CAPACITY = 4, RING_SIZE = SHARED_CHANNEL_SIZE_MIN };

static SharedRegion region;
static SharedChannel channel;
static Buffer received;
static SharedParty party;

static int open_channel(void **state)
{
    void *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(bytes != MAP_FAILED);
    assert_int_equal(shared_region_format(bytes, SIZE), 0);
    assert_int_equal(shared_region_open(bytes, SIZE, &region), 0);
    assert_int_equal(shared_channel_add(&region, "a", CAPACITY, RING_SIZE), 0);
    assert_int_equal(shared_channel_open(&region, 0, &channel), 0);
    party = (SharedParty){.number = 70};
    return 0;
}

static int close_channel(void **state)
{
    (void)state;
    buffer_deinit(&received);
    return munmap(region.bytes, SIZE);
}

static int push(const char *text)
{
    return shared_channel_push(&channel, text, strlen(text), &party);
}

static void expect_pop(const char *text)
{
    buffer_clear(&received);
    assert_int_equal(shared_channel_pop(&channel, &received, &party), 0);
    assert_int_equal(received.size, strlen(text));
    assert_memory_equal(received.bytes, text, received.size);
}

static void messages_come_in_order(void **state)
{
    (void)state;
    assert_int_equal(push("one"), 0);
    assert_int_equal(push(""), 0);
    assert_int_equal(push("three"), 0);
    expect_pop("one");
    expect_pop("");
    expect_pop("three");
    assert_int_equal(shared_channel_pop(&channel, &received, &party), ERR_AGAIN);
}

static void its_bounds_are_messages_and_bytes(void **state)
{
    char large[RING_SIZE] = {0};

    (void)state;
    for (int i = 0; i < CAPACITY; i++)
        assert_int_equal(push("x"), 0);
    assert_int_equal(push("x"), ERR_AGAIN);
    expect_pop("x");
    assert_int_equal(push("x"), 0);
    for (int i = 0; i < CAPACITY; i++)
        expect_pop("x");
    assert_int_equal(shared_channel_push(&channel, large, sizeof large, &party), ERR_TOO_LARGE);
    assert_int_equal(
        shared_channel_push(&channel, large, RING_SIZE - SHARED_CHANNEL_OVERHEAD, &party), 0);
    assert_int_equal(push(""), ERR_AGAIN);
}

static void shapes_have_limits(void **state)
{
    (void)state;
    assert_int_equal(shared_channel_add(&region, "a", CAPACITY, RING_SIZE), 0);
    assert_int_equal(shared_channel_add(&region, "a", CAPACITY + 1, RING_SIZE), -EEXIST);
    assert_int_equal(shared_channel_add(&region, "b", 0, RING_SIZE), ERR_INVALID);
    assert_int_equal(shared_channel_add(&region, "b", 1, RING_SIZE - 1), ERR_INVALID);
    assert_int_equal(shared_channel_add(&region, "b", 1, SIZE), ERR_FULL);
    assert_int_equal(shared_channel_open(&region, 1, &channel), ERR_INVALID);
}

/* Sizes that end everywhere in the ring. */
static void any_size_goes_around(void **state)
{
    char sent[1000];

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        size_t size = i * 37 % sizeof sent;
        memset(sent, (int)(i % 251), size);
        assert_int_equal(shared_channel_push(&channel, sent, size, &party), 0);
        buffer_clear(&received);
        assert_int_equal(shared_channel_pop(&channel, &received, &party), 0);
        assert_int_equal(received.size, size);
        assert_true(size == 0 || memcmp(received.bytes, sent, size) == 0);
    }
}

static void who_waited_is_told_once(void **state)
{
    SharedParty other = {.number = 3};

    (void)state;
    assert_int_equal(shared_channel_pop(&channel, &received, &party), ERR_AGAIN);
    assert_int_equal(shared_channel_ask_pop(&channel, &other), 0);
    assert_int_equal(shared_channel_push(&channel, "x", 1, &other), 0);
    assert_true(other.receivers.words[0] == 1 << 3 && other.receivers.words[1] == 1 << 6);
    other = (SharedParty){.number = 3};
    assert_int_equal(shared_channel_push(&channel, "x", 1, &other), 0);
    assert_true(other.receivers.words[0] == 0 && other.receivers.words[1] == 0);
    assert_int_equal(shared_channel_ask_pop(&channel, &other), 1);
    while (shared_channel_ask_push(&channel, 1, &party) == 1)
        assert_int_equal(push("x"), 0);
    expect_pop("x");
    assert_true(party.senders.words[1] == 1 << 6);
}

static void what_is_in_a_closed_one_is_received(void **state)
{
    SharedChannelState found;

    (void)state;
    assert_int_equal(push("last"), 0);
    assert_int_equal(shared_channel_close(&channel, &party), 0);
    assert_int_equal(shared_channel_close(&channel, &party), ERR_CLOSED);
    assert_int_equal(push("late"), ERR_CLOSED);
    assert_int_equal(shared_channel_reopen(&channel), 0);
    assert_int_equal(push("late"), ERR_CLOSED);
    expect_pop("last");
    assert_int_equal(shared_channel_pop(&channel, &received, &party), ERR_CLOSED);
    assert_int_equal(shared_channel_reopen(&channel), 0);
    assert_int_equal(push("anew"), 0);
    assert_int_equal(shared_channel_read(&channel, &found), 0);
    assert_true(found.count == 1 && found.sent_count == 2 && !found.is_closed);
}

/* Sends numbers until it is killed; `progress` is what it knows to be sent. */
static void send_for_ever(_Atomic uint32_t *progress, uint32_t from)
{
    for (uint32_t i = from;; i++) {
        while (shared_channel_push(&channel, (char *)&i, sizeof i, &party) != 0)
            sched_yield();
        atomic_store(progress, i);
    }
}

/* A message is in the channel, or its sender never heard that it is. */
static void senders_may_be_killed(void **state)
{
    enum { PROCESS_COUNT = 50, ENOUGH = 100 };
    _Atomic uint32_t *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t next = 1, value;
    int status;

    (void)state;
    for (int i = 0; i < PROCESS_COUNT; i++) {
        uint32_t target = next + ENOUGH + (uint32_t)i;
        pid_t pid = fork();
        if (pid == 0)
            send_for_ever(progress, next);
        for (;;) {
            if (next >= target && pid > 0) {
                kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                pid = -1;
            }
            buffer_clear(&received);
            int result = shared_channel_pop(&channel, &received, &party);
            if (result == ERR_AGAIN && pid < 0)
                break;
            if (result == ERR_AGAIN) {
                sched_yield();
                continue;
            }
            assert_int_equal(result, 0);
            memcpy(&value, received.bytes, sizeof value);
            assert_int_equal(value, next);
            next++;
        }
        assert_true(next > atomic_load(progress));
    }
    munmap(progress, sizeof *progress);
}

/* Whatever stands in the memory, nothing outside of it is touched. The lock's bytes are spared:
 * libpthread believes them. */
static void damage_is_an_error(void **state)
{
    size_t first = sizeof(pthread_mutex_t);

    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        channel.bytes[first + (size_t)rand() % 200] = (char)rand();
        push("some text");
        buffer_clear(&received);
        shared_channel_pop(&channel, &received, &party);
        assert_true(received.size <= RING_SIZE);
    }
}

#define IN_A_CHANNEL(test) cmocka_unit_test_setup_teardown(test, open_channel, close_channel)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_CHANNEL(messages_come_in_order),  IN_A_CHANNEL(its_bounds_are_messages_and_bytes),
        IN_A_CHANNEL(shapes_have_limits),      IN_A_CHANNEL(any_size_goes_around),
        IN_A_CHANNEL(who_waited_is_told_once), IN_A_CHANNEL(what_is_in_a_closed_one_is_received),
        IN_A_CHANNEL(senders_may_be_killed),   IN_A_CHANNEL(damage_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
