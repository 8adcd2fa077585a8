/* The fuzz target's function around the committed seeds: every truncation, every byte changed
 * in a few ways, and some thousand files with several bytes changed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char seeds[] = THAW_SOURCE_DIR "/tests/fuzz/seeds/safetensors";

/* On the heap and of exactly that size, so that a sanitizer sees any read beyond it. */
static void run_copy(const unsigned char *bytes, size_t n) {
    unsigned char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void check_seed(unsigned char *bytes, size_t n) {
    struct err err = {0};
    struct safetensors *s = safetensors_parse(bytes, n, "seed", &err);
    if (!s) fail_msg("a seed is refused: %s", err.msg);
    safetensors_close(s);
    run_copy(bytes, n);
}

/* A file that lacks its end is never accepted, wherever it was cut. */
static void check_truncations(const unsigned char *bytes, size_t n) {
    for (size_t cut = 0; cut < n; cut++) {
        struct err err = {0};
        unsigned char *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        assert_null(safetensors_parse(copy, cut, "cut", &err));
        assert_int_equal(err.code, ERR_PARSE);
        free(copy);
    }
}

static void check_single_bytes(unsigned char *bytes, size_t n) {
    static const unsigned char flips[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
    static const unsigned char values[] = {0, '0', '9', '-', '"', '{', '}', ',', 0xff};
    for (size_t i = 0; i < n; i++) {
        unsigned char was = bytes[i];
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes[i] = was ^ flips[k];
            run_copy(bytes, n);
            bytes[i] = values[k];
            run_copy(bytes, n);
        }
        bytes[i] = was;
    }
}

static void check_several_bytes(const unsigned char *bytes, size_t n, uint64_t seed) {
    enum { ROUNDS = 2000, MAX_CHANGES = 5 };
    struct rng r = rng_make(seed, 0, 0);
    unsigned char *copy = malloc(n);
    assert_non_null(copy);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, bytes, n);
        for (uint64_t c = rng_below(&r, MAX_CHANGES) + 1; c > 0; c--)
            copy[rng_below(&r, n)] = bytes[rng_below(&r, n)];
        LLVMFuzzerTestOneInput(copy, n);
    }
    free(copy);
}

static void test_around_seeds(void **state) {
    (void)state;
    DIR *dir = opendir(seeds);
    assert_non_null(dir);
    int n_seeds = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char path[4096];
        struct buf b = {0};
        struct err err = {0};
        bool good = files_join(path, sizeof path, seeds, e->d_name, &err) &&
                    files_read(path, 1 << 20, &b, &err);
        if (!good) fail_msg("%s", err.msg);
        unsigned char *bytes = (unsigned char *)b.data;
        check_seed(bytes, b.len);
        check_truncations(bytes, b.len);
        check_single_bytes(bytes, b.len);
        check_several_bytes(bytes, b.len, (uint64_t)++n_seeds);
        buf_deinit(&b);
    }
    closedir(dir);
    assert_true(n_seeds >= 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_around_seeds)};
    return cmocka_run_group_tests_name("fuzz_safetensors", tests, NULL, NULL);
}
