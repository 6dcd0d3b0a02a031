#include "os/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"

enum { NAME_SIZE = 64 };

bool user_is_root(void)
{
    return geteuid() == 0;
}

/* Cuts "NAME:GROUP" in two; `group` is empty without one. */
static int split(const char *text, char name[NAME_SIZE], char group[NAME_SIZE])
{
    const char *colon = strchr(text, ':');
    size_t name_size = colon != NULL ? (size_t)(colon - text) : strlen(text);
    size_t group_size = colon != NULL ? strlen(colon + 1) : 0;

    if (name_size == 0 || name_size >= NAME_SIZE)
        return ERR_INVALID;
    memcpy(name, text, name_size);
    name[name_size] = '\0';
    group[0] = '\0';
    if (colon == NULL)
        return 0;
    if (group_size == 0 || group_size >= NAME_SIZE)
        return ERR_INVALID;
    memcpy(group, colon + 1, group_size + 1);
    return 0;
}

static int take_groups(const struct passwd *user, const struct group *group)
{
    gid_t id = group != NULL ? group->gr_gid : user->pw_gid;

    if ((group != NULL ? setgroups(1, &id) : initgroups(user->pw_name, id)) < 0 ||
        setresgid(id, id, id) < 0)
        return uv_translate_sys_error(errno);
    return 0;
}

int user_become(const char *text)
{
    char name[NAME_SIZE], group_name[NAME_SIZE];
    const struct passwd *user;
    const struct group *group = NULL;
    int result;

    if ((result = split(text, name, group_name)) < 0)
        return result;
    if ((user = getpwnam(name)) == NULL ||
        (group_name[0] != '\0' && (group = getgrnam(group_name)) == NULL))
        return ERR_NOT_FOUND;
    /* The program that takes over from this one is started as that user already. */
    if (user->pw_uid == geteuid() && user->pw_uid != 0)
        return 0;
    if ((result = take_groups(user, group)) < 0)
        return result;
    if (setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
        return uv_translate_sys_error(errno);
    /* What cannot be undone is what counts. */
    return user->pw_uid != 0 && setuid(0) == 0 ? ERR_INVALID : 0;
}
