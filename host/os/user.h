/* Giving up the rights of root. */
#ifndef PERIGEE_OS_USER_H
#define PERIGEE_OS_USER_H

#include <stdbool.h>

/* Whether this process may do what root may. */
bool user_is_root(void);

/* Makes this process, all its threads, that of a user from now on: `text` is "NAME" or
 * "NAME:GROUP", with the user's other groups in the first case and none in the second. 0;
 * ERR_NOT_FOUND when there is no such user or group; ERR_INVALID; or a negative code, when the
 * process must end, as it may be half of either. */
int user_become(const char *text);

#endif
