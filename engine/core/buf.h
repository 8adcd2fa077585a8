/* buf.h - a growing byte buffer; always ends in a NUL that does not count. */
#ifndef THAW_ENGINE_CORE_BUF_H
#define THAW_ENGINE_CORE_BUF_H
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL while nothing was ever added */
    size_t len, capacity;
    bool failed; /* out of memory once: later additions do nothing; check at the end */
};

void buf_deinit(struct buf *b);                            /* frees, leaves it empty */
void buf_clear(struct buf *b);                             /* empties, keeps memory and `failed` */
bool buf_add(struct buf *b, const void *bytes, size_t n);  /* false: out of memory */
bool buf_str(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_text(const struct buf *b);                 /* never NULL */
#endif
