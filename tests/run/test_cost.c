/* test_cost.c - the forecast of a freeze: products counted against those that are really made.
 */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/run/cost.h"

enum { MAX_GROUPS = 16, RANDOM_PLANS = 40 };

/* Flop of a step under a plan, less the forward pass up to the head: what cost_backward()
 * tells. */
static double flops_from_the_head_on(struct fixture *f, const bool *learn) {
    double logits = 2.0 * FIXTURE_ROWS * f->table.config.vocab * f->table.config.width;
    uint64_t before = f->ex.flops;
    transformer_loss(f->tf, &f->w, f->tokens, f->targets, FIXTURE_BATCH, FIXTURE_TIME, NULL,
                     NULL);
    uint64_t forward = f->ex.flops - before;
    fixture_train(f, &f->g, learn);
    uint64_t step = f->ex.flops - before - forward;
    return (double)(step - forward) + logits;
}

static void check_plan(struct fixture *f, const bool *learn) {
    double told = 2.0 * FIXTURE_ROWS * cost_backward(&f->table, learn, FIXTURE_TIME);
    double made = flops_from_the_head_on(f, learn);
    if (fabs(told - made) > 1e-9 * made) fail_msg("told %.0f flop, made %.0f", told, made);
}

/* Nothing, all, each group alone, all but each group, and a number of random plans. */
static void test_counts_every_product(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    int n = f.table.n_groups;
    bool learn[MAX_GROUPS];
    assert_true(n <= MAX_GROUPS);
    for (int alone = 0; alone < 2; alone++)
        for (int i = -1; i < n; i++) {
            for (int g = 0; g < n; g++) learn[g] = (g == i) == alone;
            check_plan(&f, learn);
        }
    struct rng r = rng_make(11, 0, 0);
    for (int i = 0; i < RANDOM_PLANS; i++) {
        for (int g = 0; g < n; g++) learn[g] = rng_below(&r, 2);
        check_plan(&f, learn);
    }
    fixture_deinit(&f);
}

/* A step of 3.6 s: 2 s from the head on, 0.5 s of update; the rest stays whatever is frozen. */
static void test_predicts_from_medians(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    struct cost_model m = {0};
    bool all[MAX_GROUPS], top[MAX_GROUPS];
    for (int g = 0; g < f.table.n_groups; g++) {
        all[g] = true;
        top[g] = f.table.groups[g].layer == 1;
    }
    assert_true(isnan(cost_step(&m)));
    assert_true(isnan(cost_predict(&m, &f.table, all, top, FIXTURE_TIME)));
    for (int i = 0; i < 2 * COST_STEPS; i++) {
        double slow = i % 4 == 0 ? 10 : 0; /* an outlier now and then changes no median */
        cost_record(&m, 2.0 + slow, 0.5, 3.6 + slow);
    }
    double backward =
        cost_backward(&f.table, top, FIXTURE_TIME) / cost_backward(&f.table, all, FIXTURE_TIME);
    double update = cost_learning(&f.table, top) / cost_learning(&f.table, all);
    assert_true(backward < 0.8 && update < 0.8);
    assert_true(fabs(cost_step(&m) - 3.6) < 1e-12);
    assert_true(fabs(cost_predict(&m, &f.table, all, all, FIXTURE_TIME) - 3.6) < 1e-12);
    assert_true(fabs(cost_predict(&m, &f.table, all, top, FIXTURE_TIME) -
                     (1.1 + 2.0 * backward + 0.5 * update)) < 1e-12);
    cost_reset(&m);
    assert_true(isnan(cost_step(&m)));
    fixture_deinit(&f);
}

int main(void) {
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } checks[] = {{"counts every product", test_counts_every_product},
                  {"predicts from medians", test_predicts_from_medians}};
    static char names[COUNT(checks) * COUNT(model_cases)][96];
    struct CMUnitTest tests[COUNT(names)];
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct model_case *c = &model_cases[i / COUNT(checks)];
        snprintf(names[i], sizeof names[i], "%s: %s", c->name, checks[i % COUNT(checks)].name);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = checks[i % COUNT(checks)].run,
                                       .initial_state = (void *)c};
    }
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
