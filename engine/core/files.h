/* files.h - files as whole things: read, mapped, written atomically, locked.
 * Every write of state goes aside first, is fsynced, renamed over the old one, and the folder
 * fsynced, so that a reader (or the next boot) sees the old or the new, never a mixture.
 * What is made here is its owner's alone, unless the folder that it is made in is shared: of mode 2750, as
 * files_share_dir() makes it. There the group may read it (0640, 2750), whatever the umask.
 * Calls that fail are ERR_IO; ERR_FULL where the disk, or the user's share of it, has no room. */
#ifndef THAW_ENGINE_CORE_FILES_H
#define THAW_ENGINE_CORE_FILES_H
#include <stdint.h>
#include <sys/types.h>

#include "engine/core/buf.h"
#include "engine/core/err.h"

/* Append the whole of `path` to `out`. More than max_bytes is ERR_RANGE. A folder, a FIFO or a
 * device is refused. Messages name the path. */
bool files_read(const char *path, size_t max_bytes, struct buf *out, struct err *err);

/* A read-only mapping of a regular file. An empty file gives data NULL, size 0, true. */
struct mapping {
    const unsigned char *data;
    size_t size; /* bytes */
};
bool files_map(const char *path, struct mapping *out, struct err *err);
void files_unmap(struct mapping *m); /* leaves it empty */
/* From now on it is read here and there, not one place behind another. */
void files_map_scattered(const struct mapping *m);
/* What lies in [from, from + n) of a mapping has been read and is not needed soon: its pages take no memory of this
 * process until they are looked at again. */
void files_forget(const void *from, size_t n);

/* Write `n` bytes to `path` atomically, mode 0600. */
bool files_write(const char *path, const void *bytes, size_t n, struct err *err);

/* A file written in pieces into a folder that is renamed into place as a whole later: create
 * (O_EXCL, 0600), add, close with fsync. After a failure call files_out_abort(). */
struct files_out {
    int fd; /* -1: closed */
    char path[4096];
    uint64_t bytes;
};
bool files_out_open(struct files_out *f, const char *path, struct err *err);
bool files_out_add(struct files_out *f, const void *bytes, size_t n, struct err *err);
bool files_out_close(struct files_out *f, struct err *err); /* fsync + close */
void files_out_abort(struct files_out *f);                  /* close and unlink */

bool files_make_dirs(const char *path, mode_t mode, struct err *err); /* mkdir -p; exists: true */
/* Let a group read what the folder `path` holds from now on (mode 2750). */
bool files_share_dir(const char *path, gid_t group, struct err *err);
/* For an open file that was just created at `path`: let the group read it where its folder is shared. */
void files_share_new(int fd, const char *path);
bool files_sync_dir(const char *path, struct err *err);
/* rename(2), then fsync of the target's folder. */
bool files_rename(const char *from, const char *to, struct err *err);
/* The same for a folder where another, or none, may stand at `to`: the two change places in one step
 * (where the file system can; else the old one is removed first), then the old one is removed. What
 * cannot be removed of it stays as `from`. */
bool files_replace_dir(const char *from, const char *to, struct err *err);
/* Remove a folder and all below it; symbolic links are removed, not followed. Absent: true. */
bool files_remove_tree(const char *path, struct err *err);
bool files_exists(const char *path);
bool files_is_dir(const char *path);
/* Bytes free to this user on the file system of `path`; UINT64_MAX when unknown. */
uint64_t files_free_bytes(const char *path);

/* Take an exclusive flock on `path` (created 0600) and write our pid into it. The lock lasts as
 * long as the returned descriptor. -1 with ERR_IO; when another process holds it, ERR_RANGE and
 * *holder (when not NULL) gets its pid. */
int files_lock(const char *path, pid_t *holder, struct err *err);
/* Whether some process holds the lock; *holder gets its pid when known. Changes nothing. Of a lock that we
 * may not open the kernel's own list tells. */
bool files_is_locked(const char *path, pid_t *holder);

/* out = a joined with "/" and b (b absolute: b). ERR_RANGE when it does not fit. */
bool files_join(char *out, size_t size, const char *a, const char *b, struct err *err);
#endif
