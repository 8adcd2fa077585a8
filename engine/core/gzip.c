#include "engine/core/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

enum { PIECE = 1 << 16, GZIP_ONLY = 16 + MAX_WBITS };

bool gzip_is(const void *bytes, size_t n) {
    static const unsigned char magic[] = {0x1f, 0x8b,
                                          8}; /* the last: deflate, the one method */
    return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

/* A member's state, and what of the file zlib has not been given: it takes an unsigned int. */
struct expansion {
    z_stream z;
    const unsigned char *rest;
    size_t n, left; /* bytes of rest; bytes that may still come out */
    struct buf *out;
};

static void feed(struct expansion *e) {
    if (e->z.avail_in > 0) return;
    unsigned n = e->n < UINT_MAX ? (unsigned)e->n : UINT_MAX;
    e->z.next_in = (unsigned char *)e->rest; /* zlib only reads there */
    e->z.avail_in = n;
    e->rest += n;
    e->n -= n;
}

static bool damaged(const struct expansion *e, struct err *err) {
    return err_set(err, ERR_PARSE, "this gzip file is damaged (%s): fetch it again",
                   e->z.msg ? e->z.msg : "its bytes make no sense");
}

/* One member, to its checksum. */
static bool expand_member(struct expansion *e, struct err *err) {
    unsigned char piece[PIECE];
    for (int state = Z_OK; state != Z_STREAM_END;) {
        feed(e);
        e->z.next_out = piece;
        e->z.avail_out = sizeof piece;
        state = inflate(&e->z, Z_NO_FLUSH);
        size_t made = sizeof piece - e->z.avail_out;
        if (state == Z_MEM_ERROR) return err_set(err, ERR_NOMEM, "no memory to expand gzip");
        if (state == Z_BUF_ERROR)
            return err_set(err, ERR_PARSE, "this gzip file is cut short: fetch it again");
        if (state != Z_OK && state != Z_STREAM_END) return damaged(e, err);
        if (made > e->left)
            return err_set(err, ERR_RANGE, "this gzip file holds more than is read of one");
        e->left -= made;
        if (!buf_add(e->out, piece, made))
            return err_set(err, ERR_NOMEM, "no memory for %zu bytes", e->out->len + made);
    }
    return true;
}

static bool expand_members(struct expansion *e, struct err *err) {
    for (;;) {
        if (!expand_member(e, err)) return false;
        feed(e);
        if (e->z.avail_in == 0) return true;
        if (inflateReset(&e->z) != Z_OK) return damaged(e, err);
    }
}

bool gzip_expand(const void *bytes, size_t n, size_t max_bytes, struct buf *out,
                 struct err *err) {
    struct expansion e = {.rest = bytes, .n = n, .left = max_bytes, .out = out};
    if (inflateInit2(&e.z, GZIP_ONLY) != Z_OK)
        return err_set(err, ERR_NOMEM, "no memory to expand gzip");
    bool done = expand_members(&e, err);
    inflateEnd(&e.z);
    return done;
}

bool content_open(const char *path, size_t max_bytes, struct content *out, struct err *err) {
    *out = (struct content){.data = NULL};
    if (!files_map(path, &out->map, err)) return false;
    out->data = (const char *)out->map.data;
    out->size = out->map.size;
    if (!gzip_is(out->data, out->size)) return true;
    bool done = gzip_expand(out->data, out->size, max_bytes, &out->buf, err);
    files_unmap(&out->map);
    out->data = out->buf.data;
    out->size = out->buf.len;
    if (!done) content_close(out);
    return done || err_prefix(err, "%s", path);
}

void content_close(struct content *c) {
    files_unmap(&c->map);
    buf_deinit(&c->buf);
    *c = (struct content){.data = NULL};
}
