/* Embedded: Perigee's own Lua modules as part of the program. The table is generated from the files
 * below lua/ by cmake/EmbedLua.cmake and sorted by name in the order of strcmp. */
#ifndef PERIGEE_ISOLATE_EMBEDDED_H
#define PERIGEE_ISOLATE_EMBEDDED_H

#include <stddef.h>

typedef struct EmbeddedModule {
    const char *name;   /* as `require` takes it: "perigee.http.router" */
    const char *source; /* text, with a NUL behind it that `size` does not count */
    size_t size;
} EmbeddedModule;

extern const EmbeddedModule embedded_modules[];
extern const size_t embedded_module_count;

#endif
