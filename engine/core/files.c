#include "engine/core/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 }; /* bytes read at once */

/* --- errors */

/* What the user can do about a failed call; "" where nothing general is known. */
static const char *remedy(int error) {
    switch (error) {
    case ENOSPC:
        return "; free some space there and try again";
    case EDQUOT:
        return "; your quota is used up: free some space and try again";
    case EFBIG:
        return "; raise the limit on file sizes (ulimit -f)";
    case EROFS:
        return "; choose a folder that can be written";
    case EACCES:
    case EPERM:
        return "; check the owner and the permissions";
    case ENOENT:
        return "; check the name";
    case EMFILE:
        return "; raise the limit on open files (ulimit -n)";
    default:
        return "";
    }
}

/* "cannot VERB PATH: reason; remedy", from errno. */
static bool failed(struct err *err, const char *verb, const char *path) {
    int error = errno;
    char reason[128];
    enum err_code code = error == ENOSPC || error == EDQUOT ? ERR_FULL : ERR_IO;
    return err_set(err, code, "cannot %s %s: %s%s", verb, path,
                   strerror_r(error, reason, sizeof reason), remedy(error));
}

static bool too_long(struct err *err, const char *path) {
    return err_set(err, ERR_RANGE, "the path %.60s... is too long", path);
}

/* Close `fd` without losing the errno of what went wrong before. */
static void close_keeping_errno(int fd) {
    int error = errno;
    close(fd);
    errno = error;
}

/* --- reading */

static int open_again(const char *path, int flags, mode_t mode) {
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Open a regular file to read; anything else is refused, and O_NONBLOCK keeps a FIFO from
 * blocking until then. -1 with `err` set. */
static int open_regular(const char *path, struct stat *st, struct err *err) {
    int fd = open_again(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) {
        failed(err, "open", path);
        return -1;
    }
    if (fstat(fd, st) != 0) {
        failed(err, "read", path);
    } else if (!S_ISREG(st->st_mode)) {
        err_set(err, ERR_IO, "cannot read %s: it is %s, not a file", path,
                S_ISDIR(st->st_mode) ? "a folder" : "a pipe or a device");
    } else {
        return fd;
    }
    close(fd);
    return -1;
}

static ssize_t read_again(int fd, void *bytes, size_t n) {
    ssize_t got;
    do {
        got = read(fd, bytes, n);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool read_all(int fd, const char *path, size_t max_bytes, struct buf *out,
                     struct err *err) {
    char chunk[CHUNK];
    size_t total = 0;
    for (;;) {
        ssize_t got = read_again(fd, chunk, sizeof chunk);
        if (got < 0) return failed(err, "read", path);
        if (got == 0) return true;
        if ((size_t)got > max_bytes - total)
            return err_set(err, ERR_RANGE, "%s is larger than the %zu bytes allowed here", path,
                           max_bytes);
        total += (size_t)got;
        if (!buf_add(out, chunk, (size_t)got))
            return err_set(err, ERR_NOMEM, "not enough memory to read %s", path);
    }
}

bool files_read(const char *path, size_t max_bytes, struct buf *out, struct err *err) {
    struct stat st;
    int fd = open_regular(path, &st, err);
    if (fd < 0) return false;
    bool ok = read_all(fd, path, max_bytes, out, err);
    close(fd);
    return ok;
}

bool files_map(const char *path, struct mapping *out, struct err *err) {
    *out = (struct mapping){0};
    struct stat st;
    int fd = open_regular(path, &st, err);
    if (fd < 0) return false;
    void *data = NULL;
    if (st.st_size > 0) data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close_keeping_errno(fd);
    if (data == MAP_FAILED) return failed(err, "map", path);
    *out = (struct mapping){.data = data, .size = (size_t)st.st_size};
    return true;
}

void files_unmap(struct mapping *m) {
    if (m->data) munmap((void *)m->data, m->size);
    *m = (struct mapping){0};
}

/* Advice: failing changes nothing. */
void files_map_scattered(const struct mapping *m) {
    if (m->data) madvise((void *)m->data, m->size, MADV_RANDOM);
}

/* Whole pages only: those at the ends hold something else as well. */
void files_forget(const void *from, size_t n) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)from;
    uintptr_t first = (start + page - 1) / page * page, end = (start + n) / page * page;
    if (first < end) madvise((char *)from + (first - start), end - first, MADV_DONTNEED);
}

/* --- writing */

static bool write_all(int fd, const void *bytes, size_t n) {
    const char *at = bytes;
    while (n > 0) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        at += put;
        n -= (size_t)put;
    }
    return true;
}

static bool sync_again(int fd) {
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* out = the folder that `path` stands in. */
static bool parent_of(const char *path, char out[PATH_MAX], struct err *err) {
    size_t n = strlen(path);
    if (n >= PATH_MAX) return too_long(err, path);
    while (n > 1 && path[n - 1] == '/') n--;
    while (n > 0 && path[n - 1] != '/') n--;
    while (n > 1 && path[n - 1] == '/') n--;
    if (n == 0) path = ".", n = 1;
    memcpy(out, path, n);
    out[n] = '\0';
    return true;
}

/* ---- shared folders */

static bool is_shared(const char *dir) {
    struct stat st;
    return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & S_ISGID) &&
           (st.st_mode & S_IRGRP);
}

bool files_share_dir(const char *path, gid_t group, struct err *err) {
    if (chown(path, (uid_t)-1, group) == 0 && chmod(path, 02750) == 0) return true;
    return failed(err, "share", path);
}

void files_share_new(int fd, const char *path) {
    char parent[PATH_MAX];
    if (parent_of(path, parent, NULL) && is_shared(parent))
        (void)!fchmod(fd, 0640); /* else it stays the owner's alone */
}

/* ---- whole files */

bool files_out_open(struct files_out *f, const char *path, struct err *err) {
    *f = (struct files_out){.fd = -1};
    size_t n = strlen(path);
    if (n >= sizeof f->path) return too_long(err, path);
    f->fd = open_again(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (f->fd < 0) return failed(err, "create", path);
    files_share_new(f->fd, path);
    memcpy(f->path, path, n + 1); /* only now is the file ours to unlink */
    return true;
}

bool files_out_add(struct files_out *f, const void *bytes, size_t n, struct err *err) {
    if (!write_all(f->fd, bytes, n)) return failed(err, "write", f->path);
    f->bytes += n;
    return true;
}

bool files_out_close(struct files_out *f, struct err *err) {
    bool synced = sync_again(f->fd);
    if (!synced) failed(err, "write", f->path);
    int closed = close(f->fd); /* never again after EINTR: Linux has closed it */
    f->fd = -1;
    if (synced && closed != 0 && errno != EINTR) return failed(err, "write", f->path);
    return synced;
}

void files_out_abort(struct files_out *f) {
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
    if (f->path[0]) unlink(f->path);
    f->path[0] = '\0';
}

bool files_sync_dir(const char *path, struct err *err) {
    int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return failed(err, "open", path);
    bool ok = sync_again(fd) || errno == EINVAL || errno == ENOTSUP; /* not every disk can */
    close_keeping_errno(fd);
    return ok || failed(err, "write", path);
}

bool files_rename(const char *from, const char *to, struct err *err) {
    char parent[PATH_MAX];
    if (!parent_of(to, parent, err)) return false;
    if (rename(from, to) != 0) return err_errno(err, "cannot rename %s to %s", from, to);
    return files_sync_dir(parent, err);
}

/* Everything up to the rename; errno tells of a failure. */
static bool write_aside(const char *aside, int fd, const void *bytes, size_t n,
                        const char *path) {
    bool ok = write_all(fd, bytes, n) && sync_again(fd);
    close_keeping_errno(fd);
    return ok && rename(aside, path) == 0;
}

bool files_write(const char *path, const void *bytes, size_t n, struct err *err) {
    char aside[PATH_MAX], parent[PATH_MAX];
    if (!parent_of(path, parent, err)) return false;
    if (snprintf(aside, sizeof aside, "%s.XXXXXX", path) >= (int)sizeof aside)
        return too_long(err, path);
    int fd = mkostemp(aside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) return failed(err, "write", path);
    files_share_new(fd, path);
    if (!write_aside(aside, fd, bytes, n, path)) {
        failed(err, "write", path);
        unlink(aside);
        return false;
    }
    return files_sync_dir(parent, err);
}

/* --- folders */

bool files_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

bool files_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The bit that marks a shared folder is inherited by what is made in it. */
static void share_new_dir(const char *dir) {
    char parent[PATH_MAX];
    if (parent_of(dir, parent, NULL) && is_shared(parent))
        (void)!chmod(dir, 02750); /* else it stays the owner's alone */
}

bool files_make_dirs(const char *path, mode_t mode, struct err *err) {
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) return too_long(err, path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) == 0) {
            share_new_dir(part);
            continue;
        }
        int error = errno;
        if (files_is_dir(part)) continue;
        errno = error;
        return failed(err, "create", part);
    }
    return true;
}

static bool remove_at(int parent, const char *name);

static bool remove_inside(int fd) {
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close_keeping_errno(fd);
        return false;
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ok = remove_at(dirfd(dir), e->d_name);
    int error = errno;
    closedir(dir);
    errno = error;
    return ok;
}

/* Remove whatever `name` is, relative to an open folder so that no path can be swapped for a
 * link in between. errno tells of a failure. */
static bool remove_at(int parent, const char *name) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR) return false;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    return remove_inside(fd) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

bool files_remove_tree(const char *path, struct err *err) {
    return remove_at(AT_FDCWD, path) || failed(err, "remove", path);
}

/* Whether two paths changed places. */
static bool exchange(const char *a, const char *b) {
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
}

bool files_replace_dir(const char *from, const char *to, struct err *err) {
    char parent[PATH_MAX];
    if (!parent_of(to, parent, err)) return false;
    if (exchange(from, to)) {
        bool ok = files_sync_dir(parent, err);
        if (ok) files_remove_tree(from, NULL);
        else exchange(from, to); /* what is known to be on the disk stays */
        return ok;
    }
    if (errno != ENOENT && errno != EINVAL && errno != ENOSYS)
        return err_errno(err, "cannot put %s in the place of %s", from, to);
    return files_remove_tree(to, err) && files_rename(from, to, err);
}

uint64_t files_free_bytes(const char *path) {
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) return UINT64_MAX;
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

bool files_join(char *out, size_t size, const char *a, const char *b, struct err *err) {
    size_t n = strlen(a);
    bool alone = b[0] == '/' || n == 0;
    const char *slash = alone || a[n - 1] == '/' ? "" : "/";
    int wanted = snprintf(out, size, "%s%s%s", alone ? "" : a, slash, b);
    return (wanted >= 0 && (size_t)wanted < size) || too_long(err, wanted < 0 ? a : b);
}

/* --- locks */

/* The pid written into a lock file; 0 when there is none. */
static pid_t read_holder(int fd) {
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return 0;
    text[n] = '\0';
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

static int lock_again(int fd, int how) {
    int result;
    do {
        result = flock(fd, how | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result;
}

/* files_is_locked() holds a shared lock for some microseconds, which must not pass for a
 * holder: a held lock is tried again for a while. */
static int lock_patiently(int fd) {
    enum { TRIES = 5 };
    const struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 1;; i++) {
        int result = lock_again(fd, LOCK_EX);
        if (result == 0 || errno != EWOULDBLOCK || i == TRIES) return result;
        nanosleep(&pause, NULL);
    }
}

static bool write_holder(int fd) {
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
}

/* Whether `path` still names the file that was opened: who clears away a dead engine's lock
 * holds it meanwhile, and one who waited for that would hold a file that nobody else finds. */
static bool still_there(int fd, const char *path) {
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

int files_lock(const char *path, pid_t *holder, struct err *err) {
    int fd = open_again(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0) {
        failed(err, "open", path);
        return -1;
    }
    if (lock_patiently(fd) == 0) {
        if (!still_there(fd, path)) {
            close(fd);
            return files_lock(path, holder, err);
        }
        if (write_holder(fd)) return fd;
        failed(err, "write", path);
    } else if (errno == EWOULDBLOCK) {
        pid_t pid = read_holder(fd);
        if (holder) *holder = pid;
        err_set(err, ERR_RANGE, "%s is held by another process (pid %ld)", path, (long)pid);
    } else {
        failed(err, "lock", path);
    }
    close(fd);
    return -1;
}

/* Whether /proc/locks names a lock on the file: for those who may look into a run's folder, but
 * not take its lock. A line: "1: FLOCK  ADVISORY  WRITE 1234 08:02:131 0 EOF", the device in
 * hex. */
static bool is_listed(const char *path, pid_t *holder) {
    struct stat st;
    char line[256];
    bool found = false;
    FILE *f = stat(path, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
    while (f && !found && fgets(line, sizeof line, f)) {
        long pid;
        unsigned at_major, at_minor;
        unsigned long long inode;
        found = sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%llu", &pid, &at_major, &at_minor,
                       &inode) == 4 &&
                at_major == major(st.st_dev) && at_minor == minor(st.st_dev) &&
                inode == st.st_ino;
        if (found && holder && pid > 0) *holder = (pid_t)pid;
    }
    if (f) fclose(f);
    return found;
}

bool files_is_locked(const char *path, pid_t *holder) {
    int fd = open_again(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) return errno == EACCES && is_listed(path, holder);
    bool locked = lock_again(fd, LOCK_SH) != 0 && errno == EWOULDBLOCK;
    if (locked && holder) *holder = read_holder(fd);
    close(fd);
    return locked;
}
