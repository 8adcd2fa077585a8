#include "engine/run/frame.h"

#include <math.h>
#include <string.h>

void frame_deinit(struct frame *f) {
    buf_deinit(&f->bytes);
    *f = (struct frame){0};
}

static size_t waiting(const struct frame *f) { return f->bytes.len - f->at; }

bool frame_add(struct frame *f, const void *bytes, size_t n, double now) {
    if (f->at > 0) {
        size_t rest = waiting(f);
        memmove(f->bytes.data, f->bytes.data + f->at, rest);
        f->bytes.len = rest;
        f->at = 0;
    }
    f->since = now;
    return buf_add(&f->bytes, bytes, n);
}

bool frame_next(struct frame *f, const char **line, size_t *n) {
    if (waiting(f) == 0) return false;
    const char *begin = f->bytes.data + f->at;
    const char *newline = memchr(begin, '\n', waiting(f));
    if (!newline || newline - begin > FRAME_BYTES_MAX) return false;
    *line = begin;
    *n = (size_t)(newline - begin);
    f->at += *n + 1;
    return true;
}

bool frame_too_long(const struct frame *f) { return waiting(f) > FRAME_BYTES_MAX; }

double frame_patience(const struct frame *f, double now) {
    if (waiting(f) == 0) return (double)INFINITY;
    double left = f->since + FRAME_SILENCE_S - now;
    return left > 0 ? left : 0;
}
