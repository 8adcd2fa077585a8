/* run_delete.c - a run's folder leaves the runs folder: what goes with it, and when it may. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/run/run_dir.h"

/* --- what goes */

/* Bytes of the files below an open folder, which is closed. */
static uint64_t bytes_inside(int fd) {
    DIR *dir = fdopendir(fd);
    uint64_t bytes = 0;
    if (!dir) close(fd);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(st.st_mode)) bytes += (uint64_t)st.st_size;
        int inner =
            S_ISDIR(st.st_mode)
                ? openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                : -1;
        if (inner >= 0) bytes += bytes_inside(inner);
    }
    if (dir) closedir(dir);
    return bytes;
}

uint64_t folder_bytes(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) return 0;
    if (S_ISREG(st.st_mode)) return (uint64_t)st.st_size;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 ? bytes_inside(fd) : 0;
}

void run_contents_read(const char *run_dir, struct run_contents *out) {
    struct run_paths paths;
    char folder[PATH_MAX];
    *out = (struct run_contents){.checkpoints = 0};
    if (!run_paths_of(run_dir, &paths, NULL)) return;
    out->bytes = folder_bytes(paths.dir);
    for (int64_t step = INT64_MAX;
         (step = checkpoint_below(paths.checkpoints, step, folder)) >= 0;)
        out->checkpoints++;
}

/* --- whether it may */

/* The run's name when `dir` is directly in `runs`, else NULL. */
static const char *name_below(const char *runs, const char *dir) {
    char whole[PATH_MAX];
    const char *slash = strrchr(dir, '/');
    if (!slash || !realpath(runs, whole)) return NULL;
    size_t n = (size_t)(slash - dir);
    bool inside = strlen(whole) == n && strncmp(whole, dir, n) == 0;
    return inside && run_name_ok(slash + 1, NULL) ? slash + 1 : NULL;
}

static bool is_own_folder(const char *dir) {
    struct stat st;
    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The run's lock, held so that no engine begins in a folder that goes; -1 with err. */
static int take_lock(const struct run_paths *run, const char *name, struct err *err) {
    pid_t holder = 0;
    struct err why = {0};
    int lock = files_lock(run->lock, &holder, &why);
    if (lock < 0 && why.code == ERR_RANGE)
        err_set(err, ERR_RANGE, "%s is running (process %ld): stop it before it is deleted",
                name, (long)holder);
    else if (lock < 0) err_set(err, why.code, "%s", why.msg);
    return lock;
}

/* First out of sight in one step: a folder that is half gone never looks like a run. */
static bool remove_aside(const char *runs, const char *name, const char *dir, struct err *err) {
    char hidden[NAME_MAX + 1], aside[PATH_MAX];
    snprintf(hidden, sizeof hidden, ".%s.deleted", name);
    return files_join(aside, sizeof aside, runs, hidden, err) &&
           files_remove_tree(aside, err) && /* what an earlier try has left */
           files_rename(dir, aside, err) && files_remove_tree(aside, err);
}

bool run_delete(const char *runs, const char *run_dir, struct err *err) {
    struct run_paths run, found;
    const char *name = name_below(runs, run_dir);
    if (!name || !is_own_folder(run_dir))
        return err_set(err, ERR_RANGE,
                       "%s is no folder of %s itself: it is left as it is; remove it by hand",
                       run_dir, runs);
    if (!run_paths_of(run_dir, &run, err)) return false;
    if (!run_dir_find(runs, name, &found, err) || strcmp(found.dir, run.dir) != 0)
        return err_set(err, ERR_RANGE, "%s is no run: it is left as it is", run_dir);
    int lock = take_lock(&run, name, err);
    bool ok = lock >= 0 && remove_aside(runs, name, run.dir, err);
    if (lock >= 0) close(lock);
    return ok;
}
