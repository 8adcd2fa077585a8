/* interpose.c - preloaded into the engine: counts the calls that touch a folder, makes the one
 * that was asked for fail or kill the process there, and writes down what changed the folder.
 * Set by the environment: FAULT_UNDER   the folder; calls elsewhere are left alone FAULT_AT the
 * number of the first call that fails, from 1; absent: none FAULT_TIMES   how many calls fail
 * from there on (1) FAULT_ERROR   what they fail with: an errno, or -1: SIGKILL FAULT_REPORT
 * file that gets "CALL PATH" of the first one FAULT_TRACE   file that gets the records of
 * trace.h A write that fails has taken half before, as a disk that fills up does: the call
 * before it returns short. Nothing asks the disk itself to sync: that would only take time. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/trace.h"

enum { KILL = -1 };

static struct {
    char under[PATH_MAX];
    size_t n; /* bytes of `under`; 0: nothing is watched */
    long at, times;
    int error;
    const char *report;
    int trace_fd;        /* -1: none */
    atomic_long calls;   /* counted so far */
    atomic_int short_fd; /* its next write fails; -1: none */
} fault = {.trace_fd = -1, .short_fd = -1};

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void set_up(void) {
    const char *under = getenv("FAULT_UNDER"), *trace = getenv("FAULT_TRACE");
    if (!under || strlen(under) >= sizeof fault.under) return;
    fault.at = number("FAULT_AT", 0);
    fault.times = number("FAULT_TIMES", 1);
    fault.error = (int)number("FAULT_ERROR", EIO);
    fault.report = getenv("FAULT_REPORT");
    if (trace) {
        int fd = REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        fault.trace_fd = fcntl(fd, F_DUPFD_CLOEXEC, 100); /* out of the engine's way */
        REAL(close)(fd);
    }
    fault.n = strlen(under);
    memcpy(fault.under, under, fault.n + 1);
}

/* ---- which calls ---- */

/* The path below the folder, "" for itself; NULL: elsewhere. */
static const char *inside(const char *path) {
    if (fault.n == 0 || strncmp(path, fault.under, fault.n) != 0) return NULL;
    if (path[fault.n] == '\0') return path + fault.n;
    return path[fault.n] == '/' ? path + fault.n + 1 : NULL;
}

static const char *inside_fd(int fd, char path[PATH_MAX]) {
    char link[64];
    if (fault.n == 0) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return NULL;
    path[n] = '\0';
    return inside(path);
}

static const char *inside_at(int folder, const char *name, char path[PATH_MAX]) {
    if (folder == AT_FDCWD || *name == '/') return inside(name);
    if (!inside_fd(folder, path)) return NULL;
    size_t n = strlen(path);
    snprintf(path + n, PATH_MAX - n, "/%s", name);
    return inside(path);
}

/* ---- faults ---- */

static void report(const char *call, const char *path) {
    char line[PATH_MAX + 64];
    if (!fault.report) return;
    int n = snprintf(line, sizeof line, "%s %s\n", call, path);
    int fd = REAL(open)(fault.report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t put = REAL(write)(fd, line, (size_t)n);
    (void)put; /* without it the driver sees no fault, and says so */
    REAL(close)(fd);
}

/* Whether this call, at `path` (NULL: elsewhere), is one that fails. */
static bool met(const char *call, const char *path, bool interruptible) {
    if (!path || fault.at == 0 || (fault.error == EINTR && !interruptible)) return false;
    long n = atomic_fetch_add(&fault.calls, 1) + 1;
    if (n == fault.at) report(call, path);
    return n >= fault.at && n < fault.at + fault.times;
}

/* What becomes of it: -1 with errno, or the end. */
static int fail(void) {
    if (fault.error == KILL) kill(getpid(), SIGKILL);
    errno = fault.error;
    return -1;
}

/* ---- the record ---- */

static void record(enum trace_op op, const char *path, const char *other, const void *bytes,
                   size_t n, off_t offset) {
    if (fault.trace_fd < 0 || !path) return;
    int error = errno;
    struct trace_record r = {.op = op, .n = (uint32_t)n, .offset = (uint64_t)offset};
    r.path_bytes = (uint32_t)strlen(path);
    r.other_bytes = other ? (uint32_t)strlen(other) : 0;
    struct iovec parts[] = {{&r, sizeof r},
                            {(void *)path, r.path_bytes},
                            {(void *)other, r.other_bytes},
                            {(void *)bytes, n}};
    ssize_t put = writev(fault.trace_fd, parts, 4);
    (void)put; /* a record cut short is found when it is read */
    errno = error;
}

/* ---- the calls ---- */

static bool there(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

/* `real` opens it; what is new is recorded. */
static int open_watched(const char *path, int flags, mode_t mode) {
    const char *at = inside(path);
    if (met("open", at, true)) return fail();
    bool new = at &&flags &O_CREAT && !there(path);
    int fd = REAL(open)(path, flags, mode);
    if (fd >= 0 && new) record(TRACE_CREATE, at, NULL, NULL, 0, 0);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_watched(path, flags, mode);
}

int openat(int folder, const char *name, int flags, ...) { /* the engine creates nothing so */
    char path[PATH_MAX];
    if (met("openat", inside_at(folder, name, path), true)) return fail();
    return REAL(openat)(folder, name, flags);
}

DIR *opendir(const char *path) {
    if (met("opendir", inside(path), true)) {
        fail();
        return NULL;
    }
    return REAL(opendir)(path);
}

int mkostemp(char *path, int flags) {
    if (met("mkostemp", inside(path), false)) return fail();
    int fd = REAL(mkostemp)(path, flags);
    if (fd >= 0) record(TRACE_CREATE, inside(path), NULL, NULL, 0, 0);
    return fd;
}

int mkdir(const char *path, mode_t mode) {
    if (met("mkdir", inside(path), false)) return fail();
    int made = REAL(mkdir)(path, mode);
    if (made == 0) record(TRACE_MKDIR, inside(path), NULL, NULL, 0, 0);
    return made;
}

static ssize_t write_recorded(int fd, const char *at, const void *bytes, size_t n) {
    ssize_t put = REAL(write)(fd, bytes, n);
    if (put > 0 && at)
        record(TRACE_WRITE, at, NULL, bytes, (size_t)put, lseek(fd, 0, SEEK_CUR) - put);
    return put;
}

ssize_t write(int fd, const void *bytes, size_t n) {
    char path[PATH_MAX];
    const char *at = inside_fd(fd, path);
    if (at && atomic_load(&fault.short_fd) == fd) {
        atomic_store(&fault.short_fd, -1);
        return fail();
    }
    if (!met("write", at, true)) return write_recorded(fd, at, bytes, n);
    if (fault.error == EINTR || n < 2) return fail();
    ssize_t half = write_recorded(fd, at, bytes, n / 2);
    if (fault.error == KILL) return fail();
    atomic_store(&fault.short_fd, fd);
    return half;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
    char path[PATH_MAX];
    const char *at = inside_fd(fd, path);
    if (met("pwrite", at, true)) return fail();
    ssize_t put = REAL(pwrite)(fd, bytes, n, offset);
    if (put > 0 && at) record(TRACE_WRITE, at, NULL, bytes, (size_t)put, offset);
    return put;
}

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    const char *at = inside_fd(fd, path);
    if (met("ftruncate", at, true)) return fail();
    int cut = REAL(ftruncate)(fd, length);
    if (cut == 0) record(TRACE_TRUNCATE, at, NULL, NULL, 0, length);
    return cut;
}

int fsync(int fd) {
    char path[PATH_MAX];
    const char *at = inside_fd(fd, path);
    if (met("fsync", at, true)) return fail();
    record(TRACE_SYNC, at, NULL, NULL, 0, 0);
    return at ? 0 : REAL(fsync)(fd);
}

int close(int fd) { /* closed also where an error is reported, as Linux does */
    char path[PATH_MAX];
    bool fails = met("close", inside_fd(fd, path), true);
    int closed = REAL(close)(fd);
    return fails ? fail() : closed;
}

int rename(const char *from, const char *to) {
    if (met("rename", inside(to), false)) return fail();
    int renamed = REAL(rename)(from, to);
    if (renamed == 0 && inside(from))
        record(TRACE_RENAME, inside(from), inside(to), NULL, 0, 0);
    return renamed;
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    if (met("renameat2", inside(to), false)) return fail();
    int renamed = REAL(renameat2)(a, from, b, to, flags);
    if (renamed == 0 && inside(from))
        record(flags & RENAME_EXCHANGE ? TRACE_EXCHANGE : TRACE_RENAME, inside(from),
               inside(to), NULL, 0, 0);
    return renamed;
}

int unlink(const char *path) {
    if (met("unlink", inside(path), false)) return fail();
    int gone = REAL(unlink)(path);
    if (gone == 0) record(TRACE_UNLINK, inside(path), NULL, NULL, 0, 0);
    return gone;
}

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    const char *at = inside_at(folder, name, path);
    if (met("unlinkat", at, false)) return fail();
    int gone = REAL(unlinkat)(folder, name, flags);
    if (gone == 0)
        record(flags & AT_REMOVEDIR ? TRACE_RMDIR : TRACE_UNLINK, at, NULL, NULL, 0, 0);
    return gone;
}
