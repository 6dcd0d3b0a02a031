/* Address: where to listen or connect. Text forms: `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every
 * interface), `localhost:8080` (127.0.0.1; no other name is looked up), `unix:/path`,
 * `unix:@abstract`. */
#ifndef PERIGEE_NET_ADDRESS_H
#define PERIGEE_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

typedef struct Address {
    struct sockaddr_storage raw;
    socklen_t raw_size;
} Address;

enum { ADDRESS_TEXT_SIZE = 128, ADDRESS_BYTES_SIZE = 16 };

/* 0, or ERR_INVALID. */
int address_parse(const char *text, Address *out);

/* The text form, cut to `size` with a NUL; "" for an all-zero address.
 * An IPv4 client of an IPv6 socket (::ffff:127.0.0.1) reads as the IPv4 address it is. */
void address_format(const Address *address, char *text, size_t size);

/* The host part alone ("127.0.0.1", "::1", "unix") and the port (0 for unix). */
void address_format_host(const Address *address, char *text, size_t size);
int address_port(const Address *address);

/* The bytes of a numeric address without a port ("10.0.0.7", "::1", "localhost"), those of IPv4 in
 * IPv6 as IPv4. Returns 4 or 16, or 0 for what is none. */
size_t address_bytes(const char *host, unsigned char bytes[ADDRESS_BYTES_SIZE]);

bool address_is_unix(const Address *address);

#endif
