#include "os/name_lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/memory.h"

struct NameLookup {
    uv_getaddrinfo_t uv;
    NameLookupCallback callback; /* NULL once it was cancelled */
    void *owner;
};

/* Appends the numeric form. Returns false for an address of another family. */
static bool append_address(Buffer *out, const struct addrinfo *info)
{
    char text[INET6_ADDRSTRLEN + 1];
    int result;

    if (info->ai_family == AF_INET)
        result = uv_ip4_name((const struct sockaddr_in *)info->ai_addr, text, sizeof text);
    else if (info->ai_family == AF_INET6)
        result = uv_ip6_name((const struct sockaddr_in6 *)info->ai_addr, text, sizeof text);
    else
        return false;
    if (result < 0)
        return false;
    buffer_append(out, text, strlen(text));
    buffer_append(out, "\n", 1);
    return true;
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    NameLookup *lookup = request->data;
    Buffer addresses = {0};
    int count = 0;

    for (const struct addrinfo *info = list; info != NULL; info = info->ai_next)
        if (count < NAME_LOOKUP_ADDRESSES && append_address(&addresses, info))
            count++;
    uv_freeaddrinfo(list);
    if (status == 0 && count == 0)
        status = UV_EAI_NODATA;
    if (lookup->callback != NULL)
        lookup->callback(lookup->owner, status, addresses.bytes, addresses.size);
    buffer_deinit(&addresses);
    memory_free(lookup);
}

int name_lookup_start(Loop *loop, const char *name, NameLookupCallback callback, void *owner,
                      NameLookup **out)
{
    NameLookup *lookup = memory_alloc(sizeof *lookup);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int result;

    lookup->uv.data = lookup;
    lookup->callback = callback;
    lookup->owner = owner;
    result = uv_getaddrinfo(loop_uv(loop), &lookup->uv, on_answer, name, NULL, &hints);
    if (result < 0) {
        memory_free(lookup);
        return result;
    }
    *out = lookup;
    return 0;
}

void name_lookup_cancel(NameLookup *lookup)
{
    lookup->callback = NULL;
    uv_cancel((uv_req_t *)&lookup->uv);
}
