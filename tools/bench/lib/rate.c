/* rate: requests at a fixed rate on kept connections, and how long each took.
 *
 *   rate ADDRESS TARGET SECONDS CONNECTIONS RATE
 *
 * RATE requests a second in all are due at times fixed in advance, on each connection in turn.
 * Latency counts from those times: a request that is due while its connection still waits for the
 * last answer goes out late and is charged for that. One thread polls without sleeping, so it wants
 * a processor of its own. An answer fails unless it is a 200 of the same size as the first one.
 * Ends after SECONDS with one line of names and values. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "client.h"

enum { BUCKET_COUNT = 2000000, BUCKET_NS = 1000, EVENT_COUNT = 64 };

typedef struct Slot {
    Client client;
    uint64_t due_ns; /* of the request under way, or else of the next one */
    int is_waiting;
} Slot;

static uint64_t buckets[BUCKET_COUNT]; /* of latencies, the last one for all above */
static uint64_t request_count, failed_count, slowest_ns;
static uint64_t interval_ns; /* between two requests on one connection */
static size_t answer_size;
static char request[512];
static size_t request_size;

static void fail(const char *what)
{
    fprintf(stderr, "rate: %s\n", what);
    exit(1);
}

static void count_latency(uint64_t latency_ns)
{
    uint64_t bucket = latency_ns / BUCKET_NS;

    buckets[bucket < BUCKET_COUNT ? bucket : BUCKET_COUNT - 1]++;
    if (latency_ns > slowest_ns)
        slowest_ns = latency_ns;
}

static void ask(Slot *slot)
{
    if (send(slot->client.fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        fail("a request could not be sent");
    slot->client.size = 0;
    slot->is_waiting = 1;
}

static void finish(Slot *slot, uint64_t now_ns)
{
    request_count++;
    failed_count += memcmp(slot->client.buffer, "HTTP/1.1 200", 12) != 0;
    count_latency(now_ns - slot->due_ns);
    slot->is_waiting = 0;
    slot->due_ns += interval_ns;
    if (slot->due_ns <= now_ns)
        ask(slot);
}

static void receive(Slot *slot)
{
    Client *client = &slot->client;
    ssize_t size = recv(client->fd, client->buffer + client->size,
                        CLIENT_BUFFER_SIZE - client->size, MSG_DONTWAIT);

    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0)
        fail("a connection ended");
    client->size += (size_t)size;
    if (client->size > answer_size)
        fail("an answer is longer than the first one");
    if (client->size == answer_size)
        finish(slot, client_now_ns());
}

static void run(Slot *slots, size_t count, int poll_fd, uint64_t end_ns)
{
    struct epoll_event events[EVENT_COUNT];
    size_t next = 0; /* connections are due in turn */
    uint64_t now_ns;

    while ((now_ns = client_now_ns()) < end_ns) {
        while (!slots[next].is_waiting && slots[next].due_ns <= now_ns) {
            ask(&slots[next]);
            next = (next + 1) % count;
        }
        if (slots[next].is_waiting)
            next = (next + 1) % count;

        int ready_count = epoll_wait(poll_fd, events, EVENT_COUNT, 0);

        for (int i = 0; i < ready_count; i++)
            receive(events[i].data.ptr);
    }
}

static void open_slots(Slot *slots, size_t count, const char *address, const char *target,
                       int poll_fd)
{
    for (size_t i = 0; i < count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &slots[i]};

        client_init(&slots[i].client, address);
        if (client_get(&slots[i].client, target, true) != CLIENT_OK ||
            !client_has_answer(&slots[i].client, NULL))
            fail("there is no complete 200");
        answer_size = slots[i].client.size;
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, slots[i].client.fd, &wanted);
    }
}

static double percentile_us(double share)
{
    uint64_t left = (uint64_t)((double)request_count * share);
    int bucket = 0;

    while (bucket < BUCKET_COUNT - 1 && left >= buckets[bucket])
        left -= buckets[bucket++];
    return (bucket + 1) * (BUCKET_NS / 1e3);
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 6) {
        fprintf(stderr, "usage: rate ADDRESS TARGET SECONDS CONNECTIONS RATE\n");
        return 2;
    }

    size_t count = (size_t)atol(arguments[4]);
    double rate = atof(arguments[5]);
    Slot *slots = calloc(count, sizeof *slots);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);

    request_size = (size_t)snprintf(request, sizeof request,
                                    "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", arguments[2]);
    interval_ns = (uint64_t)((double)count / rate * 1e9);
    open_slots(slots, count, arguments[1], arguments[2], poll_fd);

    uint64_t start_ns = client_now_ns();

    for (size_t i = 0; i < count; i++)
        slots[i].due_ns = start_ns + (uint64_t)((double)i / rate * 1e9);
    run(slots, count, poll_fd, start_ns + (uint64_t)(atof(arguments[3]) * 1e9));
    printf("requests %lu failed %lu median_us %.0f p99_us %.0f max_us %.0f\n",
           (unsigned long)request_count, (unsigned long)failed_count, percentile_us(0.5),
           percentile_us(0.99), (double)slowest_ns / 1e3);
    return 0;
}
