/* Certificates for servers, and whom clients believe, as bytes in PEM: who read them from which
 * files is the business of Lua. */
#include "base/error.h"
#include "bind/seam.h"
#include "net/tls_client_context.h"
#include "net/tls_context.h"

#define TLS_CLIENT_TYPE "perigee.tls_client"

static const SeamType tls_client_type;

enum { MAX_PAIR_COUNT = 64 };

/* The text field `name` of the table on top. It stays the table's, and so does its memory. */
static const char *check_text(lua_State *L, const char *name, size_t *size)
{
    const char *text;

    lua_getfield(L, -1, name);
    text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, size) : NULL;
    if (text == NULL)
        luaL_error(L, "%s must be a text", name);
    lua_pop(L, 1);
    return text;
}

static TlsPem check_pem(lua_State *L, const char *name, const char *file_name)
{
    TlsPem pem;
    size_t size;

    pem.bytes = check_text(L, name, &pem.size);
    pem.name = check_text(L, file_name, &size);
    return pem;
}

static void check_pairs(lua_State *L, TlsPair *pairs, TlsOptions *options)
{
    lua_getfield(L, -1, "pairs");
    luaL_argcheck(L, lua_istable(L, -1), 2, "pairs expected");
    options->pairs = pairs;
    options->pair_count = lua_objlen(L, -1);
    luaL_argcheck(L, options->pair_count >= 1 && options->pair_count <= MAX_PAIR_COUNT, 2,
                  "from 1 to 64 pairs expected");
    for (size_t i = 0; i < options->pair_count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        luaL_argcheck(L, lua_istable(L, -1), 2, "pairs expected");
        pairs[i].chain = check_pem(L, "chain", "chain_name");
        pairs[i].key = check_pem(L, "key", "key_name");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void check_client_rules(lua_State *L, TlsOptions *options)
{
    lua_getfield(L, -1, "client_ca");
    if (!lua_isnil(L, -1)) {
        lua_pop(L, 1);
        options->client_ca = check_pem(L, "client_ca", "client_ca_name");
        lua_getfield(L, -1, "is_client_required");
        options->is_client_required = lua_toboolean(L, -1);
    }
    lua_pop(L, 1);
}

/* What `options` points to is the table's at `argument`. */
static void check_options(lua_State *L, int argument, TlsPair *pairs, TlsOptions *options)
{
    size_t size = 0;

    luaL_checktype(L, argument, LUA_TTABLE);
    lua_pushvalue(L, argument);
    check_pairs(L, pairs, options);
    check_client_rules(L, options);
    options->ticket_key = (const unsigned char *)check_text(L, "ticket_key", &size);
    luaL_argcheck(L, size == TLS_TICKET_KEY_SIZE, argument, "a ticket key has 80 bytes");
    lua_pop(L, 1);
}

static int push_problem(lua_State *L, int code, const char *problem)
{
    seam_push_failure(L, code);
    lua_pushstring(L, problem);
    return 3;
}

/* check_tls(options) -> {{first=, last=}, ...}, the times between which each certificate is good |
 * nil, code, message */
static int l_check_tls(lua_State *L)
{
    TlsPair pairs[MAX_PAIR_COUNT];
    TlsValidity validities[MAX_PAIR_COUNT];
    TlsOptions options = {0};
    TlsContext *context;
    char problem[TLS_PROBLEM_SIZE];
    int result;

    check_options(L, 1, pairs, &options);
    if ((result = tls_context_create(&options, &context, problem)) < 0)
        return push_problem(L, result, problem);
    for (size_t i = 0; i < options.pair_count; i++)
        validities[i] = tls_context_validity(context, i);
    tls_context_release(context);
    lua_createtable(L, (int)options.pair_count, 0);
    for (size_t i = 0; i < options.pair_count; i++) {
        lua_createtable(L, 0, 2);
        seam_set_number(L, "first", (lua_Number)validities[i].first_s);
        seam_set_number(L, "last", (lua_Number)validities[i].last_s);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

/* set_tls(server, options) -> true | nil, code, message: what connects from now on speaks TLS */
static int l_set_tls(lua_State *L)
{
    Server *server = seam_check_server(L, 1);
    TlsPair pairs[MAX_PAIR_COUNT];
    TlsOptions options = {0};
    TlsContext *context;
    char problem[TLS_PROBLEM_SIZE];
    int result;

    check_options(L, 2, pairs, &options);
    if (server == NULL)
        return push_problem(L, ERR_CLOSED, "the server is closed");
    if (http_server_counters(server) == NULL)
        options.protocols = ""; /* RPC has no name: who offers one wants something else */
    if ((result = tls_context_create(&options, &context, problem)) < 0)
        return push_problem(L, result, problem);
    server_set_tls(server, context);
    return seam_push_result(L, 0);
}

typedef struct TlsClientBox {
    Host *host;
    TlsClientContext *context; /* NULL once closed */
} TlsClientBox;

static int l_tls_client_close(lua_State *L)
{
    TlsClientBox *box = luaL_checkudata(L, 1, TLS_CLIENT_TYPE);

    if (box->context != NULL)
        box->host->tls_client_count--;
    tls_client_context_release(box->context);
    box->context = NULL;
    return 0;
}

TlsClientContext *seam_check_tls_client(lua_State *L, int argument)
{
    TlsClientBox *box = luaL_checkudata(L, argument, TLS_CLIENT_TYPE);

    luaL_argcheck(L, box->context != NULL, argument, "it is closed");
    return box->context;
}

static TlsPem check_optional_pem(lua_State *L, const char *name, const char *file_name)
{
    bool is_there;

    lua_getfield(L, -1, name);
    is_there = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return is_there ? check_pem(L, name, file_name) : (TlsPem){0};
}

static TlsClientOptions check_client_options(lua_State *L)
{
    TlsClientOptions options = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    options.ca = check_optional_pem(L, "ca", "ca_name");
    options.pair.chain = check_optional_pem(L, "chain", "chain_name");
    if (options.pair.chain.bytes != NULL)
        options.pair.key = check_pem(L, "key", "key_name");
    lua_getfield(L, -1, "is_unverified");
    options.is_unverified = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return options;
}

/* What OpenSSL keeps of the system's authorities is kept once for the process. */
static int make_client(Host *host, const TlsClientOptions *options, TlsClientContext **out,
                       char *problem)
{
    bool is_plain = options->ca.bytes == NULL && options->pair.chain.bytes == NULL;
    int result = 0;

    if (!is_plain || options->is_unverified)
        return tls_client_context_create(options, out, problem);
    if (host->default_tls_client == NULL)
        result = tls_client_context_create(options, &host->default_tls_client, problem);
    if (result == 0)
        *out = tls_client_context_share(host->default_tls_client);
    return result;
}

/* tls_client(options) -> what stream:start_tls takes | nil, code, message; "full" when the process
 * has as many as it may. */
static int l_tls_client(lua_State *L)
{
    TlsClientOptions options = check_client_options(L);
    Host *host = seam_host(L);
    TlsClientBox *box;
    char problem[TLS_PROBLEM_SIZE];
    int result;

    if (host->tls_client_count >= HOST_TLS_CLIENT_LIMIT)
        return push_problem(L, ERR_FULL, "too many clients with TLS settings of their own");
    box = lua_newuserdata(L, sizeof *box);
    *box = (TlsClientBox){.host = host};
    seam_push_type(L, &tls_client_type);
    lua_setmetatable(L, -2);
    if ((result = make_client(host, &options, &box->context, problem)) < 0)
        return push_problem(L, result, problem);
    host->tls_client_count++;
    return 1;
}

static const luaL_Reg functions[] = {
    {"tls_client", l_tls_client},
    {NULL,         NULL        },
};

static const luaL_Reg system_functions[] = {
    {"check_tls", l_check_tls},
    {"set_tls",   l_set_tls  },
    {NULL,        NULL       },
};

static const luaL_Reg tls_client_methods[] = {
    {"close", l_tls_client_close},
    {NULL,    NULL              },
};

static const SeamType tls_client_type = {TLS_CLIENT_TYPE, tls_client_methods, l_tls_client_close};

void bind_tls_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}

void bind_tls_open_system(lua_State *L, Isolate *isolate)
{
    seam_register(L, system_functions, isolate);
}
