/* The vector functions against libm in double. */
#include "engine/nn/vexp.h"
#include "engine/nn/vmath.h"
#include "nn_test.h"

#ifdef THAW_DOUBLE
static const double relative = 1e-15, lowest = -600.0, highest = 600.0;
#else
static const double relative = 2e-7, lowest = -87.0, highest = 88.0;
#endif

enum { GRID = 40001 };

struct grid {
    real x[GRID], y[GRID];
};

static void assert_relative(real got, double wanted, real x) {
    if (!(fabs((double)got - wanted) <= relative * fabs(wanted)))
        fail_msg("at %.9g: %.9g, not %.9g", (double)x, (double)got, wanted);
}

static void test_exp(void **state) {
    (void)state;
    static struct grid g;
    for (int i = 0; i < GRID; i++)
        g.x[i] = (real)(lowest + (highest - lowest) * i / (double)(GRID - 1));
    vmath_exp(g.y, g.x, GRID);
    for (int i = 0; i < GRID; i++) assert_relative(g.y[i], exp((double)g.x[i]), g.x[i]);
}

static void test_sigmoid(void **state) {
    (void)state;
    for (int i = -8000; i <= 8000; i++) {
        real x = (real)i / R(100.0);
        double wanted = 1.0 / (1.0 + exp(-(double)x)), got = (double)vsigmoid(x);
        if (x > R(-60.0)) assert_true(fabs(got - wanted) <= 2.0 * relative * wanted);
        else assert_true(got > 0.0 && got < 1e-26);
    }
}

/* Far out and beyond: no overflow, and NaN is not swallowed. */
static void test_extremes(void **state) {
    (void)state;
    real x[40], y[40];
    const real odd[] = {R(1e30), R(-1e30), (real)INFINITY, (real)-INFINITY, (real)NAN};
    for (int i = 0; i < 40; i++) x[i] = odd[i % 5];
    vmath_exp(y, x, 40);
    for (int i = 0; i < 40; i++) {
        real s = vsigmoid(x[i]), f = vexp_flushed(x[i]);
        if (i % 5 == 4) assert_true(isnan(y[i]) && isnan(s) && isnan(f));
        if (i % 5 == 0 || i % 5 == 2) assert_true(y[i] > R(1e38) && s == R(1.0));
        if (i % 5 == 1 || i % 5 == 3)
            assert_true(y[i] < R(1e-37) && s < R(1e-27) && f == R(0.0));
    }
    assert_true(isnan(vmath_exp_shift_sum(y, x, R(0.0), 40)));
}

static void test_shift_sum(void **state) {
    (void)state;
    real x[4001], y[4001];
    for (int n = 1; n <= 4001; n = n * 3 / 2 + 1) {
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
    real x[MOST], y[MOST];
    for (int i = 0; i < MOST; i++) x[i] = R(-1.2345678);
    vmath_exp(y, x, 1);
    real e = y[0];
    for (int n = 1; n <= MOST; n++) {
        vmath_exp(y, x, n);
        for (int i = 0; i < n; i++) assert_true(y[i] == e);
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
        cmocka_unit_test(test_exp),           cmocka_unit_test(test_sigmoid),
        cmocka_unit_test(test_extremes),      cmocka_unit_test(test_shift_sum),
        cmocka_unit_test(test_shift_flushes), cmocka_unit_test(test_position),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests_name("vmath", tests, NULL, NULL);
}
