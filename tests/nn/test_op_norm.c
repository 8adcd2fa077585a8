#include "engine/nn/op_norm.h"
#include "nn_test.h"

static const struct norm_case {
    const char *name;
    struct norm_dims d;
} cases[] = {
    {"norm: one by one", {1, 1, R(0.1)}},
    {"norm: one row", {1, 6, R(1e-5)}},
    {"norm: odd width", {5, 7, R(1e-6)}},
    {"norm: wider than a tile of columns", {3, 101, R(1e-5)}},
    {"norm: more rows than a group", {70, 3, R(1e-5)}},
};

struct fixture {
    struct blocks mem;
    struct norm_dims d;
    struct exec ex;
    real *x, *gain, *bias, *r;
    real *y, *mean, *rstd;
    real *dx, *dgain, *dbias;
    size_t n, width;
};

static void init(struct fixture *f, struct norm_dims d) {
    *f = (struct fixture){.d = d};
    f->width = (size_t)d.width;
    f->n = (size_t)d.rows * f->width;
    f->x = randoms(&f->mem, f->n, 1);
    f->gain = randoms(&f->mem, f->width, 2);
    f->bias = randoms(&f->mem, f->width, 3);
    f->r = randoms(&f->mem, f->n, 4);
    f->y = zeros(&f->mem, f->n);
    f->mean = zeros(&f->mem, (size_t)d.rows);
    f->rstd = zeros(&f->mem, (size_t)d.rows);
    f->dx = started(&f->mem, f->n);
    f->dgain = started(&f->mem, f->width);
    f->dbias = started(&f->mem, f->width);
}

static double rms_loss(void *ctx) {
    struct fixture *f = ctx;
    rmsnorm_forward(&f->ex, f->y, f->rstd, f->x, f->gain, f->d);
    return dot(f->r, f->y, f->n);
}

static double layer_loss(void *ctx) {
    struct fixture *f = ctx;
    layernorm_forward(&f->ex, f->y, f->mean, f->rstd, f->x, f->gain, f->bias, f->d);
    return dot(f->r, f->y, f->n);
}

static void test_rms_gradient(void **state) {
    struct fixture f;
    init(&f, ((const struct norm_case *)*state)->d);
    (void)rms_loss(&f);
    rmsnorm_backward(&f.ex, f.dx, f.dx, f.dgain, f.r, f.x, f.rstd, f.gain, f.d);
    take_start_off(f.dx, f.n);
    take_start_off(f.dgain, f.width);
    assert_gradient(f.x, f.dx, f.n, rms_loss, &f);
    assert_gradient(f.gain, f.dgain, f.width, rms_loss, &f);
    blocks_free(&f.mem);
}

static void test_layer_gradient(void **state) {
    struct fixture f;
    init(&f, ((const struct norm_case *)*state)->d);
    (void)layer_loss(&f);
    layernorm_backward(&f.ex, f.dx, f.dx, f.dgain, f.dbias, f.r, f.x, f.mean, f.rstd, f.gain,
                       f.d);
    take_start_off(f.dx, f.n);
    take_start_off(f.dgain, f.width);
    take_start_off(f.dbias, f.width);
    assert_gradient(f.x, f.dx, f.n, layer_loss, &f);
    assert_gradient(f.gain, f.dgain, f.width, layer_loss, &f);
    assert_gradient(f.bias, f.dbias, f.width, layer_loss, &f);
    blocks_free(&f.mem);
}

static void test_rms_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {3, 4}, gain[] = {1, 2};
    real y[2], rstd;
    rmsnorm_forward(&ex, y, &rstd, x, gain,
                    (struct norm_dims){1, 2, R(3.5)}); /* 12.5 + 3.5 = 16 */
    const real wanted[] = {R(0.75), R(2.0)};
    assert_all_near(y, wanted, 2, NEAR);
    assert_near((double)rstd, 0.25, NEAR);
}

static void test_layer_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {1, 3, 5, 7}, gain[] = {1, 1, 1, 2}, bias[] = {0, 1, 0, 0};
    real y[4], mean, rstd;
    layernorm_forward(&ex, y, &mean, &rstd, x, gain, bias, (struct norm_dims){1, 4, R(4.0)});
    const real wanted[] = {-1, R(2.0) / R(3.0), R(1.0) / R(3.0),
                           2}; /* variance 5, plus 4 is 9 */
    assert_all_near(y, wanted, 4, NEAR);
    assert_near((double)mean, 4.0, NEAR);
    assert_near((double)rstd, 1.0 / 3.0, NEAR);
}

static void test_frozen(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct norm_dims){40, 37, R(1e-5)});
    (void)layer_loss(&f);
    for (int layer = 0; layer < 2; layer++) {
        struct blocks mem = {.n = 0};
        real *dx = started(&mem, f.n), *dgain = started(&mem, f.width);
        real *dbias = started(&mem, f.width);
        if (layer)
            layernorm_backward(&f.ex, dx, dx, dgain, dbias, f.r, f.x, f.mean, f.rstd, f.gain,
                               f.d);
        else rmsnorm_backward(&f.ex, dx, dx, dgain, f.r, f.x, f.rstd, f.gain, f.d);
        for (int mask = 0; mask < 8; mask++) {
            real *px = mask & 1 ? started(&mem, f.n) : NULL;
            real *pg = mask & 2 ? started(&mem, f.width) : NULL;
            real *pb = mask & 4 ? started(&mem, f.width) : NULL;
            if (layer)
                layernorm_backward(&f.ex, px, px, pg, pb, f.r, f.x, f.mean, f.rstd, f.gain,
                                   f.d);
            else rmsnorm_backward(&f.ex, px, px, pg, f.r, f.x, f.rstd, f.gain, f.d);
            if (px) assert_same_bits(px, dx, f.n);
            if (pg) assert_same_bits(pg, dgain, f.width);
            if (pb) assert_same_bits(pb, dbias, f.width);
        }
        blocks_free(&mem);
    }
    blocks_free(&f.mem);
}

/* What the gradient is added to may stand elsewhere, or be nothing. */
static void test_onto(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct norm_dims){9, 37, R(1e-5)});
    real *zero = zeros(&f.mem, f.n), *apart = zeros(&f.mem, f.n), *none = zeros(&f.mem, f.n);
    real *onto = randoms(&f.mem, f.n, 5), *dx = copy(&f.mem, onto, f.n);
    (void)layer_loss(&f);
    for (int layer = 0; layer < 2; layer++) {
        real *to[] = {dx, apart, none};
        const real *from[] = {dx, onto, NULL};
        memcpy(dx, onto, f.n * sizeof *dx);
        memset(zero, 0, f.n * sizeof *zero);
        for (int i = 0; i < 3; i++) {
            if (layer)
                layernorm_backward(&f.ex, to[i], from[i], NULL, NULL, f.r, f.x, f.mean, f.rstd,
                                   f.gain, f.d);
            else rmsnorm_backward(&f.ex, to[i], from[i], NULL, f.r, f.x, f.rstd, f.gain, f.d);
        }
        assert_same_bits(apart, dx, f.n);
        for (size_t i = 0; i < f.n; i++) zero[i] = onto[i] + none[i];
        assert_all_near(dx, zero, f.n, NEAR);
    }
    blocks_free(&f.mem);
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    real *out = f->y; /* y, dx, dgain of the one norm; y, dx, dgain, dbias of the other */
    memset(out, 0, (4 * f->n + 3 * f->width) * sizeof *out);
    rmsnorm_forward(ex, out, f->rstd, f->x, f->gain, f->d);
    rmsnorm_backward(ex, out + f->n, NULL, out + 4 * f->n, f->r, f->x, f->rstd, f->gain, f->d);
    layernorm_forward(ex, out + 2 * f->n, f->mean, f->rstd, f->x, f->gain, f->bias, f->d);
    layernorm_backward(ex, out + 3 * f->n, NULL, out + 4 * f->n + f->width,
                       out + 4 * f->n + 2 * f->width, f->r, f->x, f->mean, f->rstd, f->gain,
                       f->d);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct norm_dims){700, 301, R(1e-5)});
    size_t n = 4 * f.n + 3 * f.width;
    f.y = zeros(&f.mem, n);
    assert_threads_agree(run_all, &f, f.y, n);
    blocks_free(&f.mem);
}

static void test_nan_shows(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct norm_dims){3, 37, R(1e-5)});
    f.x[37 + 20] = (real)NAN;
    (void)rms_loss(&f);
    for (size_t i = 0; i < f.n; i++) assert_true(isnan(f.y[i]) == (i / 37 == 1));
    (void)layer_loss(&f);
    for (size_t i = 0; i < f.n; i++) assert_true(isnan(f.y[i]) == (i / 37 == 1));
    blocks_free(&f.mem);
}

int main(void) {
    struct CMUnitTest tests[2 * COUNT(cases) + 6] = {
        cmocka_unit_test(test_onto),         cmocka_unit_test(test_rms_answer),
        cmocka_unit_test(test_layer_answer), cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_nan_shows)};
    for (size_t i = 0; i < COUNT(cases); i++) {
        void *c = (void *)&cases[i];
        tests[2 * i + 6] = (struct CMUnitTest){cases[i].name, test_rms_gradient, NULL, NULL, c};
        tests[2 * i + 7] =
            (struct CMUnitTest){cases[i].name, test_layer_gradient, NULL, NULL, c};
    }
    return cmocka_run_group_tests_name("op_norm", tests, NULL, NULL);
}
