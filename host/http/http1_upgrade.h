/* An exchange whose connection goes over to another protocol (RFC 9110 7.8). From the answer on the
 * request's body is what the client sends, and the answer's body what it gets, both as they are and
 * until the connection ends: http1_exchange_body, http1_exchange_write and _finish go on to work.
 *
 * Behind a request that asks for an upgrade nothing is read until it is answered, so no byte is
 * ever taken for HTTP that is none, and none is lost when the upgrade is not wanted. */
#ifndef PERIGEE_HTTP_HTTP1_UPGRADE_H
#define PERIGEE_HTTP_HTTP1_UPGRADE_H

#include "http/http1_connection.h"

/* Answers 101 with `fields`, ready and checked lines that name the protocol; "Connection: Upgrade"
 * is added. Answers due before it go first.
 * Returns 0, ERR_ANSWERED, ERR_CLOSED when nobody is there to read it, or ERR_INVALID when the
 * request does not ask for an upgrade, or asks with a body, "Connection: close" or HTTP/1.0. */
int http1_exchange_upgrade(Http1Exchange *exchange, const char *fields, size_t fields_size);

bool http1_exchange_is_upgraded(const Http1Exchange *exchange);

#endif
