/* data_test.h - what the tests of engine/data share: a folder of their own, texts, trained
 * tokenizers, and the way to skip when ../shared/data is absent. */
#ifndef THAW_TESTS_DATA_DATA_TEST_H
#define THAW_TESTS_DATA_DATA_TEST_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "engine/data/tokenizer.h"

#define TEXT(s) s, sizeof(s) - 1 /* a literal and its length: it may hold NUL */

static char folder[64]; /* of this test; removed afterwards */

static inline int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/thaw-test-data-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

/* A path in the test's folder; good for four more calls. */
static inline const char *in_folder(const char *name) {
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    assert_true(files_join(path, sizeof paths[0], folder, name, NULL));
    return path;
}

/* Write a file into the test's folder (without fsync, which some tests could not afford);
 * returns its path as in_folder() does. */
static inline const char *put_file(const char *name, const char *text, size_t n) {
    const char *path = in_folder(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* A path below ../shared/data; the test is skipped, and says so, when it is not there. */
static inline const char *shared(const char *name) {
    static char paths[4][4200];
    static int next;
    char *path = paths[next++ % 4];
    assert_true(files_join(path, sizeof paths[0], THAW_SHARED_DATA, name, NULL));
    if (!files_exists(path)) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    return path;
}

/* The ids of a text, or a failed test. Owner: the caller. */
static inline struct ids encode(struct tokenizer *t, const char *text, size_t n) {
    struct ids ids = {0};
    struct err err = {0};
    if (!tokenizer_encode(t, text, n, &ids, &err)) fail_msg("%s", err.msg);
    return ids;
}

static inline void assert_ids(const struct ids *ids, const int *want, size_t n) {
    for (size_t i = 0; i < n && i < ids->n; i++)
        if (ids->data[i] != want[i]) fail_msg("id %zu is %d, not %d", i, ids->data[i], want[i]);
    assert_int_equal(ids->n, n);
}

/* The bytes of all tokens, joined, are exactly text[0..n). */
static inline void assert_decoded(const struct tokenizer *t, const struct ids *ids,
                                  const char *text, size_t n) {
    struct buf out = {0};
    for (size_t i = 0; i < ids->n; i++) {
        size_t length;
        const char *bytes = tokenizer_bytes(t, ids->data[i], &length);
        buf_add(&out, bytes, length);
    }
    assert_int_equal(out.len, n);
    if (n) assert_memory_equal(out.data, text, n);
    buf_deinit(&out);
}

/* A tokenizer learned from one text. Owner: the caller. */
static inline struct tokenizer *train(const char *text, size_t n, int vocab) {
    struct err err = {0};
    struct bpe_trainer *trainer = bpe_trainer_create(&err);
    assert_non_null(trainer);
    assert_true(bpe_trainer_add(trainer, text, n, &err));
    struct tokenizer *t = bpe_trainer_finish(trainer, vocab, NULL, NULL, &err);
    if (!t) fail_msg("%s", err.msg);
    bpe_trainer_destroy(trainer);
    return t;
}
#endif
