/* Clients on real sockets of the test's own process, and the address they connect to. */
#ifndef PERIGEE_SPEC_CLIENT_FIXTURE_H
#define PERIGEE_SPEC_CLIENT_FIXTURE_H

#include "../loop_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "net/address.h"
#include "net/socket.h"

enum { CLIENT_COUNT = 80, LONG_MS = 60000 };

typedef struct Client {
    Buffer received;
    int fd;
    bool has_ended;
    bool is_reset;
} Client;

static Address address;
static Client clients[CLIENT_COUNT];
static int client_count;

/* Returns the descriptor that clients connect to from now on. */
static inline int listen_for_clients(void)
{
    Address where;
    int fd;

    assert_int_equal(address_parse("127.0.0.1:0", &where), 0);
    assert_int_equal(socket_listen(&where, 128, 1, &fd, &address), 0);
    return fd;
}

static inline void close_clients(void)
{
    for (int i = 0; i < client_count; i++) {
        buffer_deinit(&clients[i].received);
        if (clients[i].fd >= 0)
            close(clients[i].fd);
    }
    client_count = 0;
}

static inline Client *connect_client(void)
{
    Client *client = &clients[client_count++];
    int yes = 1;

    *client = (Client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address.raw, address.raw_size),
                     0);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return client;
}

static inline void hang_up(Client *client)
{
    close(client->fd);
    client->fd = -1;
}

static inline void reset(Client *client)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up(client);
}

/* As much as the kernel takes. */
static inline size_t try_send(const Client *client, const char *bytes, size_t size)
{
    ssize_t sent = send(client->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    return sent < 0 ? 0 : (size_t)sent;
}

static inline void say(const Client *client, const char *text)
{
    assert_int_equal(try_send(client, text, strlen(text)), strlen(text));
}

/* Takes at most 64 KiB of what has come. False when there was nothing. */
static inline bool take_some(Client *client)
{
    char *room = buffer_reserve(&client->received, 65536);
    ssize_t size = recv(client->fd, room, 65536, MSG_DONTWAIT);

    client->has_ended |= size == 0;
    client->is_reset |= size < 0 && errno != EAGAIN;
    if (size > 0)
        buffer_grow(&client->received, (size_t)size);
    return size > 0;
}

static inline void take_input(Client *client)
{
    while (take_some(client)) {
    }
}

static inline bool has_got(Client *client, const char *text)
{
    take_input(client);
    return client->received.size > 0 &&
           memmem(client->received.bytes, client->received.size, text, strlen(text)) != NULL;
}

static inline bool is_over(Client *client)
{
    take_input(client);
    return client->has_ended || client->is_reset;
}

static inline int count_in(const Client *client, const char *text)
{
    const char *at = client->received.bytes;
    size_t left = client->received.size;
    int count = 0;

    while (left > 0 && (at = memmem(at, left, text, strlen(text))) != NULL) {
        count++;
        at += strlen(text);
        left = client->received.size - (size_t)(at - client->received.bytes);
    }
    return count;
}

static inline void expect_end(Client *client)
{
    RUN_UNTIL(is_over(client));
    assert_true(client->has_ended);
    assert_false(client->is_reset);
}

/* Text of `size` bytes for the caller to free. */
static inline char *make_big(size_t size)
{
    char *bytes = malloc(size + 1);

    assert_non_null(bytes);
    memset(bytes, 'b', size);
    bytes[size] = '\0';
    return bytes;
}

static inline void run_for(uint64_t ms)
{
    uint64_t end_ns = clock_monotonic_ns() + ms * 1000000;

    while (clock_monotonic_ns() < end_ns)
        run_turn();
}

#endif
