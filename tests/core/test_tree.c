/* test_tree.c - sums of parts as a tree. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/core/tree.h"

enum { PARTS = 64 };

static void fill(double *x) {
    struct rng r = rng_make(1, 2, 3);
    for (int i = 0; i < PARTS; i++) x[i] = rng_normal(&r) * exp(8 * rng_normal(&r));
}

/* As the picture in the header has it. */
static double plainly(const double *x, int n) {
    return n == 1 ? x[0] : plainly(x, n / 2) + plainly(x + n / 2, n / 2);
}

static double one_after_the_other(const double *x, int n) {
    double place[TREE_LEVELS + 1];
    for (int i = 0; i < n; i++) tree_add(place, i, x[i]);
    return place[0];
}

static void test_is_the_tree(void **state) {
    (void)state;
    double x[PARTS];
    fill(x);
    for (int n = 1; n <= PARTS; n *= 2) {
        double sum = 0, size = 0;
        assert_true(one_after_the_other(x, n) == plainly(x, n));
        for (int i = 0; i < n; i++) sum += x[i], size += fabs(x[i]);
        assert_true(fabs(plainly(x, n) - sum) <= 1e-15 * size * n);
    }
}

/* However many have an aligned part of it each. */
static void test_subtrees(void **state) {
    (void)state;
    double x[PARTS], whole;
    fill(x);
    whole = one_after_the_other(x, PARTS);
    for (int n = 2; n <= PARTS; n *= 2) {
        double sums[PARTS];
        int each = PARTS / n;
        for (int i = 0; i < n; i++) sums[i] = one_after_the_other(x + i * each, each);
        assert_true(one_after_the_other(sums, n) == whole);
    }
}

/* Another order would be seen. */
static void test_order_counts(void **state) {
    (void)state;
    static const double x[] = {1e16, 1, -1e16, 1};
    assert_true(one_after_the_other(x, 4) == -1e16 + 1e16 + 0.0);
    assert_true(((x[0] + x[1]) + x[2]) + x[3] == 1);
}

static void test_places(void **state) {
    (void)state;
    int most = 0;
    for (int i = 0; i < PARTS; i++) {
        if (tree_place(i) > most) most = tree_place(i);
        assert_in_range(tree_merges(i), 0, tree_place(i));
    }
    assert_int_equal(most, tree_levels(PARTS));
    assert_int_equal(tree_merges(PARTS - 1),
                     tree_place(PARTS - 1)); /* the last ends in place 0 */
    assert_true(tree_is_whole(1) && tree_is_whole(64));
    assert_false(tree_is_whole(0) || tree_is_whole(-4) || tree_is_whole(6));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_the_tree),
        cmocka_unit_test(test_subtrees),
        cmocka_unit_test(test_order_counts),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
