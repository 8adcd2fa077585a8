/* test_config_plans.c - training plans in a config: how they may be written, and what is
 * refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "src/config_file.h"

#define HEAD "eval: {sets: {law: wordnet:law}}\nstages:\n- data: wordnet:law\n  "

static struct settings s; /* large: not on the stack of every test */

/* ---- what is refused ---- */

static const struct bad_plan {
    const char *line, *message;
} bad[] = {
    {"optimizer: {layer_decay: 1.5}",
     "c.yaml:4:28: layer_decay must be 0.01 to 1, not \"1.5\""},
    {"optimizer: {lr_scale: 3}",
     "c.yaml:4:25: lr_scale must be groups with a number each, {\"0-2\": 0.1}"},
    {"optimizer: {lr_scale: {0: [3]}}",
     "c.yaml:4:29: lr_scale must be groups with one number each"},
    {"optimizer: {lr_scale: {0: fast}}",
     "c.yaml:4:25: lr_scale must be a number, 0.001 to 1000, not \"fast\""},
    {"optimizer: {lr_scale: {0: 0}}", "c.yaml:4:25: lr_scale must be 0.001 to 1000, not \"0\""},
    {"optimizer: {lr_scale: {block.9: 2}}",
     "c.yaml:4:15: no group \"block.9\" in this model; there are embed, blocks 0-5 (\"5\", "
     "\"0-5\", \"block.5.attn\", \".mlp\", \".norm\"), norm (the head is tied to embed), and "
     "all"},
    {"thaw: 3",
     "c.yaml:4:9: thaw must be a list of steps with groups, [{at: 100, groups: \"0-2\"}]"},
    {"thaw: [3]",
     "c.yaml:4:10: thaw must be a list of steps with groups, [{at: 100, groups: \"0-2\"}]"},
    {"thaw: [{at: 3}]", "c.yaml:4:16: each item of thaw has the keys at and groups, once"},
    {"thaw: [{at: 3, at: 4, groups: 0}]",
     "c.yaml:4:18: each item of thaw has the keys at and groups, once"},
    {"thaw: [{when: 3, groups: 0}]",
     "c.yaml:4:11: each item of thaw has the keys at and groups, once"},
    {"thaw: [{at: [3], groups: 0}]", "c.yaml:4:15: at must be one value"},
    {"thaw: [{at: 1.5, groups: 0}]",
     "c.yaml:4:9: at must be a whole number, 1 to 1000000000 steps, not \"1.5\""},
    {"thaw: [{at: 0, groups: 0}]", "c.yaml:4:9: at must be 1 to 1000000000 steps, not \"0\""},
    {"thaw: [{at: 5, groups: 0-9}]",
     "c.yaml:4:3: no group \"0-9\" in this model; there are embed, blocks 0-5 (\"5\", \"0-5\", "
     "\"block.5.attn\", \".mlp\", \".norm\"), norm (the head is tied to embed), and all"},
    {"thaw: {every: 5, at: {3: embed}}",
     "c.yaml:4:3: thaw is either every so many steps or a list of steps, not both"},
    {"l2_sp: 0.1\n- {name: last, data: wordnet:law}",
     "c.yaml:4:3: l2_sp pulls towards the weights that a stage began with, and these are kept "
     "in the last stage only (as its base): leave it out of stage \"stage 1\""},
    {"early_stop: {patience: 3, set: low}",
     "c.yaml:4:29: there is no set \"low\" in eval.sets; the last is \"law\""},
    {"early_stop: {patience: -1}",
     "c.yaml:4:26: patience must be 0 to 1000000 evaluations, not \"-1\""},
    {"thaw: {every: 5, from: left}", "c.yaml:4:26: from must be top or bottom, not \"left\""},
};

static void test_bad(void **state) {
    const struct bad_plan *c = *state;
    char text[300];
    struct err err = {0};
    snprintf(text, sizeof text, HEAD "%s\n", c->line);
    assert_false(config_parse(text, strlen(text), "c.yaml", NULL, &s, &err));
    assert_string_equal(err.msg, c->message);
}

/* ---- there and back ---- */

/* Parse the line, or what was written of it. */
static void read(const char *text, const struct config_options *o) {
    struct err err = {0};
    if (!config_parse(text, strlen(text), "c.yaml", o, &s, &err)) fail_msg("%s", err.msg);
}

static void assert_list(const struct group_numbers *list, int n, const char *const *groups,
                        const double *numbers) {
    assert_int_equal(list->n, n);
    for (int i = 0; i < n; i++) {
        assert_string_equal(list->at[i].groups, groups[i]);
        assert_true(list->at[i].number == numbers[i]);
    }
}

/* Each way to write a list of groups with numbers gives the same, also when it was written
 * back. */
static void test_forms(void **state) {
    static const struct {
        const char *line, *change;
        bool thaw;
    } forms[] = {
        {"thaw: [{at: 100, groups: \"4\"}, {groups: \"embed,0-3\", at: 250}]", NULL, true},
        {"thaw: {at: {100: \"4\", 250: \"embed,0-3\"}}", NULL, true},
        {"thaw: {every: 3}", "stages.0.thaw={every: 0, at: {100: 4, 250: \"embed,0-3\"}}",
         true},
        {"thaw: {at: {7: all}}",
         "stages.0.thaw=[{at: 100, groups: 4}, {at: 250, groups: \"embed,0-3\"}]", true},
        {"optimizer: {lr_scale: {4: 100, \"embed,0-3\": 250}}", NULL, false},
        {"optimizer: {lr: 1}",
         "stages.0.optimizer.lr_scale=[{groups: 4, factor: 100}, {factor: 250, groups: "
         "\"embed,0-3\"}]",
         false},
    };
    static const char *const groups[] = {"4", "embed,0-3"};
    static const double numbers[] = {100, 250};
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        char text[400];
        struct buf out = {0};
        struct err err = {0};
        const struct config_options o = {.changes = &forms[i].change,
                                         .n_changes = forms[i].change != NULL};
        snprintf(text, sizeof text, HEAD "%s\n", forms[i].line);
        for (int again = 0; again < 2; again++) {
            read(again ? buf_text(&out) : text, again ? NULL : &o);
            const struct stage_settings *st = &s.stages[0];
            assert_list(forms[i].thaw ? &st->thaw.at : &st->optimizer.lr_scale, 2, groups,
                        numbers);
            if (!again) assert_true(config_write(&s, &out, &err));
        }
        buf_deinit(&out);
    }
}

/* Without a set there is nothing to stop by. */
static void test_early_stop_needs_a_set(void **state) {
    static const char text[] =
        "stages:\n- {data: wordnet:law, early_stop: {patience: 3, restore: false}}\n";
    struct err err = {0};
    (void)state;
    assert_false(config_parse(text, strlen(text), "c.yaml", NULL, &s, &err));
    assert_string_equal(err.msg,
                        "c.yaml:2:23: early_stop needs a validation loss: name a set in "
                        "eval.sets, e.g. {domain: text:PATH}");
}

static void test_numbers(void **state) {
    (void)state;
    read(HEAD "optimizer: {layer_decay: 0.8}\n  thaw: {every: 20, from: bottom}\n", NULL);
    assert_true(s.stages[0].optimizer.layer_decay == 0.8);
    assert_int_equal(s.stages[0].thaw.every, 20);
    assert_int_equal(s.stages[0].thaw.from, THAW_BOTTOM);
}

int main(void) {
    struct CMUnitTest tests[COUNT(bad) + 3];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(bad); i++)
        tests[n++] = (struct CMUnitTest){
            .name = bad[i].line, .test_func = test_bad, .initial_state = (void *)&bad[i]};
    const struct CMUnitTest others[] = {cmocka_unit_test(test_forms),
                                        cmocka_unit_test(test_early_stop_needs_a_set),
                                        cmocka_unit_test(test_numbers)};
    for (size_t i = 0; i < COUNT(others); i++) tests[n++] = others[i];
    return cmocka_run_group_tests_name("config_plans", tests, NULL, NULL);
}
