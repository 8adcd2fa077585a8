/* run_share.c - a class reads a run's folder by its group's permission; nobody but the owner
 * steers. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/core/files.h"
#include "engine/run/run_dir.h"

enum { GROUP_BYTES_MAX = 1 << 20 }; /* a group's line with all its members */

static bool find_group(const char *name, gid_t *out, struct err *err) {
    struct group g, *found = NULL;
    char *room = malloc(GROUP_BYTES_MAX);
    if (!room) return err_set(err, ERR_NOMEM, "not enough memory to look up a group");
    int error = getgrnam_r(name, &g, room, GROUP_BYTES_MAX, &found);
    if (found) *out = g.gr_gid;
    free(room);
    if (found) return true;
    errno = error;
    return error ? err_errno(err, "cannot look up the group %s", name)
                 : err_set(err, ERR_USAGE,
                           "there is no group \"%s\": `id -Gn` tells those that you are in",
                           name);
}

/* Whether members of the group get through a folder. */
static bool is_open(const char *folder, gid_t group) {
    struct stat st;
    if (stat(folder, &st) != 0) return false;
    return st.st_gid == group ? st.st_mode & S_IXGRP : st.st_mode & S_IXOTH;
}

/* The first folder above `dir` that they do not get through, from the root on. */
static void find_closed(const char *dir, gid_t group, char closed[PATH_MAX]) {
    for (const char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(closed, PATH_MAX, "%.*s", (int)(slash - dir), dir);
        if (!is_open(closed, group)) return;
    }
    *closed = '\0';
}

bool run_share(const char *dir, const char *group, char *closed, struct err *err) {
    gid_t gid = 0;
    *closed = '\0';
    if (!find_group(group, &gid, err) || !files_share_dir(dir, gid, err)) return false;
    find_closed(dir, gid, closed);
    return true;
}
