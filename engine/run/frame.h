/* frame.h - lines out of a stream of bytes, as they come from a socket. */
#ifndef THAW_ENGINE_RUN_FRAME_H
#define THAW_ENGINE_RUN_FRAME_H
#include "engine/core/buf.h"

enum { FRAME_BYTES_MAX = 1 << 16, FRAME_SILENCE_S = 10 };

struct frame {
    struct buf bytes;
    size_t at;    /* where the next line begins; what is before was handed out */
    double since; /* clock_now() when the frame was begun or last went on */
};

void frame_deinit(struct frame *f);
/* Append what was read at `now`; false: out of memory. */
bool frame_add(struct frame *f, const void *bytes, size_t n, double now);
/* The next whole line without its newline: true, *line (until the next frame_add) and *n. */
bool frame_next(struct frame *f, const char **line, size_t *n);
/* After frame_next() gave false: whether what is left is more than a frame may hold. */
bool frame_too_long(const struct frame *f);
/* Seconds until a frame that was begun counts as given up, 0 when it does at `now`; infinite
 * when none was begun. */
double frame_patience(const struct frame *f, double now);
#endif
