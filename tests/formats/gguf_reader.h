/* gguf_reader.h - reads a GGUF file by the specification alone, sharing nothing with what writes it: the tests'
 * second opinion. Anything odd fails the test. */
#ifndef THAW_TESTS_FORMATS_GGUF_READER_H
#define THAW_TESTS_FORMATS_GGUF_READER_H
#include <math.h>

#include "tests/formats/fixtures.h"

struct gguf_tensor {
    char name[96];
    uint32_t n_dims, type;
    uint64_t dims[4], offset;
};

struct gguf_file {
    struct buf bytes;
    size_t at, data; /* reading place; where the tensors' bytes begin */
    uint64_t n_pairs, n_tensors;
    size_t pairs; /* where they begin */
    struct gguf_tensor tensors[64];
};

static inline uint64_t gguf_take(struct gguf_file *g, int bytes) {
    uint64_t x = 0;
    assert_true(g->at + (size_t)bytes <= g->bytes.len);
    for (int i = bytes; i-- > 0;) x = x << 8 | (unsigned char)g->bytes.data[g->at + (size_t)i];
    g->at += (size_t)bytes;
    return x;
}

static inline float gguf_take_float(struct gguf_file *g) {
    uint32_t bits = (uint32_t)gguf_take(g, 4);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline void gguf_take_string(struct gguf_file *g, char *out, size_t size) {
    uint64_t n = gguf_take(g, 8);
    assert_true(n < size && g->at + n <= g->bytes.len);
    if (n >= size) n = size - 1; /* never: for the compiler, which does not know assert_true */
    memcpy(out, g->bytes.data + g->at, n);
    out[n] = '\0';
    g->at += n;
}

static inline void gguf_skip_value(struct gguf_file *g, uint32_t kind) {
    static const int sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    char text[4096];
    assert_true(kind < COUNT(sizes));
    if (kind == 8) {
        gguf_take_string(g, text, sizeof text);
    } else if (kind == 9) {
        uint32_t of = (uint32_t)gguf_take(g, 4);
        for (uint64_t n = gguf_take(g, 8); n > 0; n--) gguf_skip_value(g, of);
    } else {
        gguf_take(g, sizes[kind]);
    }
}

static inline void gguf_open(const char *path, struct gguf_file *g) {
    struct err err = {0};
    char text[4096];
    *g = (struct gguf_file){.at = 4};
    require(files_read(path, 1u << 28, &g->bytes, &err), &err);
    assert_true(g->bytes.len > 24 && memcmp(g->bytes.data, "GGUF", 4) == 0);
    assert_int_equal(gguf_take(g, 4), 3);
    g->n_tensors = gguf_take(g, 8);
    g->n_pairs = gguf_take(g, 8);
    g->pairs = g->at;
    for (uint64_t i = 0; i < g->n_pairs; i++) {
        gguf_take_string(g, text, sizeof text);
        gguf_skip_value(g, (uint32_t)gguf_take(g, 4));
    }
    assert_true(g->n_tensors <= COUNT(g->tensors));
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        struct gguf_tensor *t = &g->tensors[i];
        gguf_take_string(g, t->name, sizeof t->name);
        t->n_dims = (uint32_t)gguf_take(g, 4);
        assert_in_range(t->n_dims, 1, 4);
        for (uint32_t d = 0; d < 4; d++) t->dims[d] = d < t->n_dims ? gguf_take(g, 8) : 1;
        t->type = (uint32_t)gguf_take(g, 4);
        t->offset = gguf_take(g, 8);
        assert_int_equal(t->offset % 32, 0);
    }
    g->data = (g->at + 31) / 32 * 32;
    while (g->at < g->data && g->at < g->bytes.len) assert_int_equal(gguf_take(g, 1), 0);
}

static inline void gguf_close(struct gguf_file *g) { buf_deinit(&g->bytes); }

/* Stand at the value of `key`, which has this kind. */
static inline void gguf_seek(struct gguf_file *g, const char *key, uint32_t kind) {
    char text[4096];
    g->at = g->pairs;
    for (uint64_t i = 0; i < g->n_pairs; i++) {
        gguf_take_string(g, text, sizeof text);
        uint32_t found = (uint32_t)gguf_take(g, 4);
        if (strcmp(text, key) == 0) {
            assert_int_equal(found, kind);
            return;
        }
        gguf_skip_value(g, found);
    }
    fail_msg("no %s", key);
}

static inline bool gguf_has(struct gguf_file *g, const char *key) {
    char text[4096];
    bool found = false;
    g->at = g->pairs;
    for (uint64_t i = 0; i < g->n_pairs; i++) {
        gguf_take_string(g, text, sizeof text);
        found |= strcmp(text, key) == 0;
        gguf_skip_value(g, (uint32_t)gguf_take(g, 4));
    }
    return found;
}

static inline const struct gguf_tensor *gguf_find(const struct gguf_file *g, const char *name) {
    for (uint64_t i = 0; i < g->n_tensors; i++)
        if (strcmp(g->tensors[i].name, name) == 0) return &g->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline float gguf_half(uint32_t h) {
    int exponent = (int)(h >> 10 & 31);
    double fraction = (double)(h & 1023), sign = h >> 15 ? -1 : 1;
    if (exponent == 31) return fraction > 0 ? NAN : (float)sign * INFINITY;
    if (exponent == 0) return (float)(sign * ldexp(fraction, -24));
    return (float)(sign * ldexp(1 + fraction / 1024, exponent - 15));
}

/* Element i of a tensor, in its rows' order. */
static inline float gguf_value(struct gguf_file *g, const struct gguf_tensor *t, size_t i) {
    size_t start = g->data + t->offset;
    switch (t->type) {
    case 0:
        g->at = start + 4 * i;
        return gguf_take_float(g);
    case 1:
        g->at = start + 2 * i;
        return gguf_half((uint32_t)gguf_take(g, 2));
    case 30: {
        g->at = start + 2 * i;
        uint32_t bits = (uint32_t)gguf_take(g, 2) << 16;
        float x;
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    case 8: {
        g->at = start + i / 32 * 34;
        float scale = gguf_half((uint32_t)gguf_take(g, 2));
        g->at += i % 32;
        return scale * (float)(signed char)gguf_take(g, 1);
    }
    default:
        fail_msg("type %u", t->type);
        return 0;
    }
}
#endif
