#include "engine/core/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool scratch_open(struct scratch *s, const char *beside, struct err *err) {
    char path[4096];
    *s = (struct scratch){.fd = -1, .beside = beside};
    if (snprintf(path, sizeof path, "%s.XXXXXX", beside) >= (int)sizeof path)
        return err_set(err, ERR_RANGE, "the path %.60s... is too long", beside);
    s->fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
    if (s->fd < 0) return err_errno(err, "cannot create a file beside %s", beside);
    unlink(path);
    return true;
}

void scratch_close(struct scratch *s) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}

bool scratch_add(struct scratch *s, const void *bytes, size_t n, struct err *err) {
    for (const char *at = bytes; n > 0;) {
        ssize_t put = write(s->fd, at, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return err_errno(err, "cannot write beside %s", s->beside);
        at += put;
        n -= (size_t)put;
        s->bytes += (uint64_t)put;
    }
    return true;
}

bool scratch_read(const struct scratch *s, uint64_t at, void *out, size_t n, struct err *err) {
    for (char *to = out; n > 0;) {
        ssize_t got = pread(s->fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return err_errno(err, "cannot read what was put aside beside %s", s->beside);
        if (got == 0)
            return err_set(err, ERR_IO, "what was put aside beside %s is cut short", s->beside);
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}
