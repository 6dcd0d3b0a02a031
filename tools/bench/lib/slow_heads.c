/* slow_heads: clients that never come to the end of a request's head.
 *
 *   slow_heads ADDRESS CONNECTIONS
 *
 * Opens them, sends the beginning of a head on each, says "open" and their number, and then sends
 * one byte on each every two seconds, until SIGTERM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

static const char beginning[] = "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ";

enum { PAUSE_S = 2 };

static int open_one(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        send(fd, beginning, sizeof beginning - 1, MSG_NOSIGNAL) < 0)
        return -1;
    return fd;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 3) {
        fprintf(stderr, "usage: slow_heads ADDRESS CONNECTIONS\n");
        return 2;
    }

    size_t count = (size_t)atol(arguments[2]);
    int *fds = calloc(count, sizeof *fds);
    Client *client = malloc(sizeof *client);

    raise_descriptor_limit();
    client_init(client, arguments[1]);
    for (size_t i = 0; i < count; i++) {
        if ((fds[i] = open_one(&client->address)) < 0) {
            fprintf(stderr, "slow_heads: connection %zu of %zu failed\n", i + 1, count);
            return 1;
        }
    }
    printf("open %zu\n", count);
    fflush(stdout);
    for (;;) {
        sleep(PAUSE_S);
        for (size_t i = 0; i < count; i++)
            send(fds[i], "x", 1, MSG_NOSIGNAL);
    }
}
