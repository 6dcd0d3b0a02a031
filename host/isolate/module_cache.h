/* ModuleCache: Perigee's own Lua modules, compiled once per process. The first isolate that
 * loads a module compiles its source; later ones load the bytecode, which costs a third. Only
 * the host's own code goes this way: bytecode from anywhere else is never loaded. */
#ifndef PERIGEE_ISOLATE_MODULE_CACHE_H
#define PERIGEE_ISOLATE_MODULE_CACHE_H

#include "base/buffer.h"

struct lua_State;

/* Modules are read from this directory from now on instead of from the binary: for developing
 * Perigee itself. */
void module_cache_set_directory(const char *directory);

/* Pushes the main chunk of module `name` ("perigee.http.router") and returns 0;
 * or pushes an error message and returns ERR_NOT_FOUND or ERR_INVALID. */
int module_cache_load(struct lua_State *L, const char *name);

/* Appends the asset `name` ("perigee/dashboard/index.html"), which is text. ERR_NOT_FOUND when
 * there is none. */
int module_cache_read_asset(const char *name, Buffer *out);

/* Frees what was compiled. */
void module_cache_clear(void);

#endif
