/* gguf_parts.h - private to formats/: the key-value pairs of a GGUF file, and numbers as it stores them. */
#ifndef THAW_ENGINE_FORMATS_GGUF_PARTS_H
#define THAW_ENGINE_FORMATS_GGUF_PARTS_H
#include "engine/formats/gguf.h"

/* All numbers little-endian. Out of memory shows in bytes.failed. */
struct gguf_pairs {
    struct buf bytes;
    uint64_t n;
};
void gguf_number(struct buf *to, uint64_t value, int bytes);      /* the lowest `bytes` of it */
void gguf_string(struct buf *to, const char *text, size_t length); /* 64-bit length, then the text */
void gguf_put_integer(struct gguf_pairs *p, const char *key, uint32_t value);
void gguf_put_real(struct gguf_pairs *p, const char *key, double value); /* stored as F32 */
void gguf_put_bool(struct gguf_pairs *p, const char *key, bool value);
void gguf_put_text(struct gguf_pairs *p, const char *key, const char *value);

/* tokenizer.ggml.*, for a model of `vocab` entries. */
void gguf_put_tokenizer(struct gguf_pairs *p, const struct tokenizer *t, int vocab);

/* Bytes of a row of n numbers; n is a multiple of 32 for Q8_0. */
size_t gguf_row_bytes(enum gguf_type type, size_t n);
/* n numbers as that type, rounded to nearest, ties to even. */
void gguf_encode(enum gguf_type type, const float *from, size_t n, unsigned char *to);
#endif
