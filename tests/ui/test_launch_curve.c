/* test_launch_curve.c - a curve of any length in a few points. */
#include <math.h>

#include "check.h"
#include "ui/launch_curve.h"

static void near(double a, double b) {
    if (!(fabs(a - b) < 1e-9)) fail_msg("%g is not %g", a, b);
}

static void test_empty(void **state) {
    (void)state;
    struct launch_curve c = {0};
    double points[LAUNCH_POINTS + 1];
    assert_int_equal(launch_curve_points(&c, points), 0);
}

/* Debiased: the first point is the first loss, the second (0.9 * 0.1 * 4 + 0.1 * 2) / 0.19. */
static void test_smoothing(void **state) {
    (void)state;
    struct launch_curve c = {0};
    double points[LAUNCH_POINTS + 1];
    launch_curve_add(&c, 1, 4);
    launch_curve_add(&c, 2, 2);
    launch_curve_stage(&c);
    launch_curve_add(&c, 3, 7);
    assert_int_equal(launch_curve_points(&c, points), 3);
    near(points[0], 4);
    near(points[1], 0.56 / 0.19);
    near(points[2], 7);
}

static void test_not_finite(void **state) {
    (void)state;
    struct launch_curve c = {0};
    double points[LAUNCH_POINTS + 1];
    launch_curve_add(&c, 1, (double)NAN);
    launch_curve_add(&c, 2, 3);
    launch_curve_add(&c, 3, (double)INFINITY);
    launch_curve_add(&c, 4, 3);
    assert_int_equal(launch_curve_points(&c, points), 4);
    assert_true(isnan(points[0]) && isnan(points[2]));
    near(points[1], 3);
    near(points[3], 3);
}

/* However many losses: between half and all of the points, first and last where they were. */
static void test_long(void **state) {
    (void)state;
    struct launch_curve c = {0};
    double points[LAUNCH_POINTS + 1];
    int64_t done = 0;
    for (int64_t steps = 1; steps <= 100000; steps = steps * 3 + 1) {
        for (; done < steps; done++) launch_curve_add(&c, done + 1, done < 500 ? 9 : 1);
        int n = launch_curve_points(&c, points);
        if (steps <= LAUNCH_POINTS) assert_int_equal(n, steps);
        else assert_in_range(n, LAUNCH_POINTS / 2, LAUNCH_POINTS + 1);
        for (int i = 1; i < n; i++) assert_true(points[i] <= points[i - 1] + 1e-9);
    }
    int n = launch_curve_points(&c, points);
    assert_true(points[0] > 4);
    near(points[n - 1], 1);
}

/* A point that is missing takes nothing from its neighbour. */
static void test_joined(void **state) {
    (void)state;
    struct launch_curve c = {0};
    double points[LAUNCH_POINTS + 1];
    for (int i = 0; i < 2 * LAUNCH_POINTS; i++)
        launch_curve_add(&c, i + 1, i % 2 ? 5 : (double)NAN);
    int n = launch_curve_points(&c, points);
    assert_int_equal(n, LAUNCH_POINTS);
    for (int i = 0; i < n; i++) near(points[i], 5);
}

/* A run is taken up again 40 steps back: its curve is as long as if nothing had happened, and
 * tells the second try. */
static void test_rewind(void **state) {
    (void)state;
    for (int64_t steps = 50; steps <= 50000; steps *= 10) {
        struct launch_curve c = {0}, straight = {0};
        double points[LAUNCH_POINTS + 1], expected[LAUNCH_POINTS + 1];
        for (int64_t i = 1; i <= steps; i++) launch_curve_add(&c, i, 5);
        launch_curve_rewind(&c, steps); /* nothing is beyond */
        launch_curve_rewind(&c, steps - 40);
        for (int64_t i = steps - 39; i <= steps + 10; i++) launch_curve_add(&c, i, 5);
        for (int64_t i = 1; i <= steps + 10; i++) launch_curve_add(&straight, i, 5);
        int n = launch_curve_points(&c, points);
        assert_int_equal(n, launch_curve_points(&straight, expected));
        for (int i = 0; i < n; i++) near(points[i], 5);
        launch_curve_add(&c, 1, 2); /* from the start, and without a word about it */
        assert_int_equal(launch_curve_points(&c, points), 1);
        near(points[0], 2);
    }
}

/* The average goes on from the point that is kept, not from what was forgotten. */
static void test_rewind_average(void **state) {
    (void)state;
    struct launch_curve c = {0};
    double points[LAUNCH_POINTS + 1];
    for (int i = 1; i <= 10; i++) launch_curve_add(&c, i, i <= 5 ? 4 : 9);
    launch_curve_add(&c, 6, 4);
    assert_int_equal(launch_curve_points(&c, points), 6);
    for (int i = 0; i < 6; i++) near(points[i], 4);
    launch_curve_rewind(&c, 0);
    assert_int_equal(launch_curve_points(&c, points), 0);
    launch_curve_add(&c, 1, 8);
    launch_curve_points(&c, points);
    near(points[0], 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),          cmocka_unit_test(test_smoothing),
        cmocka_unit_test(test_not_finite),     cmocka_unit_test(test_long),
        cmocka_unit_test(test_joined),         cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_rewind_average),
    };
    return cmocka_run_group_tests_name("launch_curve", tests, NULL, NULL);
}
