/* Resource: the link by which everything an isolate opened hangs on it, so that closing the
 * isolate closes it all. Embedded in what it owns. */
#ifndef PERIGEE_ISOLATE_RESOURCE_H
#define PERIGEE_ISOLATE_RESOURCE_H

#include "base/list.h"

struct Isolate;

typedef struct Resource {
    List link;
    struct Isolate
        *isolate; /* NULL once it was closed: a late completion must not touch the isolate */
    void (*close)(struct Resource *resource);
} Resource;

/* Hangs the resource on the isolate. `close` is called once: by resource_close or with the
 * isolate. */
void resource_attach(Resource *resource, struct Isolate *isolate,
                     void (*close)(Resource *resource));

/* Unlinks and closes it. Closing again does nothing. */
void resource_close(Resource *resource);

#endif
