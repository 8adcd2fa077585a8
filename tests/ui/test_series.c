#include <math.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/series.h"

enum { POINTS = 5000 };

static void fill(struct series *s, int n) {
    struct rng r = rng_make(7, 0, 0);
    for (int i = 0; i < n; i++) {
        double x[UNIT_COUNT] = {i, i * 100.0, i * 0.25};
        double y = rng_normal(&r);
        if (rng_below(&r, 97) == 0) y = (double)NAN;
        assert_true(series_push(s, x, y));
    }
}

/* The plain way to the same answer. */
static struct span slow_span(const struct series *s, size_t from, size_t to) {
    struct span sum = {INFINITY, -INFINITY, false};
    for (size_t i = from; i < to && i < s->n; i++) {
        if (!isfinite(s->y[i])) sum.bad = true;
        else {
            sum.lo = fminf(sum.lo, s->y[i]);
            sum.hi = fmaxf(sum.hi, s->y[i]);
        }
    }
    return sum;
}

static void check_spans(const struct series *s, uint64_t seed) {
    struct rng r = rng_make(seed, 1, 0);
    for (int i = 0; i < 2000; i++) {
        size_t from = rng_below(&r, s->n + 1), to = rng_below(&r, s->n + 20);
        struct span fast = series_span(s, from, to), slow = slow_span(s, from, to);
        assert_true(fast.lo == slow.lo && fast.hi == slow.hi && fast.bad == slow.bad);
    }
}

static void test_spans(void **state) {
    struct series s = {0};
    (void)state;
    fill(&s, POINTS);
    check_spans(&s, 1);
    series_deinit(&s);
}

/* Cut anywhere and grown again, the summaries are as if it had never been longer. */
static void test_truncate(void **state) {
    static const size_t lengths[] = {4999, 4096, 4095, 257, 256, 255, 17, 16, 1, 0};
    struct series s = {0};
    (void)state;
    fill(&s, POINTS);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        series_truncate(&s, lengths[i]);
        assert_int_equal(s.n, lengths[i]);
        check_spans(&s, 2 + i);
        fill(&s, 300); /* x goes back: it is made ascending */
        check_spans(&s, 20 + i);
        for (size_t k = 1; k < s.n; k++)
            assert_true(s.x[UNIT_STEPS][k] >= s.x[UNIT_STEPS][k - 1]);
        series_truncate(&s, lengths[i]);
    }
    series_deinit(&s);
}

static void test_find(void **state) {
    struct series s = {0};
    (void)state;
    assert_int_equal(series_find(&s, UNIT_STEPS, 5), 0);
    fill(&s, 100);
    assert_int_equal(series_find(&s, UNIT_STEPS, -1), 0);
    assert_int_equal(series_find(&s, UNIT_STEPS, 50), 50);
    assert_int_equal(series_find(&s, UNIT_STEPS, 50.5), 51);
    assert_int_equal(series_find(&s, UNIT_TOKENS, 5000), 50);
    assert_int_equal(series_find(&s, UNIT_SECONDS, 1e9), 100);
    series_deinit(&s);
}

/* Another measure of the same points: its summaries hold, and it takes no memory for x. */
static void test_without_x(void **state) {
    struct series s = {0};
    struct rng r = rng_make(3, 0, 0);
    (void)state;
    for (int i = 0; i < POINTS; i++) assert_true(series_push(&s, NULL, rng_normal(&r)));
    check_spans(&s, 5);
    series_truncate(&s, 700);
    check_spans(&s, 6);
    for (int u = 0; u < UNIT_COUNT; u++) assert_null(s.x[u]);
    series_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_without_x),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
