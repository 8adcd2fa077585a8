/* test_retention.c - which checkpoints stay: the rule alone, and read from folders. */
#include <limits.h>
#include <math.h>

#include "engine/run/retention.h"
#include "engine/run/run_dir.h"
#include "run/run_test.h"

enum { MOST = 8 };
#define UNKNOWN ((double)NAN)

static const struct retention_case {
    const char *name;
    struct retention keep;
    int n;
    struct checkpoint_fate fates[MOST]; /* the newest first; stays: as expected */
} cases[] = {
    {"the newest",
     {.last = 2},
     3,
     {{30, 1, true, true}, {20, 1, true, true}, {10, 1, true, false}}},
    {"none asked for is one", {.last = 0}, 2, {{20, 1, true, true}, {10, 1, true, false}}},
    {"fewer than may stay", {.last = 9}, 2, {{20, 1, true, true}, {10, 1, true, true}}},
    {"a broken one counts for nothing",
     {.last = 1},
     4,
     {{40, 1, false, true}, {30, 1, true, true}, {20, 1, false, false}, {10, 1, true, false}}},
    {"only broken ones: nothing is decided",
     {.last = 1},
     2,
     {{20, 1, false, true}, {10, 1, false, true}}},
    {"the best stays",
     {.last = 1, .best = true},
     4,
     {{40, 3, true, true}, {30, 2, true, false}, {20, 1, true, true}, {10, 5, true, false}}},
    {"the best is the newest",
     {.last = 1, .best = true},
     2,
     {{20, 1, true, true}, {10, 2, true, false}}},
    {"of equals the newer is best",
     {.last = 1, .best = true},
     3,
     {{30, 2, true, true}, {20, 1, true, true}, {10, 1, true, false}}},
    {"a broken one is not the best",
     {.last = 1, .best = true},
     3,
     {{30, 2, true, true}, {20, 0, false, false}, {10, 1, true, true}}},
    {"what is not known is not the best",
     {.last = 1, .best = true},
     3,
     {{30, UNKNOWN, true, true}, {20, UNKNOWN, true, false}, {10, UNKNOWN, true, false}}},
    {"milestones",
     {.last = 1, .every = 20},
     5,
     {{50, 1, true, true},
      {40, 1, true, true},
      {30, 1, true, false},
      {20, 1, false, false},
      {0, 1, true, true}}},
    {"all three",
     {.last = 2, .best = true, .every = 100},
     6,
     {{250, 4, true, true},
      {240, 4, true, true},
      {230, 4, true, false},
      {200, 4, true, true},
      {150, 3, true, true},
      {110, 4, true, false}}},
    {"none at all", {.last = 3, .best = true, .every = 5}, 0, {{0}}},
};

static void test_decide(void **state) {
    const struct retention_case *c = *state;
    struct checkpoint_fate fates[MOST];
    memcpy(fates, c->fates, sizeof fates);
    for (int i = 0; i < c->n; i++) fates[i].stays = !c->fates[i].stays;
    retention_decide(&c->keep, fates, c->n);
    for (int i = 0; i < c->n; i++)
        if (fates[i].stays != c->fates[i].stays)
            fail_msg("step %d %s", (int)fates[i].step, fates[i].stays ? "stays" : "goes");
}

static void put(const char *dir, const char *step, const char *trainer) {
    struct err err = {0};
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", below(dir, step));
    assert_ok(files_make_dirs(folder, 0700, &err), err);
    append_text(below(folder, "trainer.json"), trainer);
    append_text(below(folder, "config.json"), "c");
    append_text(below(folder, "tokenizer.json"), "t");
    append_text(below(folder, "model.safetensors"), "m");
    append_text(below(folder, "optimizer.safetensors"), "o");
}

static void test_folders(void **state) {
    static char dir[64];
    struct checkpoint_fate *fates;
    struct err err = {0};
    const struct retention keep = {.last = 1, .best = true};
    int n = -1;
    (void)state;
    strcpy(dir, "/tmp/thaw-test-run-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(retention_list(below(dir, "none"), &keep, checkpoint_is_whole, &fates, &n, &err),
              err);
    assert_int_equal(n, 0);
    put(dir, "step-30", "{\"validation_loss\":2.5}");
    put(dir, "step-20", "{\"validation_loss\":1.5}");
    put(dir, "step-10", "{\"validation_loss\":null}");
    put(dir, "step-5", "{");
    assert_ok(retention_list(dir, &keep, checkpoint_is_whole, &fates, &n, &err), err);
    assert_int_equal(n, 4);
    assert_true(fates[0].step == 30 && fates[0].validation == 2.5 && fates[0].stays);
    assert_true(fates[1].step == 20 && fates[1].validation == 1.5 && fates[1].stays);
    assert_true(fates[2].step == 10 && isnan(fates[2].validation) && !fates[2].stays);
    assert_true(fates[3].step == 5 && !fates[3].sound && !fates[3].stays);
    free(fates);
    assert_ok(checkpoint_prune(dir, &keep, &err), err);
    assert_true(files_exists(below(dir, "step-30")) && files_exists(below(dir, "step-20")));
    assert_false(files_exists(below(dir, "step-10")) || files_exists(below(dir, "step-5")));
    assert_ok(files_remove_tree(dir, &err), err);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = test_decide,
                                       .initial_state = (void *)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest)cmocka_unit_test(test_folders);
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
