#include <time.h>

#include "check.h"
#include "engine/core/clock.h"

static void test_never_goes_back(void **state) {
    (void)state;
    double last = clock_now();
    for (int i = 0; i < 100000; i++) {
        double now = clock_now();
        assert_true(now >= last);
        last = now;
    }
}

/* A sleep lasts at least as long as asked for, so this holds on any machine at any load. */
static void test_counts_seconds(void **state) {
    (void)state;
    double start = clock_now();
    const struct timespec pause = {.tv_nsec = 20000000};
    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_true(clock_now() - start >= 0.02);
}

static void test_wall_is_unix_time(void **state) {
    (void)state;
    time_t before = time(NULL);
    double wall = clock_wall();
    assert_true(wall >= (double)before - 1.0);
    assert_true(wall <= (double)time(NULL) + 2.0); /* whole seconds, and may lag by a tick */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_goes_back),
        cmocka_unit_test(test_counts_seconds),
        cmocka_unit_test(test_wall_is_unix_time),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
