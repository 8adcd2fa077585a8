#include "engine/nn/op_activation.h"
#include "nn_test.h"

static const struct activation_case {
    const char *name;
    int rows, width;
} cases[] = {
    {"activation: one", 1, 1},
    {"activation: one row", 1, 19},
    {"activation: odd sizes", 3, 7},
    {"activation: wider than a piece", 2, 261},
};

struct fixture {
    struct blocks mem;
    struct exec ex;
    int rows, width;
    real *x, *gate_up, *r, *y, *dx, *d_gate_up;
    size_t n;
};

static void init(struct fixture *f, int rows, int width) {
    *f = (struct fixture){.rows = rows, .width = width, .n = (size_t)(rows * width)};
    f->x = randoms(&f->mem, f->n, 1);
    f->gate_up = randoms(&f->mem, 2 * f->n, 2);
    for (size_t i = 0; i < f->n; i++) f->x[i] *= R(4.0);
    for (size_t i = 0; i < 2 * f->n; i++) f->gate_up[i] *= R(3.0);
    f->r = randoms(&f->mem, f->n, 3);
    f->y = zeros(&f->mem, f->n);
    f->dx = started(&f->mem, f->n);
    f->d_gate_up = started(&f->mem, 2 * f->n);
}

static double gelu_loss(void *ctx) {
    struct fixture *f = ctx;
    gelu_forward(&f->ex, f->y, f->x, f->rows, f->width);
    return dot(f->r, f->y, f->n);
}

static double swiglu_loss(void *ctx) {
    struct fixture *f = ctx;
    swiglu_forward(&f->ex, f->y, f->gate_up, f->rows, f->width);
    return dot(f->r, f->y, f->n);
}

static void test_gelu_gradient(void **state) {
    const struct activation_case *c = *state;
    struct fixture f;
    init(&f, c->rows, c->width);
    real *again = zeros(&f.mem, f.n);
    gelu_forward(&f.ex, f.y, f.x, c->rows, c->width);
    gelu_backward(&f.ex, f.dx, again, f.r, f.x, c->rows, c->width);
    assert_same_bits(again, f.y, f.n);
    assert_gradient(f.x, f.dx, f.n, gelu_loss, &f);
    real *in_place = copy(&f.mem, f.r, f.n);
    gelu_backward(&f.ex, in_place, NULL, in_place, f.x, c->rows, c->width);
    assert_same_bits(in_place, f.dx, f.n);
    blocks_free(&f.mem);
}

static void test_swiglu_gradient(void **state) {
    const struct activation_case *c = *state;
    struct fixture f;
    init(&f, c->rows, c->width);
    real *again = zeros(&f.mem, f.n);
    swiglu_forward(&f.ex, f.y, f.gate_up, c->rows, c->width);
    swiglu_backward(&f.ex, f.d_gate_up, again, f.r, f.gate_up, c->rows, c->width);
    assert_same_bits(again, f.y, f.n);
    assert_gradient(f.gate_up, f.d_gate_up, 2 * f.n, swiglu_loss, &f);
    blocks_free(&f.mem);
}

/* The formula of the paper, in double. */
static void test_gelu_answers(void **state) {
    (void)state;
    enum { N = 401 };
    struct exec ex = {.pool = NULL};
    real x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = (real)(i - 200) * R(0.05);
    gelu_forward(&ex, y, x, 1, N);
    for (int i = 0; i < N; i++) {
        double v = (double)x[i];
        double u = sqrt(2.0 / acos(-1.0)) * (v + 0.044715 * v * v * v);
        assert_near((double)y[i], 0.5 * v * (1.0 + tanh(u)), NEAR / 10.0);
    }
    assert_near((double)y[220], 0.8411919906082768, NEAR / 10.0); /* gelu(1) */
}

static void test_swiglu_answer(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real gate_up[] = {0, 1, -2, /**/ 5, 3, 7, /**/ 1, 1, 1, /**/ 1, 2, 0};
    real y[6];
    swiglu_forward(&ex, y, gate_up, 2, 3);
    double s = 1.0 / (1.0 + exp(-1.0)), t = 1.0 / (1.0 + exp(2.0));
    const real wanted[] = {0, (real)(3 * s), (real)(-14 * t), (real)s, (real)(2 * s), 0};
    assert_all_near(y, wanted, 6, NEAR);
}

/* Far out both are the identity or nothing, not NaN; and what is not finite stays so. */
static void test_extremes(void **state) {
    (void)state;
    struct exec ex = {.pool = NULL};
    const real x[] = {R(1e4), R(-1e4), (real)NAN, (real)INFINITY};
    const real gate_up[] = {R(1e4), R(-1e4), (real)NAN, (real)INFINITY, 1, 1, 1, 1};
    real y[4], z[4];
    gelu_forward(&ex, y, x, 1, 4);
    swiglu_forward(&ex, z, gate_up, 1, 4);
    for (int i = 0; i < 2; i++) {
        const real *v = i ? z : y;
        assert_true(v[0] == R(1e4));
        assert_true(fabs((double)v[1]) < 1e-20);
        assert_true(isnan(v[2]));
        assert_true(!isfinite(v[3]));
    }
}

static void run_all(struct exec *ex, void *ctx) {
    struct fixture *f = ctx;
    size_t n = f->n;
    real *out = f->y; /* y and dx of gelu, y and d_gate_up of swiglu */
    gelu_forward(ex, out, f->x, f->rows, f->width);
    gelu_backward(ex, out + n, NULL, f->r, f->x, f->rows, f->width);
    swiglu_forward(ex, out + 2 * n, f->gate_up, f->rows, f->width);
    swiglu_backward(ex, out + 3 * n, NULL, f->r, f->gate_up, f->rows, f->width);
}

static void test_threads(void **state) {
    (void)state;
    struct fixture f;
    init(&f, 333, 301);
    f.y = zeros(&f.mem, 5 * f.n);
    assert_threads_agree(run_all, &f, f.y, 5 * f.n);
    blocks_free(&f.mem);
}

int main(void) {
    struct CMUnitTest tests[2 * COUNT(cases) + 4] = {
        cmocka_unit_test(test_gelu_answers), cmocka_unit_test(test_swiglu_answer),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_threads)};
    for (size_t i = 0; i < COUNT(cases); i++) {
        void *c = (void *)&cases[i];
        tests[2 * i + 4] =
            (struct CMUnitTest){cases[i].name, test_gelu_gradient, NULL, NULL, c};
        tests[2 * i + 5] =
            (struct CMUnitTest){cases[i].name, test_swiglu_gradient, NULL, NULL, c};
    }
    return cmocka_run_group_tests_name("op_activation", tests, NULL, NULL);
}
