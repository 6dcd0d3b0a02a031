#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"

enum { UNIX_PREFIX_SIZE = 5, HOST_SIZE = 64, PATH_OFFSET = offsetof(struct sockaddr_un, sun_path) };

static const char unix_prefix[] = "unix:";

static void set_raw(Address *address, const void *raw, size_t raw_size)
{
    memset(address, 0, sizeof *address);
    memcpy(&address->raw, raw, raw_size);
    address->raw_size = (socklen_t)raw_size;
}

/* A leading "@" stands for the NUL in front of an abstract name. */
static int parse_unix(const char *path, Address *out)
{
    struct sockaddr_un raw = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    bool is_abstract = path[0] == '@';

    if (size <= (is_abstract ? 1 : 0) || size >= sizeof raw.sun_path)
        return ERR_INVALID;
    memcpy(raw.sun_path, path, size);
    if (is_abstract)
        raw.sun_path[0] = '\0';
    set_raw(out, &raw, PATH_OFFSET + size + (is_abstract ? 0 : 1));
    return 0;
}

static int parse_port(const char *text, in_port_t *out)
{
    size_t size = strlen(text);

    if (size == 0 || size > 5 || strspn(text, "0123456789") != size)
        return ERR_INVALID;

    long port = strtol(text, NULL, 10);

    if (port > UINT16_MAX)
        return ERR_INVALID;
    *out = htons((in_port_t)port);
    return 0;
}

static int parse_ipv4(const char *host, in_port_t port, Address *out)
{
    struct sockaddr_in raw = {.sin_family = AF_INET, .sin_port = port};

    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &raw.sin_addr) != 1)
        return ERR_INVALID;
    set_raw(out, &raw, sizeof raw);
    return 0;
}

static int parse_ipv6(const char *host, in_port_t port, Address *out)
{
    struct sockaddr_in6 raw = {.sin6_family = AF_INET6, .sin6_port = port};

    if (inet_pton(AF_INET6, host, &raw.sin6_addr) != 1)
        return ERR_INVALID;
    set_raw(out, &raw, sizeof raw);
    return 0;
}

int address_parse(const char *text, Address *out)
{
    char host[HOST_SIZE];
    in_port_t port;

    if (strncmp(text, unix_prefix, UNIX_PREFIX_SIZE) == 0)
        return parse_unix(text + UNIX_PREFIX_SIZE, out);

    const char *colon = strrchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= sizeof host || parse_port(colon + 1, &port) < 0)
        return ERR_INVALID;

    size_t size = (size_t)(colon - text);

    memcpy(host, text, size);
    host[size] = '\0';
    if (size == 0)
        return parse_ipv6("::", port, out);
    if (host[0] != '[' || host[size - 1] != ']')
        return parse_ipv4(host, port, out);
    host[size - 1] = '\0';
    return parse_ipv6(host + 1, port, out);
}

bool address_is_unix(const Address *address)
{
    return address->raw.ss_family == AF_UNIX;
}

static bool is_ipv4_in_ipv6(const Address *address)
{
    struct sockaddr_in6 raw;

    if (address->raw.ss_family != AF_INET6)
        return false;
    memcpy(&raw, &address->raw, sizeof raw);
    return IN6_IS_ADDR_V4MAPPED(&raw.sin6_addr);
}

static void format_ipv6(const Address *address, char *text, size_t size)
{
    struct sockaddr_in6 raw;

    memcpy(&raw, &address->raw, sizeof raw);
    if (is_ipv4_in_ipv6(address))
        inet_ntop(AF_INET, &raw.sin6_addr.s6_addr[12], text, (socklen_t)size);
    else
        inet_ntop(AF_INET6, &raw.sin6_addr, text, (socklen_t)size);
}

static void format_ipv4(const Address *address, char *text, size_t size)
{
    struct sockaddr_in raw;

    memcpy(&raw, &address->raw, sizeof raw);
    inet_ntop(AF_INET, &raw.sin_addr, text, (socklen_t)size);
}

void address_format_host(const Address *address, char *text, size_t size)
{
    char host[HOST_SIZE] = "";

    switch (address->raw.ss_family) {
    case AF_UNIX:
        strcpy(host, "unix");
        break;
    case AF_INET:
        format_ipv4(address, host, sizeof host);
        break;
    case AF_INET6:
        format_ipv6(address, host, sizeof host);
        break;
    default:
        break;
    }
    snprintf(text, size, "%s", host);
}

/* A client's own end usually has no name. */
static void format_unix(const Address *address, char *text, size_t size)
{
    struct sockaddr_un raw;
    int path_size = (int)address->raw_size - PATH_OFFSET;

    memcpy(&raw, &address->raw, sizeof raw);
    if (path_size <= 0)
        snprintf(text, size, "%s", unix_prefix);
    else if (raw.sun_path[0] == '\0')
        snprintf(text, size, "%s@%.*s", unix_prefix, path_size - 1, raw.sun_path + 1);
    else
        snprintf(text, size, "%s%.*s", unix_prefix, path_size, raw.sun_path);
}

void address_format(const Address *address, char *text, size_t size)
{
    char host[HOST_SIZE];

    if (address_is_unix(address)) {
        format_unix(address, text, size);
        return;
    }
    address_format_host(address, host, sizeof host);
    if (host[0] == '\0')
        snprintf(text, size, "%s", "");
    else if (address->raw.ss_family == AF_INET6 && !is_ipv4_in_ipv6(address))
        snprintf(text, size, "[%s]:%d", host, address_port(address));
    else
        snprintf(text, size, "%s:%d", host, address_port(address));
}

size_t address_bytes(const char *host, unsigned char bytes[ADDRESS_BYTES_SIZE])
{
    static const unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    enum { IPV4_SIZE = ADDRESS_BYTES_SIZE - sizeof mapped };

    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, bytes) == 1)
        return IPV4_SIZE;
    if (inet_pton(AF_INET6, host, bytes) != 1)
        return 0;
    if (memcmp(bytes, mapped, sizeof mapped) != 0)
        return ADDRESS_BYTES_SIZE;
    memmove(bytes, bytes + sizeof mapped, IPV4_SIZE);
    return IPV4_SIZE;
}

int address_port(const Address *address)
{
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;

    switch (address->raw.ss_family) {
    case AF_INET:
        memcpy(&ipv4, &address->raw, sizeof ipv4);
        return ntohs(ipv4.sin_port);
    case AF_INET6:
        memcpy(&ipv6, &address->raw, sizeof ipv6);
        return ntohs(ipv6.sin6_port);
    default:
        return 0;
    }
}
