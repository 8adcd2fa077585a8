/* A fuzz target's function around its committed seeds: every truncation, every byte changed in
 * a few ways (of a long one a share of them), and some thousand inputs with several bytes
 * changed. Built once for each target of run/, with THAW_SEEDS naming the folder. */
#include <dirent.h>

#include "engine/core/rng.h"
#include "tests/run/run_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On the heap and of exactly that size, so that a sanitizer sees any read beyond it. */
static void run_copy(const unsigned char *bytes, size_t n) {
    unsigned char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

#ifndef THAW_PLACES
#define THAW_PLACES 512 /* fewer where an input takes a millisecond */
#endif
enum { PLACES = THAW_PLACES };

/* Of a long seed not every place is tried. */
static size_t stride(size_t n) { return 1 + n / PLACES; }

static void change_single_bytes(unsigned char *bytes, size_t n) {
    static const unsigned char values[] = {0,   '0',  '9', '-', '.', 'e',
                                           '"', '\\', '{', ']', ',', 0xff};
    for (size_t i = 0; i < n; i += stride(n)) {
        unsigned char was = bytes[i];
        for (size_t k = 0; k < sizeof values; k++) {
            bytes[i] = values[k];
            run_copy(bytes, n);
        }
        bytes[i] = was;
    }
}

static void change_several_bytes(const unsigned char *bytes, size_t n, uint64_t seed) {
    enum { ROUNDS = 2 * PLACES, MOST_CHANGES = 5 };
    struct rng r = rng_make(seed, 0, 0);
    unsigned char *copy = malloc(n);
    assert_non_null(copy);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, bytes, n);
        for (uint64_t c = rng_below(&r, MOST_CHANGES) + 1; c > 0; c--)
            copy[rng_below(&r, n)] = bytes[rng_below(&r, n)];
        LLVMFuzzerTestOneInput(copy, n);
    }
    free(copy);
}

static void test_around_seeds(void **state) {
    (void)state;
    DIR *dir = opendir(THAW_SEEDS);
    assert_non_null(dir);
    int n_seeds = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char path[4096];
        struct buf b = {0};
        struct err err = {0};
        assert_ok(files_join(path, sizeof path, THAW_SEEDS, e->d_name, &err), err);
        assert_ok(files_read(path, 1 << 20, &b, &err), err);
        for (size_t n = 0; n < b.len; n += stride(b.len))
            run_copy((const unsigned char *)buf_text(&b), n);
        run_copy((const unsigned char *)buf_text(&b), b.len);
        change_single_bytes((unsigned char *)b.data, b.len);
        change_several_bytes((const unsigned char *)b.data, b.len, (uint64_t)++n_seeds);
        buf_deinit(&b);
    }
    closedir(dir);
    assert_true(n_seeds >= 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_around_seeds)};
    return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
