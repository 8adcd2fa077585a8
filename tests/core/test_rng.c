#include <math.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"

/* The published splitmix64 gives these from state 0; with key 0 ours is that generator. */
static void test_known_answers(void **state) {
    (void)state;
    struct rng r = {0};
    assert_true(rng_next(&r) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(rng_next(&r) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(rng_next(&r) == UINT64_C(0x06c45d188009454f));
}

static void test_streams_differ(void **state) {
    (void)state;
    uint64_t first[4 * 4 * 4];
    size_t n = 0;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (uint64_t a = 0; a < 4; a++)
            for (uint64_t b = 0; b < 4; b++) {
                struct rng r = rng_make(seed, a, b), again = rng_make(seed, a, b);
                first[n] = rng_next(&r);
                assert_true(first[n] == rng_next(&again));
                for (size_t i = 0; i < n; i++) assert_true(first[i] != first[n]);
                n++;
            }
}

/* Chi-squared over k equal boxes, k-1 degrees of freedom: mean k-1, deviation sqrt(2(k-1)). The
 * seed is fixed, so the outcome is too. */
static void test_below_is_even(void **state) {
    (void)state;
    for (uint64_t k = 1; k <= 40; k++) {
        struct rng r = rng_make(7, k, 0);
        double counts[40] = {0}, expected = 20000.0 / (double)k, chi = 0.0;
        for (int i = 0; i < 20000; i++) {
            uint64_t x = rng_below(&r, k);
            assert_true(x < k);
            counts[x] += 1.0;
        }
        for (uint64_t i = 0; i < k; i++) chi += (counts[i] - expected) * (counts[i] - expected);
        chi /= expected;
        assert_true(chi <= (double)(k - 1) + 4.0 * sqrt(2.0 * (double)(k - 1)));
    }
}

/* 2^64 is 4/3 of this n: a bare remainder would give the lowest third twice as often. */
static void test_below_of_a_large_n(void **state) {
    (void)state;
    enum { N = 30000 };
    const uint64_t third = UINT64_C(1) << 62;
    struct rng r = rng_make(1, 2, 3);
    int counts[3] = {0};
    for (int i = 0; i < N; i++) {
        uint64_t x = rng_below(&r, 3 * third);
        assert_true(x < 3 * third);
        counts[x / third]++;
    }
    for (int i = 0; i < 3; i++) assert_in_range(counts[i], N / 3 - 400, N / 3 + 400);
}

static void test_uniform_moments(void **state) {
    (void)state;
    enum { N = 200000 };
    struct rng r = rng_make(11, 0, 0);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < N; i++) {
        double x = rng_uniform(&r);
        assert_true(x >= 0.0 && x < 1.0);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / N - 0.5) < 0.002);
    assert_true(fabs(squares / N - 1.0 / 3.0) < 0.002);
}

static void test_normal_moments(void **state) {
    (void)state;
    enum { N = 200000 };
    struct rng r = rng_make(12, 0, 0);
    double m[5] = {0};
    for (int i = 0; i < N; i++) {
        double x = rng_normal(&r);
        assert_true(isfinite(x));
        for (int k = 1; k <= 4; k++) m[k] += pow(x, k) / N;
    }
    assert_true(fabs(m[1]) < 0.01);
    assert_true(fabs(m[2] - 1.0) < 0.02);
    assert_true(fabs(m[3]) < 0.03);
    assert_true(fabs(m[4] - 3.0) < 0.1);
}

/* Stable across versions and machines: splits of the data hang on it. */
static void test_hash(void **state) {
    (void)state;
    assert_true(rng_hash("", 0) == UINT64_C(0x2d06800538d394c2)); /* XXH3's published value */
    assert_true(rng_hash("a", 1) != rng_hash("b", 1));
    assert_true(rng_hash("a\0b", 3) != rng_hash("a\0c", 3));
    unsigned char bytes[300];
    memset(bytes, 1, sizeof bytes);
    uint64_t whole = rng_hash(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x40;
        assert_true(rng_hash(bytes, sizeof bytes) != whole);
        bytes[i] ^= 0x40;
    }
    assert_true(rng_hash(bytes, sizeof bytes) == whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_below_of_a_large_n),
        cmocka_unit_test(test_uniform_moments),
        cmocka_unit_test(test_normal_moments),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
