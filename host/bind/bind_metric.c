/* What an isolate counts, by the numbers of families and series; and which route a request took. */
#include <math.h>

#include "base/error.h"
#include "bind/call.h"
#include "bind/exchange.h"
#include "bind/seam.h"
#include "bind/service_metrics.h"

static ServiceMetrics *metrics_of(lua_State *L)
{
    return service_metrics_of(isolate_from(L));
}

static MetricRegistry *registry_of(lua_State *L)
{
    return host_metrics_registry(seam_host(L));
}

/* The bounds at `argument`, ascending and finite; 0 when there are none. */
static uint32_t check_bounds(lua_State *L, int argument, double bounds[METRIC_CELL_LIMIT])
{
    size_t count;

    if (lua_isnoneornil(L, argument))
        return 0;
    luaL_checktype(L, argument, LUA_TTABLE);
    count = lua_objlen(L, argument);
    luaL_argcheck(L, count <= METRIC_CELL_LIMIT - 2, argument, "too many bounds");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, argument, (int)i + 1);
        bounds[i] = luaL_checknumber(L, -1);
        luaL_argcheck(L, isfinite(bounds[i]) && (i == 0 || bounds[i] > bounds[i - 1]), argument,
                      "not ascending");
        lua_pop(L, 1);
    }
    return (uint32_t)count;
}

static int push_number(lua_State *L, long number)
{
    if (number < 0)
        return seam_push_failure(L, (int)number);
    lua_pushinteger(L, number);
    return 1;
}

/* metric_family(kind, text, bounds or nil) -> number | nil, code */
static int l_metric_family(lua_State *L)
{
    static const char *const names[] = {"counter", "gauge", "histogram", NULL};
    static const MetricKind kinds[] = {METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM};
    double bounds[METRIC_CELL_LIMIT];
    MetricFamily family = {.kind = kinds[luaL_checkoption(L, 1, NULL, names)]};

    family.text = luaL_checklstring(L, 2, &family.text_size);
    family.cell_count = check_bounds(L, 3, bounds);
    family.cells = bounds;
    return push_number(L, service_metrics_family(metrics_of(L), &family));
}

/* metric_series(family, labels, whether it is one that its family has in any case) -> number | nil,
 * code: "too_large" when the family has as many as it may */
static int l_metric_series(lua_State *L)
{
    long family = luaL_checkinteger(L, 1);
    MetricLabels labels;

    labels.text = luaL_checklstring(L, 2, &labels.size);
    luaL_argcheck(L, metric_registry_is_family(registry_of(L), family), 1, "no such family");
    labels.series_limit = lua_toboolean(L, 3) ? 0 : seam_host(L)->metrics.series_limit;
    return push_number(L, service_metrics_series(metrics_of(L), family, &labels));
}

/* metric_note_overflow(): something was counted in place of a series of its own */
static int l_metric_note_overflow(lua_State *L)
{
    service_metrics_note_overflow(metrics_of(L));
    return 0;
}

static MetricCell *check_cells(lua_State *L, int argument)
{
    MetricCell *cells = metric_registry_cells(registry_of(L), luaL_checkinteger(L, argument));

    luaL_argcheck(L, cells != NULL, argument, "no such series");
    return cells;
}

/* metric_add(series, n) */
static int l_metric_add(lua_State *L)
{
    metric_cell_add(check_cells(L, 1), luaL_checknumber(L, 2));
    return 0;
}

/* metric_set(series, value) */
static int l_metric_set(lua_State *L)
{
    metric_cell_set(check_cells(L, 1), luaL_checknumber(L, 2));
    return 0;
}

/* metric_observe(series, value) */
static int l_metric_observe(lua_State *L)
{
    MetricRegistry *registry = registry_of(L);
    long series = luaL_checkinteger(L, 1);

    luaL_argcheck(L, metric_registry_kind(registry, series) == METRIC_HISTOGRAM, 1, "no histogram");
    metric_registry_observe(registry, series, luaL_checknumber(L, 2));
    return 0;
}

/* metric_values(series) -> {what is in each of its cells} */
static int l_metric_values(lua_State *L)
{
    const MetricCell *cells = check_cells(L, 1);
    uint32_t count = metric_registry_cell_count(registry_of(L), lua_tointeger(L, 1));

    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushnumber(L, metric_cell_get(&cells[i]));
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

/* metric_route(text) -> the number of a route, or of a method, that goes by this in labels */
static int l_metric_route(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);

    lua_pushinteger(L, (lua_Integer)service_metrics_route(metrics_of(L), text, size));
    return 1;
}

/* call_route(id, route): what the call is counted as */
static int l_call_route(lua_State *L)
{
    CallBox *box = call_check(L, 1);

    if (box != NULL)
        meter_set_route(&box->meter, luaL_checkinteger(L, 2));
    return 0;
}

static const luaL_Reg functions[] = {
    {"call_route",           l_call_route          },
    {"metric_add",           l_metric_add          },
    {"metric_family",        l_metric_family       },
    {"metric_note_overflow", l_metric_note_overflow},
    {"metric_observe",       l_metric_observe      },
    {"metric_route",         l_metric_route        },
    {"metric_series",        l_metric_series       },
    {"metric_set",           l_metric_set          },
    {"metric_values",        l_metric_values       },
    {NULL,                   NULL                  },
};

void bind_metric_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
