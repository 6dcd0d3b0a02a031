/* Names of other machines for Lua: asked for by number, answered by an event. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/seam.h"
#include "isolate/resource.h"
#include "net/address.h"
#include "os/name_lookup.h"

typedef struct LookupBox {
    Resource resource;
    Host *host;
    Handle handle;
    NameLookup *lookup; /* NULL once it was answered */
} LookupBox;

static void close_box(Resource *resource)
{
    LookupBox *box = list_entry(resource, LookupBox, resource);

    if (box->lookup != NULL)
        name_lookup_cancel(box->lookup);
    handle_table_remove(&box->host->lookups, box->handle);
    memory_free(box);
}

static void on_answer(void *owner, int status, const char *addresses, size_t size)
{
    LookupBox *box = owner;

    if (status < 0) {
        addresses = error_name(status);
        size = strlen(addresses);
    }
    box->lookup = NULL;
    isolate_push_event(box->resource.isolate, (Event){.kind = EVENT_NAME,
                                                      .id = box->handle,
                                                      .code = status,
                                                      .bytes = memory_copy(addresses, size),
                                                      .size = size});
    resource_close(&box->resource);
}

/* lookup_name(name) -> id | nil, code. EVENT_NAME comes with its addresses, one a line, or with why
 * there are none. */
static int l_lookup_name(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    LookupBox *box = memory_alloc(sizeof *box);
    int result = name_lookup_start(seam_host(L)->loop, name, on_answer, box, &box->lookup);

    if (result < 0) {
        memory_free(box);
        return seam_push_failure(L, result);
    }
    box->host = seam_host(L);
    box->handle = handle_table_add(&box->host->lookups, box);
    resource_attach(&box->resource, isolate_from(L), close_box);
    seam_push_handle(L, box->handle);
    return 1;
}

/* cancel_lookup(id): nobody waits for it any more */
static int l_cancel_lookup(lua_State *L)
{
    LookupBox *box = handle_table_find(&seam_host(L)->lookups, seam_check_handle(L, 1));

    if (box != NULL)
        resource_close(&box->resource);
    return 0;
}

/* address_bytes(text) -> the 4 or 16 bytes of a numeric address without a port, those of IPv4 in
 * IPv6 as IPv4; nil for what is none */
static int l_address_bytes(lua_State *L)
{
    unsigned char bytes[ADDRESS_BYTES_SIZE];
    size_t size = address_bytes(luaL_checkstring(L, 1), bytes);

    if (size == 0)
        return 0;
    lua_pushlstring(L, (const char *)bytes, size);
    return 1;
}

static const luaL_Reg functions[] = {
    {"address_bytes", l_address_bytes},
    {"cancel_lookup", l_cancel_lookup},
    {"lookup_name",   l_lookup_name  },
    {NULL,            NULL           },
};

void bind_name_lookup_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
