#include "engine/nn/op_qk.h"
#include "nn_test.h"

static const struct qk_case {
    const char *name;
    struct qk_dims d;
    bool norm, rotary;
} cases[] = {
    {"qk: one row, one head of two", {1, 1, 1, 2, 2, R(1e-5)}, true, true},
    {"qk: norm and rotation, packed", {6, 3, 2, 4, 15, R(1e-5)}, true, true},
    {"qk: norm alone, odd head", {5, 5, 3, 5, 17, R(1e-5)}, true, false},
    {"qk: rotation alone", {6, 4, 2, 6, 12, R(1e-5)}, false, true},
    {"qk: neither, odd head", {3, 2, 2, 3, 7, R(1e-5)}, false, false},
};

struct fixture {
    struct blocks mem;
    struct qk_dims d;
    struct exec ex;
    real *x, *gain, *cosine, *sine, *r;
    real *y, *rstd, *dx, *dgain, *dy;
    size_t n_x, n_y, head_dim;
};

static void init(struct fixture *f, struct qk_dims d, bool norm, bool rotary) {
    *f = (struct fixture){.d = d};
    f->head_dim = (size_t)d.head_dim;
    f->n_x = (size_t)(d.rows * d.stride);
    f->n_y = (size_t)(d.rows * d.heads) * f->head_dim;
    f->x = randoms(&f->mem, f->n_x, 1);
    f->gain = norm ? randoms(&f->mem, f->head_dim, 2) : NULL;
    f->r = randoms(&f->mem, f->n_y, 3);
    f->y = zeros(&f->mem, f->n_y);
    f->rstd = norm ? zeros(&f->mem, (size_t)(d.rows * d.heads)) : NULL;
    f->dx = started(&f->mem, f->n_x);
    f->dgain = started(&f->mem, f->head_dim);
    f->dy = copy(&f->mem, f->r, f->n_y);
    if (!rotary) return;
    f->cosine = zeros(&f->mem, (size_t)(d.time * d.head_dim / 2));
    f->sine = zeros(&f->mem, (size_t)(d.time * d.head_dim / 2));
    rope_table(f->cosine, f->sine, d.time, d.head_dim, 100.0, (struct rope_scaling){0});
}

static double loss(void *ctx) {
    struct fixture *f = ctx;
    qk_forward(&f->ex, f->y, f->rstd, f->x, f->gain, f->cosine, f->sine, f->d);
    return dot(f->r, f->y, f->n_y);
}

static bool in_heads(const struct fixture *f, size_t i) {
    return i % (size_t)f->d.stride < (size_t)f->d.heads * f->head_dim;
}

static void test_gradient(void **state) {
    const struct qk_case *c = *state;
    struct fixture f;
    init(&f, c->d, c->norm, c->rotary);
    (void)loss(&f);
    qk_backward(&f.ex, f.dx, f.dgain, f.dy, f.x, f.rstd, f.gain, f.cosine, f.sine, f.d);
    for (size_t i = 0; i < f.n_x;
         i++) { /* overwritten in the heads, not touched between them */
        if (in_heads(&f, i)) continue;
        assert_true(f.dx[i] == START);
        f.dx[i] = R(0.0); /* what lies between rows has no part in the loss */
    }
    assert_gradient(f.x, f.dx, f.n_x, loss, &f);
    take_start_off(f.dgain, f.head_dim);
    if (c->norm) assert_gradient(f.gain, f.dgain, f.head_dim, loss, &f);
    else
        for (size_t i = 0; i < f.head_dim; i++) assert_true(f.dgain[i] == R(0.0));
    blocks_free(&f.mem);
}

/* Angle of row 1 (position 1): theta^0 = 1 radian for the pair (0, 2), 1/10 for (1, 3). */
static void test_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    real cosine[4], sine[4], y[8];
    const real x[] = {1, 2, 3, 4, 1, 2, 3, 4};
    rope_table(cosine, sine, 2, 4, 100.0, (struct rope_scaling){0});
    struct qk_dims d = {.rows = 2, .time = 2, .heads = 1, .head_dim = 4, .stride = 4};
    qk_forward(&ex, y, NULL, x, NULL, cosine, sine, d);
    const real wanted[] = {1,
                           2,
                           3,
                           4,
                           (real)(cos(1.0) - 3 * sin(1.0)),
                           (real)(2 * cos(0.1) - 4 * sin(0.1)),
                           (real)(3 * cos(1.0) + sin(1.0)),
                           (real)(4 * cos(0.1) + 2 * sin(0.1))};
    assert_all_near(y, wanted, 8, NEAR);
}

static void test_norm_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {3, 4, 99, 6, 8}, gain[] = {1, 2};
    real y[4], rstd[2];
    struct qk_dims d = {.rows = 2, .time = 1, .heads = 1, .head_dim = 2, .stride = 3, .eps = 0};
    qk_forward(&ex, y, rstd, x, gain, NULL, NULL, d);
    double s = sqrt(12.5);
    const real wanted[] = {(real)(3 / s), (real)(8 / s), (real)(3 / s), (real)(8 / s)};
    assert_all_near(y, wanted, 4, NEAR);
    assert_near((double)rstd[1], 0.5 / s, NEAR);
}

/* Rotation keeps the dot product of two positions a fixed distance apart. */
static void test_relative(void **state) {
    (void)state;
    enum { TIME = 50, DIM = 8 };
    struct fixture f;
    init(&f, (struct qk_dims){TIME, TIME, 1, DIM, DIM, R(1e-5)}, false, true);
    for (int t = 1; t < TIME; t++) memcpy(f.x + t * DIM, f.x, DIM * sizeof *f.x);
    (void)loss(&f);
    double wanted = dot(f.y, f.y + 7 * DIM, DIM);
    for (int t = 0; t + 7 < TIME; t++)
        assert_near(dot(f.y + t * DIM, f.y + (t + 7) * DIM, DIM), wanted, NEAR);
    blocks_free(&f.mem);
}

static void test_frozen(void **state) {
    (void)state;
    struct fixture whole, part;
    struct qk_dims d = {50, 10, 2, 6, 20, R(1e-5)};
    init(&whole, d, true, true);
    init(&part, d, true, true);
    (void)loss(&whole);
    qk_backward(&whole.ex, whole.dx, whole.dgain, whole.dy, whole.x, whole.rstd, whole.gain,
                whole.cosine, whole.sine, d);
    qk_backward(&part.ex, part.dx, NULL, part.dy, part.x, whole.rstd, part.gain, part.cosine,
                part.sine, d);
    assert_same_bits(part.dx, whole.dx, whole.n_x);
    blocks_free(&whole.mem);
    blocks_free(&part.mem);
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    real *out = f->y; /* y, dx, dgain */
    memset(out, 0, (f->n_y + f->n_x + f->head_dim) * sizeof *out);
    qk_forward(ex, out, f->rstd, f->x, f->gain, f->cosine, f->sine, f->d);
    memcpy(f->dy, f->r, f->n_y * sizeof *f->dy);
    qk_backward(ex, out + f->n_y, out + f->n_y + f->n_x, f->dy, f->x, f->rstd, f->gain,
                f->cosine, f->sine, f->d);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, (struct qk_dims){999, 333, 6, 30, 200, R(1e-5)}, true, true);
    size_t n = f.n_y + f.n_x + f.head_dim;
    f.y = zeros(&f.mem, n);
    assert_threads_agree(run_all, &f, f.y, n);
    blocks_free(&f.mem);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 5] = {
        cmocka_unit_test(test_answer), cmocka_unit_test(test_norm_answer),
        cmocka_unit_test(test_relative), cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_threads)};
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i + 5] =
            (struct CMUnitTest){cases[i].name, test_gradient, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("op_qk", tests, NULL, NULL);
}
