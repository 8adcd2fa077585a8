/* The BLAS door against a triple loop in double. */
#include "engine/nn/blas.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn_test.h"

static const struct gemm_case {
    const char *name;
    int m, n, k;
    enum blas_trans ta, tb;
    bool add;
    real alpha;
    int pad; /* extra reals between rows */
} cases[] = {
    {"blas: one by one", 1, 1, 1, AS_IS, AS_IS, false, R(0.0), 0},
    {"blas: one row", 1, 37, 19, AS_IS, AS_IS, false, R(0.0), 3},
    {"blas: one row by rows, added", 1, 37, 19, AS_IS, TRANSPOSED, true, R(0.5), 3},
    {"blas: one row that is a column", 1, 37, 19, TRANSPOSED, TRANSPOSED, false, R(0.0), 3},
    {"blas: one column", 41, 1, 23, AS_IS, AS_IS, true, R(0.0), 2},
    {"blas: one column by rows", 41, 1, 23, AS_IS, TRANSPOSED, false, R(0.0), 2},
    {"blas: plain", 33, 47, 29, AS_IS, AS_IS, false, R(0.0), 5},
    {"blas: B transposed", 33, 47, 29, AS_IS, TRANSPOSED, false, R(2.0), 5},
    {"blas: A transposed, added", 33, 47, 29, TRANSPOSED, AS_IS, true, R(0.0), 5},
    {"blas: both transposed", 33, 47, 29, TRANSPOSED, TRANSPOSED, false, R(-1.0), 5},
    {"blas: many tiles", 700, 530, 40, AS_IS, TRANSPOSED, true, R(0.0), 0},
    {"blas: many tiles of a weight gradient", 530, 300, 600, TRANSPOSED, AS_IS, true, R(0.0),
     1},
    {"blas: tall", 2111, 5, 70, AS_IS, AS_IS, false, R(0.0), 0},
    {"blas: wide", 5, 2111, 70, AS_IS, TRANSPOSED, false, R(0.0), 0},
};

struct operands {
    struct blocks mem;
    struct gemm g;
    real *C, *before;
    size_t n_C;
};

static struct operands make_operands(const struct gemm_case *c) {
    struct operands o = {.mem = {.n = 0}};
    int a_rows = c->ta == AS_IS ? c->m : c->k, a_cols = c->ta == AS_IS ? c->k : c->m;
    int b_rows = c->tb == AS_IS ? c->k : c->n, b_cols = c->tb == AS_IS ? c->n : c->k;
    int lda = a_cols + c->pad, ldb = b_cols + c->pad, ldc = c->n + c->pad;
    o.n_C = (size_t)c->m * (size_t)ldc;
    o.before = randoms(&o.mem, o.n_C, 3);
    o.C = copy(&o.mem, o.before, o.n_C);
    o.g = (struct gemm){.m = c->m,
                        .n = c->n,
                        .k = c->k,
                        .ta = c->ta,
                        .tb = c->tb,
                        .A = randoms(&o.mem, (size_t)a_rows * (size_t)lda, 1),
                        .lda = lda,
                        .B = randoms(&o.mem, (size_t)b_rows * (size_t)ldb, 2),
                        .ldb = ldb,
                        .C = o.C,
                        .ldc = ldc,
                        .add = c->add,
                        .alpha = c->alpha};
    return o;
}

static double product_at(const struct gemm *g, int i, int j) {
    double sum = 0.0;
    for (int p = 0; p < g->k; p++) {
        real a = g->ta == AS_IS ? g->A[i * g->lda + p] : g->A[p * g->lda + i];
        real b = g->tb == AS_IS ? g->B[p * g->ldb + j] : g->B[j * g->ldb + p];
        sum += (double)a * (double)b;
    }
    return sum;
}

/* C against the loop; what lies between the rows of C must not have changed. */
static void assert_product(const struct operands *o) {
    const struct gemm *g = &o->g;
    double alpha = g->alpha == R(0.0) ? 1.0 : (double)g->alpha;
    for (int i = 0; i < g->m; i++) {
        for (int j = 0; j < g->ldc; j++) {
            double got = (double)g->C[i * g->ldc + j], was = (double)o->before[i * g->ldc + j];
            if (j >= g->n) assert_true(got == was);
            else assert_near(got, alpha * product_at(g, i, j) + (g->add ? was : 0.0), NEAR);
        }
    }
}

static void test_tile(void **state) {
    struct operands o = make_operands(*state);
    blas_gemm_tile(&o.g);
    assert_product(&o);
    blocks_free(&o.mem);
}

static void test_gemm(void **state) {
    struct operands o = make_operands(*state);
    struct exec ex = {.pool = pool_create(2, NULL), .flops = 5};
    assert_non_null(ex.pool);
    blas_gemm(&ex, &o.g);
    assert_product(&o);
    assert_true(ex.flops == 5 + 2 * (uint64_t)o.g.m * (uint64_t)o.g.n * (uint64_t)o.g.k);
    pool_destroy(ex.pool);
    blocks_free(&o.mem);
}

static void run_gemm(struct exec *ex, void *ctx) {
    struct operands *o = ctx;
    memcpy(o->C, o->before, o->n_C * sizeof *o->C);
    blas_gemm(ex, &o->g);
}

static void test_threads(void **state) {
    struct operands o = make_operands(*state);
    assert_threads_agree(run_gemm, &o, o.C, o.n_C);
    blocks_free(&o.mem);
}

/* Two products as one set of tiles give what each gives alone. */
static void test_all(void **state) {
    (void)state;
    struct operands a = make_operands(&cases[COUNT(cases) - 4]);
    struct operands b = make_operands(&cases[COUNT(cases) - 3]);
    const struct gemm both[] = {a.g, b.g};
    struct exec ex = {.pool = pool_create(2, NULL)};
    assert_non_null(ex.pool);
    blas_gemm_all(&ex, both, 0);
    assert_true(ex.flops == 0);
    blas_gemm_all(&ex, both, 2);
    assert_product(&a);
    assert_product(&b);
    assert_true(ex.flops == 2 * (uint64_t)(700 * 530 * 40 + 530 * 300 * 600));
    pool_destroy(ex.pool);
    blocks_free(&a.mem);
    blocks_free(&b.mem);
}

static void test_describe(void **state) {
    (void)state;
    const char *text = blas_describe();
    assert_memory_equal(text, "OpenBLAS ", 9);
    assert_non_null(strstr(text, ", "));
    assert_non_null(strstr(text, " kernels"));
}

static volatile sig_atomic_t signals;
static void count_signal(int number) {
    (void)number;
    signals++;
}

/* 0: every product came out as the one that nobody disturbed. */
static int multiply_under_signals(enum blas_trans ta) {
    enum { SIDE = 256, REALS = SIDE * SIDE, ENOUGH = 300 };
    real *A = malloc(4 * REALS * sizeof *A), *B = A + REALS, *C = B + REALS, *quiet = C + REALS;
    struct sigaction count = {.sa_handler = count_signal};
    const struct itimerval often = {{0, 200}, {0, 200}};
    struct gemm g = {
        .m = SIDE, .n = SIDE, .k = SIDE, .ta = ta, .lda = SIDE, .ldb = SIDE, .ldc = SIDE};
    if (!A) return 2;
    for (int i = 0; i < 2 * REALS; i++) A[i] = (real)(i * 7 % 13 - 6);
    g.A = A;
    g.B = B;
    g.C = quiet;
    blas_gemm_tile(&g);
    g.C = C;
    sigaction(SIGALRM, &count, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (signals < ENOUGH) {
        blas_gemm_tile(&g);
        if (memcmp(C, quiet, REALS * sizeof *C) != 0) return 1;
    }
    free(A);
    return 0;
}

/* A handler's frame may not come into a product (engine/core/hold.h): without that, oneDNN's
 * crash here or give wrong numbers, in a process of their own. */
static void test_signals(void **state) {
    (void)state;
    for (int ta = AS_IS; ta <= TRANSPOSED; ta++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(multiply_under_signals((enum blas_trans)ta));
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void) {
    blas_init();
    struct CMUnitTest tests[3 * COUNT(cases) + 3];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        void *c = (void *)&cases[i];
        tests[n++] = (struct CMUnitTest){cases[i].name, test_tile, NULL, NULL, c};
        tests[n++] = (struct CMUnitTest){cases[i].name, test_gemm, NULL, NULL, c};
        tests[n++] = (struct CMUnitTest){cases[i].name, test_threads, NULL, NULL, c};
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_all);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_describe);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_signals);
    return _cmocka_run_group_tests("blas", tests, n, NULL, NULL);
}
