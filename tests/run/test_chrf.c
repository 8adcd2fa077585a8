/* test_chrf.c - against values worked out by hand. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "engine/run/chrf.h"

static void add(struct chrf *c, const char *written, const char *right) {
    assert_true(chrf_add(c, written, strlen(written), right, strlen(right), NULL));
}

static void check(const char *written, const char *right, double want) {
    struct chrf c = {{0}, {0}, {0}};
    add(&c, written, right);
    double is = chrf_score(&c);
    if (!(fabs(is - want) < 1e-9)) fail_msg("%s beside %s: %.12g", written, right, is);
}

static void test_alone(void **state) {
    (void)state;
    check("fever", "fever", 100);
    check("fever", "plugs", 0);
    check("", "fever", 0);
    check("fever", "", 0);
    check("", "", 0);
    check("f e v\ter", "fever", 100); /* blanks do not count */
    /* 1: 2 of 2, 2 of 3; 2: 1 of 1, 1 of 2; longer ones are not in both: P 1, R 7/12 */
    check("ab", "abc", 100 * 5 * (7.0 / 12) / (4 + 7.0 / 12));
    /* a run counts as often as where it is rarer: P (1/3 + 0/2) / 2, R (1/2 + 0) / 2 */
    check("aaa", "ab", 100 * 5 * (1.0 / 6) * (1.0 / 4) / (4 * (1.0 / 6) + 1.0 / 4));
    /* characters, not bytes: P and R 1/2 for single ones, 0 for two */
    check("\xc3\xbc\xc3\xa4", "\xc3\xbc\xc3\xb6", 25);
}

/* Counts are put together, so that a long answer weighs more. */
static void test_together(void **state) {
    struct chrf c = {{0}, {0}, {0}};
    (void)state;
    add(&c, "a", "b");
    add(&c, "xyz", "xyz");
    /* 1: 3 of 4; 2 and 3: all */
    double p = (0.75 + 1 + 1) / 3;
    assert_true(fabs(chrf_score(&c) - 100 * p) < 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alone),
                                       cmocka_unit_test(test_together)};
    return cmocka_run_group_tests_name("chrf", tests, NULL, NULL);
}
