#include "isolate/resource.h"

#include <stddef.h>

#include "isolate/isolate.h"

void resource_attach(Resource *resource, struct Isolate *isolate, void (*close)(Resource *resource))
{
    list_init(&resource->link);
    list_push_back(isolate_resources(isolate), &resource->link);
    resource->isolate = isolate;
    resource->close = close;
}

void resource_close(Resource *resource)
{
    if (resource->isolate == NULL)
        return;
    list_unlink(&resource->link);
    resource->isolate = NULL;
    resource->close(resource);
}
