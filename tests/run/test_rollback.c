/* test_rollback.c - back to a checkpoint and on: the bits of a run that never went astray. */
#include "run/steered_test.h"

#include <math.h>

/* ---- the same bits ---- */

/* Within a stage, over its border and to it; what was done on the way is undone. */
static void test_rollback_gives_the_same_bits(void **state) {
    static const struct {
        const char *name;
        struct act acts[4];
        int n;
        int64_t to;
    } cases[] = {
        {"in-a-stage", {{8, {.kind = COMMAND_ROLLBACK}}}, 1, 5},
        {"into-the-one-before",
         {{14, {.kind = COMMAND_ROLLBACK, .has_step = true, .step = 5}}},
         1,
         5},
        {"to-the-border", {{14, {.kind = COMMAND_ROLLBACK}}}, 1, 12},
        {"in-the-last",
         {{18, {.kind = COMMAND_UNFREEZE, .text = "0"}}, {2, {.kind = COMMAND_ROLLBACK}}},
         2,
         17},
        {"twice",
         {{12, {.kind = COMMAND_ROLLBACK, .has_step = true, .step = 10}},
          {1, {.kind = COMMAND_ROLLBACK, .has_step = true, .step = 5}}},
         2,
         5},
        {"steered",
         {{6, {.kind = COMMAND_FREEZE, .text = "1"}},
          {0, {.kind = COMMAND_LR, .number = 0.1}},
          {1, {.kind = COMMAND_ROLLBACK}}},
         3,
         5},
    };
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "never-astray");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_paths p;
        struct steering w = {.paths = &p, .acts = cases[i].acts, .n = cases[i].n};
        fresh_paths(cases[i].name, &p);
        train_steered(s, &w);
        for (int k = 0; k < w.n; k++)
            if (!w.answers[k].ok) fail_msg("%s: %s", cases[i].name, w.answers[k].error);
        assert_int_equal(w.answers[w.n - 1].step, cases[i].to + 1);
        assert_same_state(&whole, &p, 24);
        assert_same_base(&whole, &p);
    }
    free(s);
}

/* Windows come back in these stages, and what is kept of the frozen blocks was made by other
 * weights: it is forgotten. */
static void test_kept_prefixes_are_forgotten(void **state) {
    static const struct act acts[] = {
        {13, {.kind = COMMAND_UNFREEZE, .text = "embed,0"}},
        {3, {.kind = COMMAND_FREEZE, .text = "embed,0"}},
        {2, {.kind = COMMAND_ROLLBACK, .has_step = true, .step = 12}}};
    (void)state;
    struct settings *s = small_settings();
    put(s, "stages.1.batch", "160");
    put(s, "stages.1.freeze", "embed,0");
    struct run_paths whole = train(s, "kept"), p;
    struct steering w = {.paths = &p, .acts = acts, .n = 3};
    fresh_paths("kept-and-astray", &p);
    train_steered(s, &w);
    assert_true(w.answers[2].ok);
    assert_same_state(&whole, &p, 24);
    free(s);
}

/* With a rate: what a run does that is resumed there and told the same. */
static void test_rollback_with_a_rate(void **state) {
    static const struct command lr = {.kind = COMMAND_LR, .number = 5e-4, .by = "test"};
    static const struct act acts[] = {
        {8, {.kind = COMMAND_ROLLBACK, .has_lr = true, .number = 5e-4}}};
    (void)state;
    struct settings *s = small_settings();
    s->n_stages = 1;
    put(s, "stages.0.schedule.warmup", "2");
    struct run_paths other = train(s, "told-a-rate"), p;
    struct steering w = {.paths = &p, .acts = acts, .n = 1};
    char path[PATH_MAX + 64];
    for (int64_t step = 12; step > 5; step--) {
        snprintf(path, sizeof path, "%s/step-%" PRId64, other.checkpoints, step);
        assert_true(files_remove_tree(path, NULL));
    }
    train_with(s, &other, &lr, 1);
    fresh_paths("back-with-a-rate", &p);
    train_steered(s, &w);
    assert_true(w.answers[0].ok);
    assert_same_state(&other, &p, 12);
    free(s);
}

/* ---- what the log and the folder tell ---- */

struct told {
    int64_t run_step,
        before;        /* of the `run` event behind the way back; of the step before it */
    int n_runs, again; /* steps told a second time */
    bool seen[32], back, paused;
    char how[80];
};

static void gather(void *ctx, const struct event *e) {
    struct told *t = ctx;
    if (e->type == EVENT_STEP) {
        t->again += t->seen[e->step];
        t->seen[e->step] = true;
        if (!t->back) t->before = e->step;
    }
    if (e->type == EVENT_RUN && t->back && t->n_runs++ == 0) t->run_step = e->step;
    if (e->type != EVENT_CONTROL) return;
    if (strcmp(e->control.verb, "rollback") == 0) {
        t->back = true;
        snprintf(t->how, sizeof t->how, "%s", e->control.argument);
    }
    t->paused = strcmp(e->control.verb, "pause") == 0;
}

/* As after a resume, a `run` event at the step that was gone back to takes the later ones back;
 * their checkpoints are gone, so that a resume does not return to them. */
static void test_log_and_folder(void **state) {
    static const struct act acts[] = {{11,
                                       {.kind = COMMAND_ROLLBACK,
                                        .has_step = true,
                                        .step = 5,
                                        .has_lr = true,
                                        .number = 1e-3}}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct told told = {0};
    char path[PATH_MAX];
    struct run_info info;
    struct err err = {0};
    struct steering w = {.paths = &p, .acts = acts, .n = 1, .stays_paused = true};
    fresh_paths("told", &p);
    train_steered(s, &w);
    each_event(&p, gather, &told);
    assert_string_equal(told.how, "from step 11 to step 5, learning rate 0.001");
    assert_int_equal(told.before, 11);
    assert_int_equal(told.run_step, 5);
    assert_int_equal(told.n_runs, 1);
    assert_int_equal(checkpoint_newest(p.checkpoints, path, NULL, 0), 5);
    must(run_info_read(p.dir, &info, &err), &err);
    assert_int_equal(info.step, 5);
    train_with(s, &p, NULL, 0);
    told = (struct told){0};
    each_event(&p, gather, &told);
    assert_int_equal(told.again, 6); /* 6 to 11 */
    free(s);
}

/* The user's own pause lasts. */
static void test_pause_lasts(void **state) {
    static const struct act acts[] = {{7, {.kind = COMMAND_ROLLBACK}},
                                      {1, {.kind = COMMAND_EVAL}}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct steering w = {.paths = &p, .acts = acts, .n = 2, .stays_paused = true};
    fresh_paths("pause-lasts", &p);
    train_steered(s, &w);
    assert_int_equal(w.answers[1].step, 7); /* one step was made behind step 5, and no more */
    free(s);
}

/* ---- bad numbers ---- */

static void keep_problem(void *ctx, const struct event *e) {
    if (e->type == EVENT_PROBLEM) snprintf(ctx, 800, "%s", e->problem.text);
}

/* The sentence names what to type, and that leads back to good weights. */
static void test_way_out_of_bad_numbers(void **state) {
    static const struct command back = {.kind = COMMAND_ROLLBACK, .by = "test"};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "good-all-along"), p;
    struct session n;
    struct err err = {0};
    char text[800] = "";
    fresh_paths("bad-once", &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    must(stage_begin(n.t, &err), &err);
    for (int i = 0; i < 5; i++) assert_true(trainer_step(n.t));
    must(trainer_save(n.t, &err), &err);
    n.t->weights.group[1][0] = (real)NAN;
    assert_false(trainer_step(n.t));
    assert_true(n.t->paused && n.t->gone_bad);
    each_event(&p, keep_problem, text);
    assert_non_null(strstr(text, "step 6: the loss is not finite"));
    assert_non_null(strstr(text, "(step 5)"));
    assert_non_null(strstr(text, ":rollback --lr "));
    assert_non_null(strstr(text, ":stop"));
    assert_non_null(strstr(text, "thaw send "));
    session_ask(&n, &back, 1);
    must(trainer_run(n.t, &err), &err);
    session_close(&n);
    assert_same_state(&whole, &p, 24);
    free(s);
}

/* ---- refused ---- */

static void test_refusals(void **state) {
    static const struct act acts[] = {
        {3, {.kind = COMMAND_ROLLBACK}},
        {8, {.kind = COMMAND_ROLLBACK, .has_step = true, .step = 7}}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "not-refused"), p;
    struct steering w = {.paths = &p, .acts = acts, .n = 2};
    fresh_paths("refused-back", &p);
    train_steered(s, &w);
    assert_false(w.answers[0].ok || w.answers[1].ok);
    assert_non_null(strstr(w.answers[0].error, "no checkpoint to go back to"));
    assert_non_null(
        strstr(w.answers[1].error, "no whole checkpoint of step 7; there are: 5, 10"));
    assert_same_state(&whole, &p, 24);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollback_gives_the_same_bits),
        cmocka_unit_test(test_kept_prefixes_are_forgotten),
        cmocka_unit_test(test_rollback_with_a_rate),
        cmocka_unit_test(test_log_and_folder),
        cmocka_unit_test(test_pause_lasts),
        cmocka_unit_test(test_way_out_of_bad_numbers),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("rollback", tests, make_folder, remove_folder);
}
