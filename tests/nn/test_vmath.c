/* The vector functions against libm in double. */
#include "engine/nn/vmath.h"
#include "nn_test.h"

#ifdef THAW_DOUBLE
static const double relative = 1e-15, lowest = -600.0, highest = 600.0;
#else
static const double relative = 5e-7, lowest = -80.0, highest = 80.0;
#endif

enum { GRID = 4001 };

static void fill_grid(real *x) {
    for (int i = 0; i < GRID; i++)
        x[i] = (real)(lowest + (highest - lowest) * i / (double)(GRID - 1));
}

static void assert_relative(real got, double wanted, real x) {
    if (!(fabs((double)got - wanted) <= relative * fabs(wanted)))
        fail_msg("at %.9g: %.9g, not %.9g", (double)x, (double)got, wanted);
}

static void test_exp(void **state) {
    (void)state;
    real x[GRID], y[GRID];
    fill_grid(x);
    vmath_exp(y, x, GRID);
    for (int i = 0; i < GRID; i++) assert_relative(y[i], exp((double)x[i]), x[i]);
}

static void test_sigmoid(void **state) {
    (void)state;
    real x[GRID], y[GRID];
    fill_grid(x);
    vmath_sigmoid(y, x, GRID);
    for (int i = 0; i < GRID; i++) {
        double wanted = 1.0 / (1.0 + exp(-(double)x[i]));
        if (x[i] > R(-60.0)) assert_relative(y[i], wanted, x[i]);
        else assert_true(y[i] >= R(0.0) && y[i] <= R(1e-25));
    }
}

static void test_sigmoid_far_out(void **state) {
    (void)state;
    real x[32], y[32];
    for (int i = 0; i < 32; i++) x[i] = i % 2 ? R(1e30) : R(-1e30);
    vmath_sigmoid(y, x, 32);
    for (int i = 0; i < 32; i++)
        assert_true(i % 2 ? y[i] == R(1.0) : y[i] >= R(0.0) && y[i] < R(1e-25));
}

static void test_shift_sum(void **state) {
    (void)state;
    real x[GRID], y[GRID];
    for (int n = 1; n < GRID; n = n * 3 / 2 + 1) {
        double wanted = 0.0;
        for (int i = 0; i < n; i++) x[i] = (real)(3.0 - 20.0 * i / n);
        real sum = vmath_exp_shift_sum(y, x, R(3.0), n);
        for (int i = 0; i < n; i++) {
            double e = exp((double)x[i] - 3.0);
            assert_near((double)y[i], e, 1e-6);
            wanted += e;
        }
        assert_near((double)sum, wanted, NEAR);
    }
}

static void test_shift_flushes(void **state) {
    (void)state;
    real x[20], y[20];
    for (int i = 0; i < 20; i++) x[i] = i == 7 ? R(1000.0) : R(-1000.0);
    real sum = vmath_exp_shift_sum(y, x, R(1000.0), 20);
    assert_true(sum == R(1.0));
    for (int i = 0; i < 20; i++) assert_true(y[i] == (i == 7 ? R(1.0) : R(0.0)));
}

/* The same number gives the same bits wherever in a row it stands, whole vector or rest. */
static void test_position(void **state) {
    (void)state;
    enum { MOST = 67 };
    real x[MOST], y[MOST], z[MOST];
    for (int i = 0; i < MOST; i++) x[i] = R(-1.2345678);
    vmath_exp(y, x, 1);
    vmath_sigmoid(z, x, 1);
    real e = y[0], s = z[0];
    for (int n = 1; n <= MOST; n++) {
        vmath_exp(y, x, n);
        vmath_sigmoid(z, x, n);
        for (int i = 0; i < n; i++) assert_true(y[i] == e && z[i] == s);
        (void)vmath_exp_shift_sum(y, x, R(0.0), n);
        for (int i = 0; i < n; i++) assert_true(y[i] == e);
    }
}

/* In place, and nothing past the end is touched. */
static void test_in_place(void **state) {
    (void)state;
    real x[40], y[40];
    for (int i = 0; i < 40; i++) x[i] = R(0.1) * (real)i;
    vmath_exp(y, x, 40);
    vmath_exp(x, x, 21);
    assert_same_bits(x, y, 21);
    for (int i = 21; i < 40; i++) assert_true(x[i] == R(0.1) * (real)i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),
        cmocka_unit_test(test_sigmoid),
        cmocka_unit_test(test_sigmoid_far_out),
        cmocka_unit_test(test_shift_sum),
        cmocka_unit_test(test_shift_flushes),
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests_name("vmath", tests, NULL, NULL);
}
