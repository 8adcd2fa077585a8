/* tfevents_reader.h - the files of TensorBoard, read by a reader of the tests' own: frames,
 * their checksums (by a table, not bit by bit as the engine's), and of tensorflow.Event the
 * fields that scalars need. What is not as it must be fails the test. */
#ifndef THAW_TESTS_RUN_TFEVENTS_READER_H
#define THAW_TESTS_RUN_TFEVENTS_READER_H
#include <dirent.h>

#include "run/run_test.h"

struct scalar {
    int64_t step;
    double wall;
    char tag[96];
    float value;
};

enum { SCALARS_MAX = 8192, STARTS_MAX = 16, TFEVENTS_PATH = 4500 };
struct tfevents {
    char version[32];
    struct scalar at[SCALARS_MAX]; /* in the order of the file */
    int n, n_records, n_starts;
    int64_t starts[STARTS_MAX]; /* steps of its sessions' starts */
};

static inline uint32_t table_crc(const unsigned char *p, size_t n) {
    uint32_t table[256], crc = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82F63B78u : table[i] >> 1;
    }
    for (size_t i = 0; i < n; i++) crc = table[(crc ^ p[i]) & 255] ^ crc >> 8;
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

struct piece {
    const unsigned char *at, *end;
};

static inline uint64_t take_little(struct piece *p, int bytes) {
    uint64_t x = 0;
    assert_true(p->end - p->at >= bytes);
    for (int i = 0; i < bytes; i++) x |= (uint64_t)*p->at++ << 8 * i;
    return x;
}

static inline uint64_t take_varint(struct piece *p) {
    uint64_t x = 0;
    for (int shift = 0;; shift += 7) {
        uint64_t byte = take_little(p, 1);
        assert_true(shift < 64);
        x |= (byte & 0x7F) << shift;
        if (byte < 0x80) return x;
    }
}

static inline struct piece take_piece(struct piece *p) {
    uint64_t n = take_varint(p);
    assert_true(n <= (uint64_t)(p->end - p->at));
    struct piece part = {p->at, p->at + n};
    p->at += n;
    return part;
}

static inline void take_value(struct piece p, struct scalar *out) {
    while (p.at < p.end) {
        uint64_t key = take_varint(&p);
        if (key == (1 << 3 | 2)) {
            struct piece tag = take_piece(&p);
            snprintf(out->tag, sizeof out->tag, "%.*s", (int)(tag.end - tag.at),
                     (const char *)tag.at);
        } else {
            assert_int_equal(key, 2 << 3 | 5);
            uint32_t bits = (uint32_t)take_little(&p, 4);
            memcpy(&out->value, &bits, sizeof bits);
        }
    }
}

static inline void take_event(struct piece p, struct tfevents *out) {
    struct scalar s = {.step = 0};
    while (p.at < p.end) {
        uint64_t key = take_varint(&p), bits;
        struct piece part;
        switch (key) {
        case 1 << 3 | 1:
            bits = take_little(&p, 8);
            memcpy(&s.wall, &bits, sizeof bits);
            break;
        case 2 << 3 | 0:
            s.step = (int64_t)take_varint(&p);
            break;
        case 3 << 3 | 2:
            part = take_piece(&p);
            assert_int_equal(out->n_records, 0); /* the version comes first */
            snprintf(out->version, sizeof out->version, "%.*s", (int)(part.end - part.at),
                     (const char *)part.at);
            break;
        case 5 << 3 | 2:
            for (part = take_piece(&p); part.at < part.end; out->n++) {
                assert_int_equal(take_varint(&part), 1 << 3 | 2);
                assert_true(out->n < SCALARS_MAX);
                out->at[out->n] = s;
                take_value(take_piece(&part), &out->at[out->n]);
            }
            break;
        default:
            assert_int_equal(key, 7 << 3 | 2);
            part = take_piece(&p);
            assert_int_equal(take_varint(&part), 1 << 3 | 0);
            assert_int_equal(take_varint(&part), 1);
            assert_true(out->n_starts < STARTS_MAX);
            out->starts[out->n_starts++] = s.step;
        }
    }
}

/* Every record of a file, to its last byte. Added to what `out` holds of other files. */
static inline void read_tfevents(const char *path, struct tfevents *out) {
    struct buf bytes = {0};
    struct err err = {0};
    assert_ok(files_read(path, 1u << 26, &bytes, &err), err);
    const unsigned char *data = (const unsigned char *)(const void *)bytes.data;
    struct piece p = {data, data + bytes.len};
    out->n_records = 0;
    while (p.at < p.end) {
        uint32_t crc = table_crc(p.at, 8);
        uint64_t n = take_little(&p, 8);
        assert_int_equal(take_little(&p, 4), crc);
        assert_true(n <= (uint64_t)(p.end - p.at));
        crc = table_crc(p.at, n);
        take_event((struct piece){p.at, p.at + n}, out);
        p.at += n;
        assert_int_equal(take_little(&p, 4), crc);
        out->n_records++;
    }
    buf_deinit(&bytes);
}

/* The files of a folder in the order of their names; how many. */
static inline int list_tfevents(const char *dir, char paths[8][TFEVENTS_PATH]) {
    struct dirent **entries;
    int n = scandir(dir, &entries, NULL, alphasort), found = 0;
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        if (strncmp(entries[i]->d_name, "events.out.tfevents.", 20) == 0 && found < 8)
            snprintf(paths[found++], TFEVENTS_PATH, "%s/%s", dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return found;
}

/* The newest value of a tag at a step, NaN when there is none. */
static inline float scalar_of(const struct tfevents *t, const char *tag, int64_t step) {
    for (int i = t->n - 1; i >= 0; i--)
        if (t->at[i].step == step && strcmp(t->at[i].tag, tag) == 0) return t->at[i].value;
    return 0.0f / 0.0f;
}
#endif
