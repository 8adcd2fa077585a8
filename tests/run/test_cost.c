/* test_cost.c - the forecast of a freeze: products counted against those that are really made.
 */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/run/cost.h"

enum { MAX_GROUPS = 16, RANDOM_PLANS = 40 };

static struct cost_shape shape_of(const struct fixture *f, bool recompute) {
    return (struct cost_shape){
        .table = &f->table, .time = FIXTURE_TIME, .recompute = recompute};
}

static uint64_t flops_of_step(struct fixture *f, struct transformer *tf, const bool *learn,
                              const struct prefix *prefix) {
    struct train_part part = fixture_part(f);
    uint64_t before = f->ex.flops;
    part.prefix = prefix;
    transformer_train(tf, &f->w, &f->g, learn, &part, NULL);
    return f->ex.flops - before;
}

static void compare(double told, uint64_t flops) {
    double made = (double)flops;
    told *= 2.0 * FIXTURE_ROWS;
    if (fabs(told - made) > 1e-9 * made) fail_msg("told %.0f flop, made %.0f", told, made);
}

/* With nothing known, and with one of two sequences known below the cut; kept or recomputed. */
static void check_plan(struct fixture *f, struct transformer *again, const bool *learn) {
    enum { WIDEST = 64 };
    static real stream[FIXTURE_TIME * WIDEST];
    real *rows[FIXTURE_BATCH] = {NULL, stream};
    bool known[FIXTURE_BATCH] = {false, true};
    struct prefix half = {rows, known};
    struct cost_shape shape = shape_of(f, false), twice = shape_of(f, true);
    bool cut = transformer_cut(&f->table, learn) > 0;
    assert_true(f->table.config.width <= WIDEST);
    compare(cost_forward(&shape, learn, 0) + cost_backward(&shape, learn),
            flops_of_step(f, f->tf, learn, NULL));
    compare(cost_forward(&shape, learn, 0.5) + cost_backward(&shape, learn),
            cut ? flops_of_step(f, f->tf, learn, &half) : flops_of_step(f, f->tf, learn, NULL));
    compare(cost_forward(&twice, learn, 0) + cost_backward(&twice, learn),
            flops_of_step(f, again, learn, NULL));
}

/* Nothing, all, each group alone, all but each group, and a number of random plans. */
static void test_counts_every_product(void **state) {
    struct fixture f;
    struct transformer_plan plan = fixture_plan;
    fixture_init(&f, *state, 1);
    plan.recompute = true;
    struct transformer *again = transformer_create(&f.table, plan, &f.ex, NULL);
    assert_non_null(again);
    int n = f.table.n_groups;
    bool learn[MAX_GROUPS];
    assert_true(n <= MAX_GROUPS);
    for (int alone = 0; alone < 2; alone++)
        for (int i = -1; i < n; i++) {
            for (int g = 0; g < n; g++) learn[g] = (g == i) == alone;
            check_plan(&f, again, learn);
        }
    struct rng r = rng_make(11, 0, 0);
    for (int i = 0; i < RANDOM_PLANS; i++) {
        for (int g = 0; g < n; g++) learn[g] = rng_below(&r, 2);
        check_plan(&f, again, learn);
    }
    transformer_destroy(again);
    fixture_deinit(&f);
}

/* COST_STEPS steps and more of 3.6 s: 0.6 s forward, 2 s from the head on, 0.5 s of update; the
 * rest stays whatever is frozen. */
static void record_steps(struct cost_model *m, const bool *learn, double known) {
    for (int i = 0; i < 2 * COST_STEPS; i++) {
        double slow = i % 4 == 0 ? 10 : 0; /* an outlier now and then changes no median */
        struct cost_sample step = {.times = {.forward = 0.6, .backward = 2.0 + slow},
                                   .work = cost_forward(&m->shape, learn, known),
                                   .update = 0.5,
                                   .total = 3.6 + slow};
        cost_record(m, &step);
    }
}

static void near(double a, double b) {
    if (!(fabs(a - b) < 1e-9)) fail_msg("%.12g instead of %.12g", a, b);
}

static void test_predicts_from_medians(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    struct cost_model m;
    struct cost_shape shape = shape_of(&f, false);
    bool all[MAX_GROUPS], top[MAX_GROUPS];
    for (int g = 0; g < f.table.n_groups; g++) {
        all[g] = true;
        top[g] = f.table.groups[g].layer == 1;
    }
    cost_begin(&m, shape);
    assert_true(isnan(cost_step(&m)));
    assert_true(isnan(cost_predict(&m, all, top, 0)));
    record_steps(&m, all, 0);
    double backward = cost_backward(&shape, top) / cost_backward(&shape, all);
    double update = cost_learning(&f.table, top) / cost_learning(&f.table, all);
    assert_true(backward < 0.8 && update < 0.8);
    near(cost_step(&m), 3.6);
    near(cost_predict(&m, all, all, 0), 3.6);
    near(cost_predict(&m, all, all, 1), 3.6);
    near(cost_predict(&m, all, top, 0), 1.1 + 2.0 * backward + 0.5 * update);
    /* one block of two lies below the cut */
    near(cost_predict(&m, all, top, 1), 0.8 + 2.0 * backward + 0.5 * update);
    near(cost_predict(&m, all, top, 0.5), 0.95 + 2.0 * backward + 0.5 * update);
    cost_reset(&m);
    assert_true(isnan(cost_step(&m)));
    /* and back: half the forward took 0.6 s */
    record_steps(&m, top, 1);
    near(cost_predict(&m, top, all, 1), 0.5 + 1.2 + 2.0 / backward + 0.5 / update);
    fixture_deinit(&f);
}

/* A forecast for known windows is not held against steps that still compute them. */
static void test_settles_when_windows_are_known(void **state) {
    struct fixture f;
    fixture_init(&f, *state, 1);
    struct cost_model m;
    bool top[MAX_GROUPS];
    for (int g = 0; g < f.table.n_groups; g++) top[g] = f.table.groups[g].layer == 1;
    cost_begin(&m, shape_of(&f, false));
    assert_false(cost_settled(&m, top, 0));
    record_steps(&m, top, 0);
    assert_true(cost_settled(&m, top, 0));
    assert_false(cost_settled(&m, top, 1));
    record_steps(&m, top, 0.5);
    assert_false(cost_settled(&m, top, 1));
    assert_true(cost_settled(&m, top, 0.5));
    record_steps(&m, top, 1);
    assert_true(cost_settled(&m, top, 1));
    fixture_deinit(&f);
}

int main(void) {
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } checks[] = {{"counts every product", test_counts_every_product},
                  {"predicts from medians", test_predicts_from_medians},
                  {"settles when windows are known", test_settles_when_windows_are_known}};
    /* forecasts are for blocks that are alike; adapters may differ from block to block */
    enum { PLAIN_CHECKS = (COUNT(checks) - 1) * PLAIN_CASES };
    static char names[PLAIN_CHECKS + COUNT(model_cases)][96];
    struct CMUnitTest tests[COUNT(names)];
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t check = i < PLAIN_CHECKS ? 1 + i / PLAIN_CASES : 0;
        size_t at = i < PLAIN_CHECKS ? i % PLAIN_CASES : i - PLAIN_CHECKS;
        const struct model_case *c = &model_cases[at];
        snprintf(names[i], sizeof names[i], "%s: %s", c->name, checks[check].name);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = checks[check].run, .initial_state = (void *)c};
    }
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
