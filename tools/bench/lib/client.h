/* Client: a blocking HTTP/1.1 client on one connection, for measuring.
 * GET only, and answers with Content-Length only. It trusts nothing: an answer that is late, short
 * or malformed is a failure, so that a program that counts failures counts them all. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_BUFFER_SIZE = 16384, CLIENT_TIMEOUT_S = 10 };

typedef enum ClientFailure {
    CLIENT_OK,
    CLIENT_REFUSED,   /* no connection could be made */
    CLIENT_CLOSED,    /* the connection ended before the answer did */
    CLIENT_TIMEOUT,   /* no byte came for CLIENT_TIMEOUT_S */
    CLIENT_MALFORMED, /* not an HTTP answer, or more bytes than it announced */
    CLIENT_FAILURE_COUNT,
} ClientFailure;

typedef struct Client {
    struct sockaddr_in address;
    int fd; /* -1 while there is no connection */
    unsigned opened_count;
    int status;       /* of the last answer */
    const char *body; /* of the last answer, valid until the next one */
    size_t body_size;
    size_t size; /* bytes in the buffer */
    char buffer[CLIENT_BUFFER_SIZE];
} Client;

/* `address` reads like "127.0.0.1:8080". Ends the program when it does not. */
void client_init(Client *client, const char *address);

/* Asks for `target` and reads the whole answer. Connects when there is no connection. Closes it
 * after a failure, when the answer says so, and unless `is_kept`. */
ClientFailure client_get(Client *client, const char *target, bool is_kept);

void client_close(Client *client);

/* True when the last answer is 200 with this body; NULL stands for any. */
bool client_has_answer(const Client *client, const char *body);

uint64_t client_now_ns(void);

/* Sleeps until client_now_ns() is `due_ns`. */
void client_sleep_until(uint64_t due_ns);

#endif
