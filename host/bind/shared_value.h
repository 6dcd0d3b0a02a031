/* Values of a SharedDict as Lua has them: strings, numbers, booleans and int64. */
#ifndef PERIGEE_BIND_SHARED_VALUE_H
#define PERIGEE_BIND_SHARED_VALUE_H

#include <lua.h>

#include "shared/shared_dict.h"

/* Both point into Lua's strings and last as long as those stay on the stack. */
SharedBytes shared_value_check_string(lua_State *L, int argument);
SharedValue shared_value_check(lua_State *L, int argument);

void shared_value_push(lua_State *L, const SharedValue *value);

#endif
