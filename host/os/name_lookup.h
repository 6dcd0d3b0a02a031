/* NameLookup: the addresses of a name, asked of the system (files, DNS) outside of the loop's
 * thread. */
#ifndef PERIGEE_OS_NAME_LOOKUP_H
#define PERIGEE_OS_NAME_LOOKUP_H

#include <stddef.h>

#include "os/loop.h"

typedef struct NameLookup NameLookup;

/* `status` is 0 or why there are none. `addresses` are numeric, each with a line feed behind it, in
 * the order in which they should be tried; they last as long as the call. */
typedef void (*NameLookupCallback)(void *owner, int status, const char *addresses, size_t size);

/* Looks up addresses of both families for TCP; at most NAME_LOOKUP_ADDRESSES of them. `callback` is
 * called once, later, unless name_lookup_cancel comes before. */
int name_lookup_start(Loop *loop, const char *name, NameLookupCallback callback, void *owner,
                      NameLookup **out);

enum { NAME_LOOKUP_ADDRESSES = 32 };

/* The callback is not called any more. What is asked already goes on unheard. */
void name_lookup_cancel(NameLookup *lookup);

#endif
