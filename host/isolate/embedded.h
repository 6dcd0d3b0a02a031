/* Embedded: Perigee's own Lua modules, and what its pages are made of, as part of the program. The
 * tables are generated from the files below lua/ by cmake/EmbedLua.cmake and sorted by name in the
 * order of strcmp. */
#ifndef PERIGEE_ISOLATE_EMBEDDED_H
#define PERIGEE_ISOLATE_EMBEDDED_H

#include <stddef.h>

typedef struct EmbeddedFile {
    const char *name;   /* of a module as `require` takes it: "perigee.http.router"; of an asset its
                         * path: "perigee/dashboard/index.html" */
    const char *source; /* text, with a NUL behind it that `size` does not count */
    size_t size;
} EmbeddedFile;

extern const EmbeddedFile embedded_modules[];
extern const size_t embedded_module_count;

extern const EmbeddedFile embedded_assets[];
extern const size_t embedded_asset_count;

#endif
