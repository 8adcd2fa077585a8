#include "engine/core/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 }; /* bytes */

void buf_deinit(struct buf *b) {
    free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b) {
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

static bool give_up(struct buf *b) {
    b->failed = true;
    return false;
}

/* Room for `n` more bytes and the NUL; doubling keeps the sum of all copies linear. */
static bool reserve(struct buf *b, size_t n) {
    if (b->failed) return false;
    if (n >= SIZE_MAX / 2 - b->len) return give_up(b);
    size_t need = b->len + n + 1;
    if (need <= b->capacity) return true;
    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
    while (capacity < need) capacity *= 2;
    char *data = realloc(b->data, capacity);
    if (!data) return give_up(b);
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t n) {
    if (!reserve(b, n)) return false;
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return true;
}

bool buf_str(struct buf *b, const char *s) { return buf_add(b, s, strlen(s)); }

bool buf_printf(struct buf *b, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) return give_up(b);
    if (!reserve(b, (size_t)n)) return false;
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
    return true;
}

const char *buf_text(const struct buf *b) { return b->data ? b->data : ""; }
