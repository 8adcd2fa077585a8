/* nn_test.h - what the tests of the ops share: blocks of numbers, runs with several thread
 * counts, comparisons. Every block is its own malloc, so that AddressSanitizer sees a step over
 * its end. */
#ifndef THAW_TESTS_NN_TEST_H
#define THAW_TESTS_NN_TEST_H
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/nn/exec.h"
#include "gradcheck.h"

#ifdef THAW_DOUBLE
#define NEAR 1e-12 /* what a few roundings may cost, relative to 1 */
#else
#define NEAR 2e-5
#endif

struct blocks {
    void *block[64];
    int n;
};

static inline void *blocks_take(struct blocks *b, size_t bytes) {
    assert_true(b->n < (int)COUNT(b->block));
    void *p = calloc(1, bytes > 0 ? bytes : 1);
    assert_non_null(p);
    return b->block[b->n++] = p;
}

static inline void blocks_free(struct blocks *b) {
    while (b->n > 0) free(b->block[--b->n]);
}

static inline real *zeros(struct blocks *b, size_t n) {
    return blocks_take(b, n * sizeof(real));
}

/* Uniform in [-1, 1), the same for the same seed. */
static inline void fill_random(real *x, size_t n, uint64_t seed) {
    struct rng rng = rng_make(seed, 0, 0);
    for (size_t i = 0; i < n; i++) x[i] = (real)(2.0 * rng_uniform(&rng) - 1.0);
}

static inline real *randoms(struct blocks *b, size_t n, uint64_t seed) {
    real *x = zeros(b, n);
    fill_random(x, n, seed);
    return x;
}

static inline real *copy(struct blocks *b, const real *x, size_t n) {
    real *y = zeros(b, n);
    memcpy(y, x, n * sizeof *y);
    return y;
}

static inline double dot(const real *x, const real *y, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

static inline void assert_near(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance * fmax(1.0, fabs(wanted))))
        fail_msg("%.17g is not within %g of %.17g", got, tolerance, wanted);
}

static inline void assert_all_near(const real *got, const real *wanted, size_t n,
                                   double tolerance) {
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - (double)wanted[i]) <=
            tolerance * fmax(1.0, fabs((double)wanted[i])))
            continue;
        fail_msg("[%zu] is %.17g, not %.17g", i, (double)got[i], (double)wanted[i]);
    }
}

static inline void assert_same_bits(const real *a, const real *b, size_t n) {
    assert_memory_equal(a, b, n * sizeof *a);
}

/* Gradients are added: a check starts them at START and takes it off before it looks. */
#define START R(0.5)

static inline real *started(struct blocks *b, size_t n) {
    real *x = zeros(b, n);
    for (size_t i = 0; i < n; i++) x[i] = START;
    return x;
}

static inline void take_start_off(real *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] -= START;
}

static inline void assert_gradient(real *x, real *dx, size_t n, double (*loss)(void *),
                                   void *ctx) {
    double worst = gradcheck(x, dx, n, loss, ctx);
    if (!(worst < GRADCHECK_TOLERANCE)) fail_msg("gradient is off by %g", worst);
}

/* Run `op` with 1, 2, 3 and 8 threads; each time it fills out[n] from the same inputs, and each
 * time the bits must be the same. On the caller's thread alone it is the same work, but products
 * are not cut then (blas.h), and with kernels for AVX2 come to other bits. */
static inline void assert_threads_agree(void (*op)(struct exec *ex, void *ctx), void *ctx,
                                        real *out, size_t n) {
    static const int threads[] = {1, 2, 3, 8};
    struct blocks mem = {.n = 0};
    struct exec alone = {.pool = NULL};
    real *wanted = NULL;
    op(&alone, ctx);
    for (size_t i = 0; i < COUNT(threads); i++) {
        struct exec ex = {.pool = pool_create(threads[i], NULL)};
        assert_non_null(ex.pool);
        memset(out, 0, n * sizeof *out);
        op(&ex, ctx);
        pool_destroy(ex.pool);
        if (!wanted) wanted = copy(&mem, out, n);
        assert_same_bits(out, wanted, n);
        assert_true(ex.flops == alone.flops);
    }
    blocks_free(&mem);
}
#endif
