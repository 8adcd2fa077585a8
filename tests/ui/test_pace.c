#include <math.h>

#include "check.h"
#include "ui/pace.h"

static void test_steering(void **state) {
    (void)state;
    assert_int_equal(pace_wait_ms(false, 12.34, 12.3), 50);
    assert_int_equal(pace_wait_ms(false, 109.75, 100), 50);
    assert_int_equal(pace_wait_ms(false, 110.25, 100), 251);
    assert_int_equal(pace_wait_ms(false, 112.375, 100), 126);
}

static void test_watching(void **state) {
    (void)state;
    assert_int_equal(pace_wait_ms(true, 100.25, 100), 251);
    assert_int_equal(pace_wait_ms(true, 100.75, 100), 251);
    assert_int_equal(pace_wait_ms(true, 109.75, 100), 251);
    assert_int_equal(pace_wait_ms(true, 110.25, 100), 751);
    assert_int_equal(pace_wait_ms(true, 200.75, 100), 251);
}

/* It always sleeps, and never for longer than a second. */
static void test_bounds(void **state) {
    (void)state;
    for (int i = 0; i < 20000; i++) {
        double now = 1e6 + i / 7919.0;
        int touched = pace_wait_ms(true, now, now), alone = pace_wait_ms(true, now, now - 60);
        assert_in_range(touched, 1, 501);
        assert_in_range(alone, 1, 1001);
    }
}

/* Whenever they looked before, all look again within the same two milliseconds. */
static void test_together(void **state) {
    (void)state;
    for (int i = 1; i < 1000; i++) {
        double now = 5000 + i / 1000.0, then = now + pace_wait_ms(true, now, 0) / 1000.0;
        assert_true(then > 5001 - 1e-6 && then < 5001.002);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steering),
        cmocka_unit_test(test_watching),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
