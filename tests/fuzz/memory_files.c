#include "tests/fuzz/memory_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILES = 32,
    OPEN = 32,
    LISTED = 4,
    MAPPINGS = 64,
    FIRST_FD = 1 << 20,
    NAME_BYTES = 160,
    PAGE = 4096
};
enum { ASKED_OF_THE_KERNEL = 1 << 16 }; /* from so many bytes on, memory that is no file's */

/* A file without a name that is open lives until it is closed, as POSIX has it. */
struct file {
    char name[NAME_BYTES]; /* the path below the root; "": none */
    unsigned char *bytes;
    size_t size, room;
    ino_t inode; /* 0: this place is free */
    int opened;  /* descriptors that have it open */
};

static struct {
    char root[NAME_BYTES];
    size_t root_n; /* 0: no root yet, everything is real */
    uid_t owner;
    ino_t inodes;
    struct file files[FILES];
    struct {
        struct file *file; /* NULL: free */
        size_t at;
        bool append;
    } open[OPEN];
    struct {
        char *at; /* NULL: free */
        size_t n;
    } mapped[MAPPINGS];
    struct listing {
        bool open;
        char folder[NAME_BYTES]; /* below the root; "": the root */
        int dots;                /* of "." and "..", told of first */
        int next;                /* of files */
        struct dirent entry;
    } listed[LISTED];
} memory;

/* The names that --wrap gives to the C library's own. */
int __real_open(const char *path, int flags, ...);
int __real_mkostemp(char *path, int flags);
int __real_close(int fd);
ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __real_pread(int fd, void *to, size_t n, off_t at);
ssize_t __real_write(int fd, const void *from, size_t n);
int __real_fstat(int fd, struct stat *st);
int __real_stat(const char *path, struct stat *st);
int __real_lstat(const char *path, struct stat *st);
int __real_access(const char *path, int mode);
DIR *__real_opendir(const char *path);
struct dirent *__real_readdir(DIR *dir);
int __real_closedir(DIR *dir);
int __real_unlink(const char *path);
int __real_rename(const char *from, const char *to);
int __real_ftruncate(int fd, off_t size);
int __real_fsync(int fd);
char *__real_realpath(const char *path, char *out);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from);
int __real_munmap(void *at, size_t n);
int __real_madvise(void *at, size_t n, int advice);

int __wrap_open(const char *path, int flags, ...);
int __wrap_mkostemp(char *path, int flags);
int __wrap_close(int fd);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_write(int fd, const void *from, size_t n);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __wrap_access(const char *path, int mode);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);
int __wrap_unlink(const char *path);
int __wrap_rename(const char *from, const char *to);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_fsync(int fd);
char *__wrap_realpath(const char *path, char *out);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from);
int __wrap_munmap(void *at, size_t n);
int __wrap_madvise(void *at, size_t n, int advice);

static int failed(int error) {
    errno = error;
    return -1;
}

/* --- names */

/* What stands behind the root's slash; NULL for a path that is not below the root. */
static const char *below(const char *path) {
    if (memory.root_n == 0 || strncmp(path, memory.root, memory.root_n) != 0 ||
        path[memory.root_n] != '/')
        return NULL;
    const char *name = path + memory.root_n + 1;
    return *name && strlen(name) < NAME_BYTES ? name : NULL;
}

static struct file *find(const char *path) {
    const char *name = below(path);
    for (int i = 0; name && i < FILES; i++)
        if (memory.files[i].inode && strcmp(memory.files[i].name, name) == 0)
            return &memory.files[i];
    return NULL;
}

/* What stands behind `folder` and a slash in a file's name; NULL: the file is not below it. */
static const char *inside(const char *folder, const struct file *f) {
    size_t n = strlen(folder);
    if (!f->inode || !f->name[0] || n == 0) return f->inode && f->name[0] ? f->name : NULL;
    return strncmp(f->name, folder, n) == 0 && f->name[n] == '/' ? f->name + n + 1 : NULL;
}

/* The folder's name below the root when a file is below it. */
static const char *find_folder(const char *path) {
    bool root = memory.root_n > 0 && strcmp(path, memory.root) == 0;
    const char *name = root ? "" : below(path);
    for (int i = 0; name && i < FILES; i++)
        if (inside(name, &memory.files[i])) return name;
    return NULL;
}

static void release(struct file *f) {
    if (f->opened > 0 || f->name[0]) return;
    free(f->bytes);
    *f = (struct file){.inode = 0};
}

static void forget(struct file *f) {
    f->name[0] = '\0';
    release(f);
}

static struct file *create(const char *name) {
    for (int i = 0; i < FILES; i++) {
        struct file *f = &memory.files[i];
        if (f->inode) continue;
        snprintf(f->name, sizeof f->name, "%s", name);
        f->inode = ++memory.inodes;
        return f;
    }
    return NULL;
}

/* --- bytes */

static bool resize(struct file *f, size_t n) {
    if (n > f->room) {
        size_t room = n < 256 ? 256 : 2 * n;
        unsigned char *bytes = realloc(f->bytes, room);
        if (!bytes) return false;
        f->bytes = bytes;
        f->room = room;
    }
    if (n > f->size) memset(f->bytes + f->size, 0, n - f->size);
    f->size = n;
    return true;
}

static struct file *opened(int fd) {
    return fd >= FIRST_FD && fd < FIRST_FD + OPEN ? memory.open[fd - FIRST_FD].file : NULL;
}

static ssize_t copy_out(const struct file *f, void *to, size_t n, size_t at) {
    if (at >= f->size) return 0;
    if (n > f->size - at) n = f->size - at;
    memcpy(to, f->bytes + at, n);
    return (ssize_t)n;
}

static void tell(const struct file *f, struct stat *st) {
    *st = (struct stat){.st_mode = S_IFREG | 0600,
                        .st_nlink = f->name[0] != '\0',
                        .st_ino = f->inode,
                        .st_dev = 1,
                        .st_uid = memory.owner,
                        .st_size = (off_t)f->size};
}

/* --- what targets call */

void memory_files_root(const char *folder) {
    snprintf(memory.root, sizeof memory.root, "%s", folder);
    memory.root_n = strlen(memory.root);
    memory.owner = getuid();
}

bool memory_files_put(const char *path, const void *bytes, size_t n) {
    struct file *f = find(path);
    if (f && f->opened > 0) { /* who has it open keeps the old one */
        forget(f);
        f = NULL;
    }
    if (!f) f = create(below(path));
    if (!f || !resize(f, n)) return false;
    if (n > 0) memcpy(f->bytes, bytes, n);
    return true;
}

void memory_files_drop(const char *path) {
    struct file *f = find(path);
    if (f) forget(f);
}

/* --- what the linker sends here */

int __wrap_open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    struct file *f = find(path);
    if (!f && !(below(path) && flags & O_CREAT)) return __real_open(path, flags, mode);
    if (f && flags & O_CREAT && flags & O_EXCL) return failed(EEXIST);
    if (f && flags & O_DIRECTORY) return failed(ENOTDIR);
    for (int i = 0; i < OPEN; i++) {
        if (memory.open[i].file) continue;
        if (!f && !(f = create(below(path)))) break;
        if (flags & O_TRUNC) f->size = 0;
        memory.open[i].file = f;
        memory.open[i].at = 0;
        memory.open[i].append = flags & O_APPEND;
        f->opened++;
        return FIRST_FD + i;
    }
    return failed(EMFILE);
}

int __wrap_mkostemp(char *path, int flags) {
    static unsigned n;
    if (!below(path)) return __real_mkostemp(path, flags);
    snprintf(path + strlen(path) - 6, 7, "%06u", n++ % 1000000);
    return __wrap_open(path, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
}

int __wrap_close(int fd) {
    struct file *f = opened(fd);
    if (!f) return __real_close(fd);
    memory.open[fd - FIRST_FD].file = NULL;
    f->opened--;
    release(f);
    return 0;
}

ssize_t __wrap_read(int fd, void *to, size_t n) {
    struct file *f = opened(fd);
    if (!f) return __real_read(fd, to, n);
    ssize_t got = copy_out(f, to, n, memory.open[fd - FIRST_FD].at);
    memory.open[fd - FIRST_FD].at += (size_t)got;
    return got;
}

ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at) {
    struct file *f = opened(fd);
    return f ? copy_out(f, to, n, (size_t)at) : __real_pread(fd, to, n, at);
}

ssize_t __wrap_write(int fd, const void *from, size_t n) {
    struct file *f = opened(fd);
    if (!f) return __real_write(fd, from, n);
    size_t *at = &memory.open[fd - FIRST_FD].at;
    if (memory.open[fd - FIRST_FD].append) *at = f->size;
    if (*at + n > f->size && !resize(f, *at + n)) return failed(ENOSPC);
    if (n > 0) memcpy(f->bytes + *at, from, n);
    *at += n;
    return (ssize_t)n;
}

int __wrap_fstat(int fd, struct stat *st) {
    struct file *f = opened(fd);
    if (!f) return __real_fstat(fd, st);
    tell(f, st);
    return 0;
}

/* Whether the path is in memory. */
static bool tell_of(const char *path, struct stat *st) {
    struct file *f = find(path);
    if (f) {
        tell(f, st);
        return true;
    }
    if (!find_folder(path)) return false;
    *st = (struct stat){
        .st_mode = S_IFDIR | 0700, .st_nlink = 2, .st_dev = 1, .st_uid = memory.owner};
    return true;
}

int __wrap_stat(const char *path, struct stat *st) {
    return tell_of(path, st) ? 0 : __real_stat(path, st);
}

int __wrap_lstat(const char *path, struct stat *st) {
    return tell_of(path, st) ? 0 : __real_lstat(path, st);
}

DIR *__wrap_opendir(const char *path) {
    const char *folder = find_folder(path);
    for (int i = 0; folder && i < LISTED; i++) {
        struct listing *l = &memory.listed[i];
        if (l->open) continue;
        *l = (struct listing){.open = true};
        snprintf(l->folder, sizeof l->folder, "%s", folder);
        return (DIR *)l;
    }
    return __real_opendir(path);
}

static struct listing *listing(DIR *dir) {
    for (int i = 0; i < LISTED; i++)
        if ((DIR *)&memory.listed[i] == dir) return &memory.listed[i];
    return NULL;
}

/* Bytes of the name in the folder of file i; 0: it is in none, or one before it has the same, a
 * folder's. */
static size_t first_part(const struct listing *l, int i) {
    const char *name = inside(l->folder, &memory.files[i]);
    size_t n = name ? strcspn(name, "/") : 0;
    for (int k = 0; k < i; k++) {
        const char *before = inside(l->folder, &memory.files[k]);
        if (n > 0 && before && strcspn(before, "/") == n && strncmp(before, name, n) == 0)
            return 0;
    }
    return n;
}

struct dirent *__wrap_readdir(DIR *dir) {
    struct listing *l = listing(dir);
    if (!l) return __real_readdir(dir);
    if (l->dots < 2) {
        memcpy(l->entry.d_name, "..", 3);
        l->entry.d_name[++l->dots] = '\0';
        return &l->entry;
    }
    while (l->next < FILES) {
        int i = l->next++;
        size_t n = first_part(l, i);
        if (n == 0) continue;
        snprintf(l->entry.d_name, sizeof l->entry.d_name, "%.*s", (int)n,
                 inside(l->folder, &memory.files[i]));
        return &l->entry;
    }
    return NULL;
}

int __wrap_closedir(DIR *dir) {
    struct listing *l = listing(dir);
    if (!l) return __real_closedir(dir);
    l->open = false;
    return 0;
}

int __wrap_access(const char *path, int mode) {
    if (find_folder(path)) return 0;
    if (!find(path)) return __real_access(path, mode);
    return mode & X_OK ? failed(EACCES) : 0;
}

int __wrap_unlink(const char *path) {
    struct file *f = find(path);
    if (!f) return __real_unlink(path);
    forget(f);
    return 0;
}

/* Of files in memory, to a place in memory. */
int __wrap_rename(const char *from, const char *to) {
    struct file *f = find(from), *old = find(to);
    const char *name = below(to);
    if (!f && below(from) && old) return failed(ENOENT);
    if (!f) return __real_rename(from, to);
    if (!name) return failed(EXDEV);
    if (old == f) return 0;
    if (old) forget(old);
    snprintf(f->name, sizeof f->name, "%s", name);
    return 0;
}

int __wrap_ftruncate(int fd, off_t size) {
    struct file *f = opened(fd);
    if (!f) return __real_ftruncate(fd, size);
    return resize(f, (size_t)size) ? 0 : failed(ENOSPC);
}

int __wrap_fsync(int fd) { return opened(fd) ? 0 : __real_fsync(fd); }

/* The root has no links in its path (it is made with realpath()), nor has what lies below it.
 */
char *__wrap_realpath(const char *path, char *out) {
    bool ours = find(path) || (memory.root_n > 0 && strcmp(path, memory.root) == 0);
    if (!ours) return __real_realpath(path, out);
    if (!out) return strdup(path);
    snprintf(out, PATH_MAX, "%s", path);
    return out;
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t from) {
    struct file *f = opened(fd);
    bool small = flags & MAP_ANONYMOUS && n < ASKED_OF_THE_KERNEL;
    if (!f && !small) return __real_mmap(at, n, protection, flags, fd, from);
    for (int i = 0; i < MAPPINGS; i++) {
        void *copy;
        if (memory.mapped[i].at) continue;
        if (n == 0 || posix_memalign(&copy, PAGE, n) != 0) break;
        memset(copy, 0, n);
        if (f) copy_out(f, copy, n, (size_t)from);
        memory.mapped[i].at = copy;
        memory.mapped[i].n = n;
        return copy;
    }
    errno = ENOMEM;
    return MAP_FAILED;
}

int __wrap_munmap(void *at, size_t n) {
    for (int i = 0; i < MAPPINGS; i++) {
        if (!at || memory.mapped[i].at != at) continue;
        free(at);
        memory.mapped[i].at = NULL;
        return 0;
    }
    return __real_munmap(at, n);
}

/* Advice is given for whole pages: one that only touches what is mapped here is about it as
 * well. */
int __wrap_madvise(void *at, size_t n, int advice) {
    uintptr_t from = (uintptr_t)at;
    for (int i = 0; i < MAPPINGS; i++) {
        uintptr_t m = (uintptr_t)memory.mapped[i].at;
        if (m && from < m + memory.mapped[i].n + PAGE && m < from + n + PAGE) return 0;
    }
    return __real_madvise(at, n, advice);
}
