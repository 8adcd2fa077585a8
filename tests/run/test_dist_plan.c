#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "engine/run/dist_plan.h"

static void assert_near(double got, double want) {
    if (fabs(got - want) > 1e-9 * fabs(want) + 1e-12) fail_msg("%.12g, not %.12g", got, want);
}

/* 1000 bytes a second and 10 ms a message: sums of 1000 bytes by hand. */
static const struct dist_link slow = {1000, 0.01};

static void test_sum(void **state) {
    (void)state;
    assert_near(dist_sum_seconds(1000, 1, slow), 0);
    assert_near(dist_sum_seconds(1000, 2, slow), 1.0 + 0.02);
    assert_near(dist_sum_seconds(1000, 4, slow), 1.5 + 0.04);
    assert_near(dist_sum_seconds(1000, 16, slow), 1.875 + 0.08);
    assert_near(dist_sum_seconds(0, 8, slow), 0.06);
}

/* Steps worked out by hand: two nodes, no latency, so that a sum of b bytes takes b/1000 s. */
static const struct step_case {
    const char *name;
    struct dist_bucket buckets[3];
    int n;
    struct dist_node node;
    int nodes;
    double seconds, sent, hidden;
} cases[] = {
    {"dist plan: one node sends nothing",
     {{1, 5000}},
     1,
     {1, 2, 1, 0.5, false, 0, 0},
     1,
     3.5,
     0,
     1},
    {"dist plan: nothing learns", {{0, 0}}, 0, {1, 2, 1, 0.5, false, 0, 0}, 4, 3.5, 0, 1},
    /* done at 1 + 4/2 = 3, sent from 3 to 4, and at 5: from 5 to 5.5 */
    {"dist plan: all but the last is hidden",
     {{0.5, 1000}, {1, 500}},
     2,
     {1, 4, 1, 0.25, false, 0, 0},
     2,
     5.75,
     1.5,
     1 - 0.5 / 1.5},
    /* ready at 2 and 3: sent 2 to 5, then 5 to 8, while 5 is the end of the backward pass */
    {"dist plan: buckets wait for the link",
     {{0.25, 3000}, {0.5, 3000}},
     2,
     {1, 4, 1, 0, false, 0, 0},
     2,
     8,
     6,
     0.5},
    /* two parts of 1 + 2: the last backward pass is from 4 to 6; ready at 5, sent to 5.5 */
    {"dist plan: only the last part is sent during",
     {{0.5, 500}},
     1,
     {1, 2, 2, 1, false, 0, 0},
     2,
     7,
     0.5,
     1},
    /* half of a second's sum behind the rest of the pass, the update halved, then half a second
     * of weights */
    {"dist plan: the optimizer's state is shared",
     {{0.5, 1000}},
     1,
     {1, 2, 1, 0.5, true, 1000, 0},
     2,
     3 + 0.25 + 0.5,
     1,
     0.5},
    /* 500 bytes cost half a second of what computes: the pass is from 1 to 5.5, ready at 3.25
     */
    {"dist plan: sending takes from what computes",
     {{0.5, 500}},
     1,
     {1, 4, 1, 0, false, 0, 0.001},
     2,
     5.5,
     0.5,
     1},
    {"dist plan: nothing hidden", {{1, 2000}}, 1, {1, 1, 1, 0, false, 0, 0}, 2, 4, 2, 0},
};

static void test_step(void **state) {
    const struct step_case *c = *state;
    const struct dist_link link = {1000, 0};
    struct dist_step s = dist_step(c->buckets, c->n, c->node, c->nodes, link);
    double bytes = 0; /* two nodes send as much as there is */
    for (int i = 0; i < c->n; i++) bytes += c->buckets[i].bytes;
    assert_near(s.carried, c->node.carry * bytes);
    assert_near(s.seconds, c->seconds);
    assert_near(s.sent, c->sent);
    assert_near(s.hidden, c->hidden);
}

static struct param_table table_of(bool tied) {
    struct model_config c = {.family = FAMILY_GPT2,
                             .layers = 4,
                             .heads = 2,
                             .width = 32,
                             .vocab = 100,
                             .context = 16,
                             .tied = tied};
    struct param_table t;
    assert_true(model_config_complete(&c, NULL));
    assert_true(param_table_create(&c, &t, NULL));
    return t;
}

/* From the head down, each later than the one before; together all that learns; nothing of what
 * is frozen. */
static void check_buckets(bool tied, const char *freeze, int want) {
    struct param_table t = table_of(tied);
    struct cost_shape shape = {.table = &t, .time = 16};
    bool *learn = calloc((size_t)t.n_groups, sizeof *learn);
    struct dist_bucket *list;
    int n;
    double bytes = 0, learning = 0;
    assert_true(learn && groups_select(&t, freeze, learn, NULL));
    for (int g = 0; g < t.n_groups; g++) {
        learn[g] = !learn[g];
        learning += learn[g] ? 4.0 * (double)t.groups[g].parameters : 0;
    }
    assert_true(dist_buckets(&shape, learn, &list, &n, NULL));
    assert_int_equal(n, want);
    for (int i = 0; i < n; i++) {
        assert_true(list[i].ready > (i ? list[i - 1].ready : 0) - 1e-12 && list[i].ready <= 1);
        bytes += list[i].bytes;
    }
    assert_near(bytes, learning);
    if (n > 0 && learn[0]) assert_near(list[n - 1].ready, 1);
    free(list);
    free(learn);
    param_table_destroy(&t);
}

static void test_buckets(void **state) {
    (void)state;
    check_buckets(false, "", 7);
    check_buckets(true, "", 7);
    check_buckets(false, "embed,0-2", 3);
    check_buckets(true, "embed", 6);
    check_buckets(true, "embed,0-2,block.3.mlp", 2);
    check_buckets(false, "all", 0);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 2] = {cmocka_unit_test(test_sum),
                                                 cmocka_unit_test(test_buckets)};
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[2 + i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_step, .initial_state = (void *)&cases[i]};
    return cmocka_run_group_tests_name("dist plan", tests, NULL, NULL);
}
