/* idle: connections that have asked for something once and ask for nothing more.
 *
 *   idle ADDRESS TARGET CONNECTIONS
 *
 * Opens them one by one, says "open" and their number, and holds them until SIGTERM. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

int main(int argument_count, char **arguments)
{
    if (argument_count != 4) {
        fprintf(stderr, "usage: idle ADDRESS TARGET CONNECTIONS\n");
        return 2;
    }

    size_t count = (size_t)atol(arguments[3]);
    Client *clients = calloc(count, sizeof *clients);

    for (size_t i = 0; i < count; i++) {
        client_init(&clients[i], arguments[1]);
        if (client_get(&clients[i], arguments[2], true) != CLIENT_OK || clients[i].fd < 0) {
            fprintf(stderr, "idle: connection %zu of %zu failed\n", i + 1, count);
            return 1;
        }
    }
    printf("open %zu\n", count);
    fflush(stdout);
    pause();
    return 0;
}
