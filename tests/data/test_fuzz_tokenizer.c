/* The fuzz target's function around the committed seeds: every truncation, every byte changed
 * in a few ways, and pieces copied over pieces. */
#include <dirent.h>
#include <stdio.h>

#include "check.h"
#include "engine/core/rng.h"
#include "tests/data/data_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char seeds[] = THAW_SOURCE_DIR "/tests/fuzz/seeds/tokenizer";

/* On the heap and of exactly that size, so that a sanitizer sees any read beyond it. */
static void run_copy(const char *bytes, size_t n) {
    unsigned char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void check_seed(const char *bytes, size_t n) {
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse(bytes, n, &err);
    if (!t) fail_msg("a seed is refused: %s", err.msg);
    tokenizer_destroy(t);
    run_copy(bytes, n);
}

/* A file that lacks its end is never accepted (the last byte of a seed is its '}'). */
static void check_truncations(const char *bytes, size_t n) {
    for (size_t cut = 0; cut < n; cut++) {
        struct err err = {0};
        assert_null(tokenizer_parse(bytes, cut, &err));
        assert_int_equal(err.code, ERR_PARSE);
    }
}

static void check_single_bytes(char *bytes, size_t n) {
    static const char values[] = {0, '0', '9', '"', ' ', ',', (char)0xff};
    for (size_t i = 0; i < n; i++) {
        char was = bytes[i];
        for (size_t k = 0; k < sizeof values; k++) {
            bytes[i] = values[k];
            run_copy(bytes, n);
        }
        bytes[i] = (char)(was ^ 1);
        run_copy(bytes, n);
        bytes[i] = was;
    }
}

/* Pieces copied over other pieces: ids, names and merges change places. */
static void check_copied_pieces(const char *bytes, size_t n, uint64_t seed) {
    enum { ROUNDS = 1500, LONGEST = 12 };
    struct rng r = rng_make(seed, 0, 0);
    char *copy = malloc(n);
    assert_non_null(copy);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, bytes, n);
        for (uint64_t c = rng_below(&r, 3) + 1; c > 0; c--) {
            size_t length = 1 + rng_below(&r, LONGEST);
            memcpy(copy + rng_below(&r, n - length), bytes + rng_below(&r, n - length), length);
        }
        run_copy(copy, n);
    }
    free(copy);
}

static void test_around_seeds(void **state) {
    (void)state;
    DIR *d = opendir(seeds);
    assert_non_null(d);
    uint64_t n_seeds = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        char path[4096];
        struct buf b = {0};
        assert_true(files_join(path, sizeof path, seeds, e->d_name, NULL));
        assert_true(files_read(path, 1 << 16, &b, NULL));
        check_seed(b.data, b.len);
        check_truncations(b.data, b.len);
        check_single_bytes(b.data, b.len);
        check_copied_pieces(b.data, b.len, n_seeds++);
        buf_deinit(&b);
    }
    closedir(d);
    assert_true(n_seeds >= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_around_seeds)};
    return cmocka_run_group_tests_name("fuzz_tokenizer", tests, NULL, NULL);
}
