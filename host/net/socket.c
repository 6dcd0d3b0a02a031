#include "net/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"

enum { KEEP_IDLE_S = 60, KEEP_INTERVAL_S = 15, KEEP_COUNT = 4 };

static const struct sockaddr *raw_of(const Address *address)
{
    return (const struct sockaddr *)&address->raw;
}

static int last_error(void)
{
    return uv_translate_sys_error(errno);
}

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int open_socket(const Address *where)
{
    return socket(where->raw.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Opens a socket bound to `where`. Returns the descriptor or a negative code. */
static int open_bound(const Address *where, bool is_shared)
{
    int family = where->raw.ss_family;
    int fd = open_socket(where);

    if (fd < 0)
        return last_error();
    if (family != AF_UNIX && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
        goto fail;
    if (family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) < 0)
        goto fail;
    if (is_shared && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
        goto fail;
    if (bind(fd, raw_of(where), where->raw_size) < 0)
        goto fail;
    return fd;

fail:;
    int result = last_error();
    close(fd);
    return result;
}

/* SO_REUSEPORT lets in every program of the same user, so a second Perigee on the port would
 * silently take half of the connections. A socket without it is refused where anybody listens.
 * Between this trial and the real binding somebody else may still come in. */
static int try_alone(const Address *where)
{
    int fd = open_bound(where, false);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int read_own_address(int fd, Address *out)
{
    Address address = {.raw_size = sizeof address.raw};

    if (getsockname(fd, (struct sockaddr *)&address.raw, &address.raw_size) < 0)
        return last_error();
    *out = address;
    return 0;
}

/* Accepted connections inherit it, so it costs them nothing. A peer that is gone without a word is
 * noticed after two minutes, also where no other timer runs. */
static void set_keep_alive(int fd)
{
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
}

static int open_listening(const Address *where, int backlog, bool is_shared, int *out)
{
    int fd = open_bound(where, is_shared);

    if (fd < 0)
        return fd;
    if (!address_is_unix(where))
        set_keep_alive(fd);
    if (listen(fd, backlog) < 0) {
        int result = last_error();
        close(fd);
        return result;
    }
    *out = fd;
    return 0;
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* The first socket finds the port when none was asked for; the others follow it. */
static int listen_internet(const Address *where, int backlog, size_t count, int *fds,
                           Address *actual)
{
    Address address = *where;
    bool is_shared = count > 1;
    size_t open_count = 0;
    int result = 0;

    if (is_shared && address_port(where) != 0 && (result = try_alone(where)) < 0)
        return result;
    while (open_count < count) {
        if ((result = open_listening(&address, backlog, is_shared, &fds[open_count])) < 0)
            goto fail;
        open_count++;
        if (open_count == 1 && (result = read_own_address(fds[0], &address)) < 0)
            goto fail;
    }
    *actual = address;
    return 0;

fail:
    close_all(fds, open_count);
    return result;
}

static bool is_any_ipv6(const Address *address)
{
    struct sockaddr_in6 raw;

    memcpy(&raw, &address->raw, sizeof raw);
    return raw.sin6_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&raw.sin6_addr);
}

static Address any_ipv4(int port)
{
    struct sockaddr_in raw = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    Address address = {.raw_size = sizeof raw};

    memcpy(&address.raw, &raw, sizeof raw);
    return address;
}

/* A socket file outlives the program that bound it. It is stale when it is a socket and refuses a
 * connection; a live server sees one that ends at once. */
static int remove_stale_file(const Address *where)
{
    const char *path = ((const struct sockaddr_un *)&where->raw)->sun_path;
    struct stat status;

    if (path[0] == '\0' || lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return 0;

    int fd = open_socket(where);

    if (fd < 0)
        return last_error();

    bool is_stale = connect(fd, raw_of(where), where->raw_size) < 0 && errno == ECONNREFUSED;

    close(fd);
    if (!is_stale)
        return UV_EADDRINUSE;
    return unlink(path) < 0 ? last_error() : 0;
}

static int listen_unix(const Address *where, int backlog, int *fd, Address *actual)
{
    int result = remove_stale_file(where);

    if (result < 0 || (result = open_listening(where, backlog, false, fd)) < 0)
        return result;
    *actual = *where;
    return 0;
}

int socket_listen(const Address *where, int backlog, size_t count, int *fds, Address *actual)
{
    assert(count >= 1);
    if (address_is_unix(where))
        return count == 1 ? listen_unix(where, backlog, fds, actual) : ERR_INVALID;

    int result = listen_internet(where, backlog, count, fds, actual);

    if ((result == UV_EAFNOSUPPORT || result == UV_EADDRNOTAVAIL) && is_any_ipv6(where)) {
        Address ipv4 = any_ipv4(address_port(where));
        return listen_internet(&ipv4, backlog, count, fds, actual);
    }
    return result;
}

int socket_adopt_listening(int fd, Address *actual)
{
    int is_listening = 0;
    socklen_t size = sizeof is_listening;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0 || !is_listening)
        return ERR_INVALID;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return last_error();
    set_keep_alive(fd);
    return read_own_address(fd, actual);
}

int socket_send_datagram(const Address *where, const void *bytes, size_t size)
{
    int fd, result = 0;

    if (!address_is_unix(where))
        return ERR_INVALID;
    if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
        return last_error();
    if (sendto(fd, bytes, size, MSG_NOSIGNAL, raw_of(where), where->raw_size) < 0)
        result = last_error();
    close(fd);
    return result;
}
