/* gzip.h - zlib's door: the content of gzip files (dictzip's are such, too), bounded.
 * Source: RFC 1952. */
#ifndef THAW_ENGINE_CORE_GZIP_H
#define THAW_ENGINE_CORE_GZIP_H
#include "engine/core/buf.h"
#include "engine/core/err.h"
#include "engine/core/files.h"

/* Whether bytes[0..n) begin as a gzip file does. */
bool gzip_is(const void *bytes, size_t n);

/* Append what the members of bytes[0..n) hold, one after the other, to `out`. Memory follows what really
 * comes out, never what a header promises. ERR_RANGE when that is more than max_bytes, ERR_PARSE when
 * the bytes are damaged, cut short, or followed by something else; then `out` has grown by a part. */
bool gzip_expand(const void *bytes, size_t n, size_t max_bytes, struct buf *out, struct err *err);

/* The bytes of a file, expanded when they are gzip's. */
struct content {
    const char *data; /* NULL when there are none */
    size_t size;
    struct mapping map; /* what `data` points into: this, */
    struct buf buf;     /* or this */
};
/* Errors name the path. `max_bytes` bounds what a gzip file may hold. */
bool content_open(const char *path, size_t max_bytes, struct content *out, struct err *err);
void content_close(struct content *c); /* leaves it empty */
#endif
