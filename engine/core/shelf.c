#include "engine/core/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/core/files.h"

enum { PIECES = 1024 };

struct shelf {
    int fd;
    off_t end; /* a multiple of a page */
    int n;
    struct piece {
        void *at;
        size_t bytes;
    } pieces[PIECES];
};

static bool failed(struct err *err, const char *what) {
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return err_set(err, full ? ERR_FULL : ERR_IO, "cannot %s a file for what is put aside: %s",
                   what, strerror(errno));
}

struct shelf *shelf_create(const char *folder, struct err *err) {
    char path[PATH_MAX];
    struct shelf *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_NOMEM, "no memory to put something aside");
        return NULL;
    }
    s->fd = -1;
    if (!files_join(path, sizeof path, folder, ".shelf", err)) goto failed;
    unlink(path); /* of an owner that was killed between the next two calls */
    s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        failed(err, "create");
        goto failed;
    }
    unlink(path);
    return s;

failed:
    shelf_destroy(s);
    return NULL;
}

void shelf_destroy(struct shelf *s) {
    if (!s) return;
    for (int i = 0; i < s->n; i++) munmap(s->pieces[i].at, s->pieces[i].bytes);
    if (s->fd >= 0) close(s->fd);
    free(s);
}

static bool write_at(int fd, off_t at, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t put = pwrite(fd, bytes, n, at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        bytes += put;
        at += put;
        n -= (size_t)put;
    }
    return true;
}

static size_t whole_pages(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

void shelf_leave(const void *at, size_t n) { files_forget(at, whole_pages(n)); }

const void *shelf_put(struct shelf *s, const void *bytes, size_t n, struct err *err) {
    if (s->n == PIECES) {
        err_set(err, ERR_RANGE, "more than %d things to put aside", PIECES);
        return NULL;
    }
    void *at = MAP_FAILED;
    if (!write_at(s->fd, s->end, bytes, n)) failed(err, "write");
    else if ((at = mmap(NULL, n, PROT_READ, MAP_SHARED, s->fd, s->end)) == MAP_FAILED)
        failed(err, "map");
    if (at == MAP_FAILED) {
        if (ftruncate(s->fd, s->end) < 0) { /* what is behind the end is written over */
        }
        return NULL;
    }
    s->pieces[s->n++] = (struct piece){at, n};
    s->end += (off_t)whole_pages(n);
    return at;
}
