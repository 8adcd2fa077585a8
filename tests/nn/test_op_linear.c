#include "engine/nn/blas.h"
#include "engine/nn/op_linear.h"
#include "nn_test.h"

static const struct linear_case {
    const char *name;
    struct linear_dims d;
    bool bias;
} cases[] = {
    {"linear: one by one", {1, 1, 1, false}, true},
    {"linear: one row", {1, 5, 7, false}, true},
    {"linear: one row, residual, no bias", {1, 5, 7, true}, false},
    {"linear: wide, no bias", {2, 3, 8, false}, false},
    {"linear: odd sizes", {13, 7, 5, false}, true},
    {"linear: residual with bias", {4, 9, 3, true}, true},
};

struct fixture {
    struct blocks mem;
    struct linear_dims d;
    struct exec ex;
    real *x, *W, *b, *r; /* r: the loss is sum r y */
    real *y, *residual;  /* residual: y before, where d.add */
    real *dx, *dW, *db;
    size_t n_x, n_W, n_y;
};

static void init(struct fixture *f, struct linear_dims d, bool bias) {
    *f = (struct fixture){.d = d};
    f->n_x = (size_t)(d.rows * d.in);
    f->n_W = (size_t)(d.out * d.in);
    f->n_y = (size_t)(d.rows * d.out);
    f->x = randoms(&f->mem, f->n_x, 1);
    f->W = randoms(&f->mem, f->n_W, 2);
    f->b = bias ? randoms(&f->mem, (size_t)d.out, 3) : NULL;
    f->r = randoms(&f->mem, f->n_y, 4);
    f->residual = randoms(&f->mem, f->n_y, 5);
    f->y = zeros(&f->mem, f->n_y);
    f->dx = started(&f->mem, f->n_x);
    f->dW = started(&f->mem, f->n_W);
    f->db = started(&f->mem, (size_t)d.out);
}

static double loss(void *ctx) {
    struct fixture *f = ctx;
    memcpy(f->y, f->residual, f->n_y * sizeof *f->y);
    linear_forward(&f->ex, f->y, f->x, f->W, f->b, f->d);
    return dot(f->r, f->y, f->n_y);
}

static void test_gradient(void **state) {
    const struct linear_case *c = *state;
    struct fixture f;
    init(&f, c->d, c->bias);
    linear_backward(&f.ex, f.dx, f.dW, c->bias ? f.db : NULL, f.r, f.x, f.W, f.d);
    if (!c->bias)
        for (int j = 0; j < c->d.out; j++) assert_true(f.db[j] == START);
    take_start_off(f.dx, f.n_x);
    take_start_off(f.dW, f.n_W);
    take_start_off(f.db, (size_t)c->d.out);
    assert_gradient(f.x, f.dx, f.n_x, loss, &f);
    assert_gradient(f.W, f.dW, f.n_W, loss, &f);
    if (c->bias) assert_gradient(f.b, f.db, (size_t)c->d.out, loss, &f);
    blocks_free(&f.mem);
}

static void test_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {1, 2, 3, 4}, W[] = {1, 0, -1, 2, 5, 1}, b[] = {10, 20, 30};
    real y[6] = {100, 100, 100, 100, 100, 100};
    linear_forward(&ex, y, x, W, b, (struct linear_dims){2, 2, 3, false});
    const real wanted[] = {11, 23, 37, 13, 25, 49};
    assert_all_near(y, wanted, 6, NEAR);
    linear_forward(&ex, y, x, W, NULL, (struct linear_dims){2, 2, 3, true});
    const real twice[] = {12, 26, 44, 16, 30, 68};
    assert_all_near(y, twice, 6, NEAR);
    assert_true(ex.flops == 2 * 2 * 2 * 2 * 3);
}

/* Each gradient left out costs no flop and changes nothing else. */
static void test_frozen(void **state) {
    (void)state;
    struct fixture whole, part;
    struct linear_dims d = {70, 33, 45, false};
    uint64_t product = 2 * 70 * 33 * 45;
    init(&whole, d, true);
    linear_backward(&whole.ex, whole.dx, whole.dW, whole.db, whole.r, whole.x, whole.W, d);
    assert_true(whole.ex.flops == 2 * product);
    for (int mask = 0; mask < 8; mask++) {
        bool dx = mask & 1, dW = mask & 2, db = mask & 4;
        init(&part, d, true);
        linear_backward(&part.ex, dx ? part.dx : NULL, dW ? part.dW : NULL, db ? part.db : NULL,
                        part.r, part.x, part.W, d);
        assert_true(part.ex.flops == product * (uint64_t)(dx + dW));
        if (dx) assert_same_bits(part.dx, whole.dx, whole.n_x);
        if (dW) assert_same_bits(part.dW, whole.dW, whole.n_W);
        if (db) assert_same_bits(part.db, whole.db, (size_t)d.out);
        blocks_free(&part.mem);
    }
    blocks_free(&whole.mem);
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    real *out = f->y; /* y, dx, dW, db in one row */
    memset(out, 0, (f->n_y + f->n_x + f->n_W + (size_t)f->d.out) * sizeof *out);
    linear_forward(ex, out, f->x, f->W, f->b, f->d);
    real *dx = out + f->n_y, *dW = dx + f->n_x, *db = dW + f->n_W;
    linear_backward(ex, dx, dW, db, f->r, f->x, f->W, f->d);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct linear_dims){517, 130, 301, false}, true);
    size_t n = f.n_y + f.n_x + f.n_W + (size_t)f.d.out;
    f.y = zeros(&f.mem, n);
    assert_threads_agree(run_all, &f, f.y, n);
    blocks_free(&f.mem);
}

int main(void) {
    blas_init();
    struct CMUnitTest tests[COUNT(cases) + 3] = {cmocka_unit_test(test_answer),
                                                 cmocka_unit_test(test_frozen),
                                                 cmocka_unit_test(test_threads)};
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i + 3] =
            (struct CMUnitTest){cases[i].name, test_gradient, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("op_linear", tests, NULL, NULL);
}
