#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const uint64_t ns_per_s = 1000000000;

uint64_t client_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

void client_sleep_until(uint64_t due_ns)
{
    struct timespec due = {
        .tv_sec = (time_t)(due_ns / ns_per_s),
        .tv_nsec = (long)(due_ns % ns_per_s),
    };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        continue;
}

void client_init(Client *client, const char *address)
{
    char host[INET_ADDRSTRLEN];
    unsigned port;

    client->fd = -1;
    client->opened_count = 0;
    client->address = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(address, "%15[0-9.]:%5u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &client->address.sin_addr) != 1) {
        fprintf(stderr, "\"%s\" is not an address such as 127.0.0.1:8080\n", address);
        exit(2);
    }
    client->address.sin_port = htons((uint16_t)port);
}

void client_close(Client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->size = 0;
}

static ClientFailure connect_client(Client *client)
{
    struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    int on = 1;

    client->size = 0;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return CLIENT_REFUSED;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(client->fd, (struct sockaddr *)&client->address, sizeof client->address) < 0)
        return CLIENT_REFUSED;
    client->opened_count++;
    return CLIENT_OK;
}

static ClientFailure send_request(Client *client, const char *target, bool is_kept)
{
    char request[512];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n", target,
                        is_kept ? "" : "Connection: close\r\n");

    return send(client->fd, request, (size_t)size, MSG_NOSIGNAL) == size ? CLIENT_OK
                                                                         : CLIENT_CLOSED;
}

static ClientFailure receive(Client *client)
{
    size_t room = CLIENT_BUFFER_SIZE - 1 - client->size;
    ssize_t size;

    if (room == 0)
        return CLIENT_MALFORMED;
    size = recv(client->fd, client->buffer + client->size, room, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return CLIENT_TIMEOUT;
    if (size <= 0)
        return CLIENT_CLOSED;
    client->size += (size_t)size;
    client->buffer[client->size] = '\0';
    return CLIENT_OK;
}

/* Reads a head, which ends at `*head_end` then. */
static ClientFailure receive_head(Client *client, char **head_end)
{
    ClientFailure failure;

    client->buffer[client->size] = '\0';
    while ((*head_end = strstr(client->buffer, "\r\n\r\n")) == NULL) {
        if ((failure = receive(client)) != CLIENT_OK)
            return failure;
    }
    *head_end += strlen("\r\n");
    return CLIENT_OK;
}

/* Reads what the head announces. `*says_close`: the connection ends with this answer. */
static ClientFailure receive_answer(Client *client, bool *says_close)
{
    char *end, *field;
    ClientFailure failure = receive_head(client, &end);

    if (failure != CLIENT_OK)
        return failure;
    *end = '\0'; /* the head alone is searched */
    field = strcasestr(client->buffer, "\r\nContent-Length: ");
    *says_close = strcasestr(client->buffer, "\r\nConnection: close") != NULL;
    if (sscanf(client->buffer, "HTTP/1.1 %3d ", &client->status) != 1 || field == NULL)
        return CLIENT_MALFORMED;
    client->body = end + strlen("\r\n");
    client->body_size = strtoul(field + strlen("\r\nContent-Length: "), NULL, 10);
    while (client->buffer + client->size < client->body + client->body_size) {
        if ((failure = receive(client)) != CLIENT_OK)
            return failure;
    }
    return client->buffer + client->size == client->body + client->body_size ? CLIENT_OK
                                                                             : CLIENT_MALFORMED;
}

ClientFailure client_get(Client *client, const char *target, bool is_kept)
{
    ClientFailure failure = CLIENT_OK;
    bool says_close = false;

    if (client->fd < 0)
        failure = connect_client(client);
    client->size = 0;
    if (failure == CLIENT_OK)
        failure = send_request(client, target, is_kept);
    if (failure == CLIENT_OK)
        failure = receive_answer(client, &says_close);
    if (failure != CLIENT_OK || says_close || !is_kept)
        client_close(client);
    return failure;
}

bool client_has_answer(const Client *client, const char *body)
{
    if (client->status != 200)
        return false;
    return body == NULL || (client->body_size == strlen(body) &&
                            memcmp(client->body, body, client->body_size) == 0);
}
