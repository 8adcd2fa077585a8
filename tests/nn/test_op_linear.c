#include "engine/nn/blas.h"
#include "engine/nn/op_linear.h"
#include "nn_test.h"

static const struct linear_case {
    const char *name;
    struct linear_dims d;
    bool onto, bias;
} cases[] = {
    {"linear: one by one", {.rows = 1, .in = 1, .out = 1}, false, true},
    {"linear: one row", {.rows = 1, .in = 5, .out = 7}, false, true},
    {"linear: one row, residual, no bias", {.rows = 1, .in = 5, .out = 7}, true, false},
    {"linear: wide, no bias", {.rows = 2, .in = 3, .out = 8}, false, false},
    {"linear: odd sizes", {.rows = 13, .in = 7, .out = 5}, false, true},
    {"linear: residual with bias", {.rows = 4, .in = 9, .out = 3}, true, true},
    {"linear: many", {.rows = 150, .in = 96, .out = 130}, true, true},
    {"linear: cut along the rows", {.rows = 200, .in = 64, .out = 400}, true, true},
    {"linear: cut along the outputs", {.rows = 100, .in = 64, .out = 400}, false, true},
};

struct fixture {
    struct blocks mem;
    struct linear_dims d;
    real *x, *W, *turned, *b;
    real *onto, *y, *wanted;
    size_t n_y;
};

static void init(struct fixture *f, struct linear_dims d, bool onto, bool bias) {
    *f = (struct fixture){.d = d, .n_y = (size_t)(d.rows * d.out)};
    f->x = randoms(&f->mem, (size_t)(d.rows * d.in), 1);
    f->W = randoms(&f->mem, (size_t)(d.out * d.in), 2);
    f->b = bias ? randoms(&f->mem, (size_t)d.out, 3) : NULL;
    f->onto = onto ? randoms(&f->mem, f->n_y, 5) : NULL;
    f->wanted = zeros(&f->mem, f->n_y);
    f->y = randoms(&f->mem, f->n_y, 6);
    f->turned = zeros(&f->mem, (size_t)(d.out * d.in));
    for (int o = 0; o < d.out; o++)
        for (int i = 0; i < d.in; i++) f->turned[i * d.out + o] = f->W[o * d.in + i];
    for (int r = 0; r < d.rows; r++)
        for (int o = 0; o < d.out; o++) {
            double sum = bias ? (double)f->b[o] : 0;
            if (onto) sum += (double)f->onto[r * d.out + o];
            for (int i = 0; i < d.in; i++)
                sum += (double)f->x[r * d.in + i] * (double)f->W[o * d.in + i];
            f->wanted[r * d.out + o] = (real)sum;
        }
}

/* Both ways that W may stand, and onto apart or in y's place; pool NULL: nothing is cut. */
static void check_sums(const struct linear_case *c, struct pool *pool) {
    struct fixture f;
    struct exec ex = {.pool = pool};
    init(&f, c->d, c->onto, c->bias);
    linear_forward(&ex, f.y, f.onto, f.x, f.W, f.b, f.d);
    assert_all_near(f.y, f.wanted, f.n_y, 10 * NEAR);
    if (f.onto) memcpy(f.y, f.onto, f.n_y * sizeof *f.y);
    f.d.turned = true;
    linear_forward(&ex, f.y, f.onto ? f.y : NULL, f.x, f.turned, f.b, f.d);
    assert_all_near(f.y, f.wanted, f.n_y, 10 * NEAR);
    assert_true(ex.flops == 2 * 2 * f.n_y * (uint64_t)c->d.in);
    blocks_free(&f.mem);
}

static void test_sums(void **state) {
    struct pool *pool = pool_create(2, NULL);
    assert_non_null(pool);
    check_sums(*state, NULL);
    check_sums(*state, pool);
    pool_destroy(pool);
}

static void test_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {1, 2, 3, 4}, W[] = {1, 0, -1, 2, 5, 1}, b[] = {10, 20, 30};
    real y[6] = {100, 100, 100, 100, 100, 100};
    linear_forward(&ex, y, NULL, x, W, b, (struct linear_dims){.rows = 2, .in = 2, .out = 3});
    const real wanted[] = {11, 23, 37, 13, 25, 49};
    assert_all_near(y, wanted, 6, NEAR);
    linear_forward(&ex, y, y, x, W, NULL, (struct linear_dims){.rows = 2, .in = 2, .out = 3});
    const real twice[] = {12, 26, 44, 16, 30, 68};
    assert_all_near(y, twice, 6, NEAR);
}

static void run(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    linear_forward(ex, f->y, f->onto, f->x, f->W, f->b, f->d);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct linear_dims){.rows = 517, .in = 130, .out = 301}, true, true);
    assert_threads_agree(run, &f, f.y, f.n_y);
    blocks_free(&f.mem);
}

int main(void) {
    blas_init();
    struct CMUnitTest tests[COUNT(cases) + 2] = {cmocka_unit_test(test_answer),
                                                 cmocka_unit_test(test_threads)};
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i + 2] =
            (struct CMUnitTest){cases[i].name, test_sums, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("op_linear", tests, NULL, NULL);
}
