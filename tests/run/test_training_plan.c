/* test_training_plan.c - what a stage's settings mean for each group of a model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/run/training_plan.h"

enum { GROUPS_MOST = 24 };

static struct settings settings; /* large */
static struct stage_settings *stage;
static struct param_table table;

/* Four blocks; embed, 4 x (attn, mlp, norm), norm, and head where it is not tied. */
static void make_table(bool tied) {
    struct model_config c = {.family = FAMILY_QWEN3,
                             .layers = 4,
                             .heads = 2,
                             .width = 16,
                             .vocab = 300,
                             .context = 8,
                             .tied = tied};
    assert_true(model_config_complete(&c, NULL));
    assert_true(param_table_create(&c, &table, NULL));
    assert_true(table.n_groups <= GROUPS_MOST);
}

static int setup(void **state) {
    (void)state;
    settings_init(&settings);
    stage = settings_add_stage(&settings);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    param_table_destroy(&table);
    return 0;
}

static int group(const char *name) {
    for (int g = 0; g < table.n_groups; g++)
        if (strcmp(table.groups[g].name, name) == 0) return g;
    fail_msg("no group %s", name);
    return -1;
}

static void put(const char *path, const char *const *words, int n) {
    int at;
    struct err err = {0};
    const struct setting_key *k = setting_find(path, &at, NULL);
    assert_non_null(k);
    if (!setting_put(&settings, k, at, words, n, &err)) fail_msg("%s", err.msg);
}

/* ---- rates ---- */

static void assert_scale(const double *scale, const char *name, double expected) {
    if (fabs(scale[group(name)] - expected) > 1e-15)
        fail_msg("%s: %.17g, not %.17g", name, scale[group(name)], expected);
}

static void test_rates_are_equal_unless_told(void **state) {
    double scale[GROUPS_MOST];
    (void)state;
    make_table(true);
    assert_true(plan_lr_scale(&table, stage, scale, NULL));
    for (int g = 0; g < table.n_groups; g++) assert_true(scale[g] == 1);
}

static void test_layer_decay(void **state) {
    double scale[GROUPS_MOST];
    (void)state;
    make_table(false);
    put("stages.0.optimizer.layer_decay", (const char *[]){"0.5"}, 1);
    assert_true(plan_lr_scale(&table, stage, scale, NULL));
    assert_scale(scale, "head", 1);
    assert_scale(scale, "norm", 1);
    assert_scale(scale, "block.3.attn", 1);
    assert_scale(scale, "block.3.norm", 1);
    assert_scale(scale, "block.2.mlp", 0.5);
    assert_scale(scale, "block.0.attn", 0.125);
    assert_scale(scale, "embed", 0.0625);
}

/* Factors multiply with the decay; of two that name a group the last holds. */
static void test_factors(void **state) {
    static const char *const words[] = {"all", "0.1", "0-1", "2", "block.1.mlp,embed", "4"};
    double scale[GROUPS_MOST];
    (void)state;
    make_table(true);
    put("stages.0.optimizer.layer_decay", (const char *[]){"0.5"}, 1);
    put("stages.0.optimizer.lr_scale", words, 6);
    assert_true(plan_lr_scale(&table, stage, scale, NULL));
    assert_scale(scale, "norm", 0.1);
    assert_scale(scale, "block.2.attn", 0.05);
    assert_scale(scale, "block.1.attn", 0.5);
    assert_scale(scale, "block.1.mlp", 1);
    assert_scale(scale, "block.0.norm", 0.25);
    assert_scale(scale, "embed", 0.25);
}

static void test_factors_of_what_there_is_not(void **state) {
    static const char *const words[] = {"0-4", "2"};
    double scale[GROUPS_MOST];
    struct err err = {0};
    (void)state;
    make_table(true);
    put("stages.0.optimizer.lr_scale", words, 2);
    assert_false(plan_lr_scale(&table, stage, scale, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_non_null(strstr(err.msg, "\"0-4\""));
}

/* ---- when groups begin to learn ---- */

static void assert_thaws(const int64_t *steps, const char *name, int64_t expected) {
    if (steps[group(name)] != expected)
        fail_msg("%s: %lld, not %lld", name, (long long)steps[group(name)],
                 (long long)expected);
}

static const struct thaw_case {
    const char *name, *from, *freeze;
    bool tied;
    struct {
        const char *group;
        int64_t step;
    } expected[8];
} thaw_cases[] = {
    {"all but the top, from the top",
     "top",
     "",
     false,
     {{"head", 0},
      {"norm", 0},
      {"block.3.norm", 0},
      {"block.2.attn", 10},
      {"block.2.norm", 10},
      {"block.1.mlp", 20},
      {"block.0.mlp", 30},
      {"embed", 40}}},
    {"all but embed, from the bottom",
     "bottom",
     "",
     true,
     {{"embed", 0},
      {"block.0.attn", 10},
      {"block.1.attn", 20},
      {"block.2.mlp", 30},
      {"block.3.mlp", 40},
      {"norm", 40}}},
    {"what freeze names, one after another",
     "top",
     "embed,0,block.2.attn",
     true,
     {{"norm", 0},
      {"block.3.attn", 0},
      {"block.2.mlp", 0},
      {"block.2.attn", 10},
      {"block.1.attn", 0},
      {"block.0.attn", 20},
      {"embed", 30}}},
    {"what freeze names, from the bottom",
     "bottom",
     "all",
     false,
     {{"embed", 10}, {"block.0.attn", 20}, {"block.3.norm", 50}, {"norm", 50}, {"head", 50}}},
};

static void test_every(void **state) {
    const struct thaw_case *c = *state;
    int64_t steps[GROUPS_MOST];
    setup(NULL);
    make_table(c->tied);
    put("stages.0.thaw.every", (const char *[]){"10"}, 1);
    put("stages.0.thaw.from", &c->from, 1);
    if (*c->freeze) put("stages.0.freeze", &c->freeze, 1);
    assert_true(plan_thaw_steps(&table, stage, steps, NULL));
    for (int i = 0; i < 8 && c->expected[i].group; i++)
        assert_thaws(steps, c->expected[i].group, c->expected[i].step);
    teardown(NULL);
}

/* What a list names waits for its step, what freeze names beside it for ever. */
static void test_list(void **state) {
    static const char *const words[] = {"5", "2-3", "9", "block.3.mlp"};
    static const char *const frozen = "embed,3";
    int64_t steps[GROUPS_MOST];
    (void)state;
    make_table(true);
    put("stages.0.thaw", words, 4);
    put("stages.0.freeze", &frozen, 1);
    assert_true(plan_thaw_steps(&table, stage, steps, NULL));
    assert_thaws(steps, "embed", PLAN_NEVER);
    assert_thaws(steps, "block.0.attn", PLAN_START);
    assert_thaws(steps, "block.2.attn", 5);
    assert_thaws(steps, "block.3.attn", 5);
    assert_thaws(steps, "block.3.mlp", 9);
    assert_thaws(steps, "norm", PLAN_START);
}

static void test_no_plan(void **state) {
    static const char *const frozen = "0";
    int64_t steps[GROUPS_MOST];
    (void)state;
    make_table(true);
    put("stages.0.freeze", &frozen, 1);
    assert_true(plan_thaw_steps(&table, stage, steps, NULL));
    for (int g = 0; g < table.n_groups; g++)
        assert_true(steps[g] == (table.groups[g].layer == 0 ? PLAN_NEVER : PLAN_START));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rates_are_equal_unless_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_layer_decay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_factors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_factors_of_what_there_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_plan, setup, teardown),
    };
    struct CMUnitTest cases[sizeof thaw_cases / sizeof *thaw_cases];
    enum { N_CASES = sizeof cases / sizeof *cases };
    for (size_t i = 0; i < N_CASES; i++)
        cases[i] = (struct CMUnitTest){.name = thaw_cases[i].name,
                                       .test_func = test_every,
                                       .initial_state = (void *)&thaw_cases[i]};
    return cmocka_run_group_tests_name("training_plan", tests, NULL, NULL) +
           cmocka_run_group_tests_name("thaw.every", cases, NULL, NULL);
}
