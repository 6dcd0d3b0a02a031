/* Processes this one starts. */
#include "base/error.h"
#include "base/memory.h"
#include "bind/seam.h"
#include "isolate/resource.h"
#include "os/child.h"

enum { MAX_CHILD_STRINGS = 4096, MAX_CHILD_DESCRIPTORS = 1024 };

typedef struct ChildBox {
    Resource resource;
    Host *host;
    Handle handle;
    Child *child;
} ChildBox;

static void close_child(Resource *resource)
{
    ChildBox *box = list_entry(resource, ChildBox, resource);

    handle_table_remove(&box->host->children, box->handle);
    child_close(box->child);
    memory_free(box);
}

static void on_exit(void *owner, int64_t exit_status, int signal)
{
    ChildBox *box = owner;
    int code = signal != 0 ? -signal : (int)exit_status;

    isolate_tell(box->resource.isolate,
                 (Event){.kind = EVENT_EXIT, .id = box->handle, .code = code});
    resource_close(&box->resource);
}

/* Reads the array of strings in field `name` of the table at 1 into `strings`; they stay owned
 * by Lua. */
static char **check_strings(lua_State *L, const char *name, char *strings[MAX_CHILD_STRINGS + 1])
{
    size_t count;

    lua_getfield(L, 1, name);
    if (lua_isnil(L, -1))
        return NULL;
    luaL_argcheck(L, lua_istable(L, -1), 1, name);
    count = lua_objlen(L, -1);
    luaL_argcheck(L, count <= MAX_CHILD_STRINGS, 1, "too many strings");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "strings expected");
        strings[i] = (char *)lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    strings[count] = NULL;
    return strings;
}

static size_t check_descriptors(lua_State *L, int descriptors[MAX_CHILD_DESCRIPTORS])
{
    size_t count;

    lua_getfield(L, 1, "descriptors");
    luaL_argcheck(L, lua_istable(L, -1), 1, "descriptors");
    count = lua_objlen(L, -1);
    luaL_argcheck(L, count <= MAX_CHILD_DESCRIPTORS, 1, "too many descriptors");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        descriptors[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

/* spawn{file=, arguments=, environment=, directory=, descriptors=} -> id, pid | nil, code.
 * `file` is arguments[1] when it is left out. EVENT_EXIT tells its end. */
static int l_spawn(lua_State *L)
{
    char *arguments[MAX_CHILD_STRINGS + 1];
    char *environment[MAX_CHILD_STRINGS + 1];
    int descriptors[MAX_CHILD_DESCRIPTORS];
    ChildOptions options = {.descriptors = descriptors};
    Host *host = seam_host(L);
    ChildBox *box;
    int result;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.arguments = check_strings(L, "arguments", arguments);
    luaL_argcheck(L, options.arguments != NULL && options.arguments[0] != NULL, 1, "arguments");
    lua_getfield(L, 1, "file");
    options.file = luaL_optstring(L, -1, options.arguments[0]);
    options.environment = check_strings(L, "environment", environment);
    options.descriptor_count = check_descriptors(L, descriptors);
    lua_getfield(L, 1, "directory");
    options.directory = luaL_optstring(L, -1, NULL);

    box = memory_alloc(sizeof *box);
    if ((result = child_spawn(host->loop, &options, on_exit, box, &box->child)) < 0) {
        memory_free(box);
        return seam_push_failure(L, result);
    }
    box->host = host;
    box->handle = handle_table_add(&host->children, box);
    resource_attach(&box->resource, isolate_from(L), close_child);
    seam_push_handle(L, box->handle);
    lua_pushinteger(L, child_pid(box->child));
    return 2;
}

/* kill(id, signal) -> true | nil, code */
static int l_kill(lua_State *L)
{
    ChildBox *box = handle_table_find(&seam_host(L)->children, seam_check_handle(L, 1));
    int signal = (int)luaL_checkinteger(L, 2);

    return seam_push_result(L, box == NULL ? ERR_CLOSED : child_kill(box->child, signal));
}

static const luaL_Reg functions[] = {
    {"kill",  l_kill },
    {"spawn", l_spawn},
    {NULL,    NULL   },
};

void bind_child_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
