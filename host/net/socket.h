/* Socket: listening descriptors, made by the supervisor and inherited by workers, so that the
 * kernel keeps accepting while a worker restarts. */
#ifndef PERIGEE_NET_SOCKET_H
#define PERIGEE_NET_SOCKET_H

#include <stddef.h>

#include "net/address.h"

/* Opens `count` sockets bound to `where` and listening with `backlog`, non-blocking, close-on-exec.
 * More than one share the port with SO_REUSEPORT. Port 0 picks one free port for all of them;
 * `actual` says which. Every interface ("[::]") is IPv6 and IPv4, or IPv4 where there is no IPv6.
 * A port that another program listens on is UV_EADDRINUSE even where SO_REUSEPORT would have let
 * us in.
 *
 * For unix paths `count` must be 1 (else ERR_INVALID); a stale socket file, that nobody answers on,
 * is replaced, a live one is UV_EADDRINUSE. Nobody removes the file when the socket closes: the
 * supervisor cannot know who else holds it.
 *
 * On failure nothing stays open and the content of `fds` means nothing. */
int socket_listen(const Address *where, int backlog, size_t count, int *fds, Address *actual);

/* Makes a listening socket that this process was given, by systemd or by the process it replaces,
 * like one of socket_listen. ERR_INVALID when `fd` is anything else. */
int socket_adopt_listening(int fd, Address *actual);

/* Sends one datagram to the Unix socket `where`, without waiting. */
int socket_send_datagram(const Address *where, const void *bytes, size_t size);

#endif
