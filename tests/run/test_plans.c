/* test_plans.c - training plans in a run: rates of groups, gradual unfreezing, L2-SP, early
 * stopping. Each gives the same bits for any number of threads, and through a resume in its
 * middle. */
#include "run/trainer_test.h"

#include <math.h>

#include "engine/formats/hf_model.h"

enum { ALL_STEPS = 24, FIRST_STAGE = 12 };

static void put_many(struct settings *s, const char *path, const char *const *words, int n) {
    int stage;
    struct err err = {0};
    const struct setting_key *k = setting_find(path, &stage, NULL);
    assert_non_null(k);
    must(setting_put(s, k, stage, words, n, &err), &err);
}

/* As if the engine had been killed after `step` was saved: what came later is not there. */
static void forget_after(const struct run_paths *p, int64_t step) {
    char path[PATH_MAX];
    struct err err = {0};
    for (int64_t at = INT64_MAX; (at = checkpoint_below(p->checkpoints, at, path)) > step;)
        must(files_remove_tree(path, &err), &err);
    assert_int_equal(checkpoint_newest(p->checkpoints, path, NULL, 0), step);
}

/* The run as it is, with three threads, and gone on with after each of the steps: the same
 * bits. */
static struct run_paths train_all_ways(struct settings *s, const char *name, int64_t last,
                                       const int64_t *resumed, int n) {
    char other[64];
    struct err err = {0};
    s->threads = 1;
    struct run_paths whole = train(s, name);
    snprintf(other, sizeof other, "%s-again", name);
    s->threads = 3;
    struct run_paths again = train(s, other);
    assert_same_state(&whole, &again, last);
    for (int i = 0; i < n; i++) {
        forget_after(&again, resumed[i]);
        must(engine_main(s, &again, true, &err), &err);
        assert_same_state(&whole, &again, last);
    }
    s->threads = 1;
    return whole;
}

static bool same_bytes(const struct run_paths *a, const struct run_paths *b, int64_t step) {
    struct buf x = bytes_of(a, step, "model.safetensors"),
               y = bytes_of(b, step, "model.safetensors");
    bool same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_deinit(&x);
    buf_deinit(&y);
    return same;
}

/* ---- rates of groups ---- */

struct rates {
    int told;
    double embed, attn, block1; /* of the second stage; block1: whose parts differ */
};

static void hear_rates(void *ctx, const struct event *e) {
    struct rates *r = ctx;
    if (e->type != EVENT_LAYERS) return;
    for (int i = 0; i < e->layers.n_groups; i++) {
        const struct event_layer *l = &e->layers.groups[i];
        if (e->step < FIRST_STAGE) {
            assert_true(l->lr_scale == 0);
            continue;
        }
        if (strcmp(l->name, "embed") == 0) r->embed = l->lr_scale, r->told++;
        if (strcmp(l->name, "block.1.attn") == 0) r->attn = l->lr_scale;
        if (strcmp(l->name, "block.1") == 0) r->block1 = l->lr_scale;
    }
}

static void test_rates(void **state) {
    static const char *const kinds[] = {"adamw", "muon"};
    static const int64_t resumed[] = {5, 17};
    (void)state;
    struct settings *s = small_settings();
    for (int i = 0; i < 2; i++) {
        char name[32];
        struct rates r = {0};
        put(s, "stages.1.optimizer.kind", kinds[i]);
        put(s, "stages.1.optimizer.layer_decay", "1");
        put_many(s, "stages.1.optimizer.lr_scale", NULL, 0);
        snprintf(name, sizeof name, "plain-%s", kinds[i]);
        struct run_paths plain = train(s, name);
        put(s, "stages.1.optimizer.layer_decay", "0.5");
        put_many(s, "stages.1.optimizer.lr_scale", (const char *[]){"block.1.attn", "0.1"}, 2);
        snprintf(name, sizeof name, "rates-%s", kinds[i]);
        struct run_paths p = train_all_ways(s, name, ALL_STEPS, resumed, 2);
        assert_false(same_bytes(&plain, &p, ALL_STEPS));
        assert_true(same_bytes(&plain, &p, 10));
        each_event(&p, hear_rates, &r);
        assert_true(r.told > 0 && r.embed == 0.25 && r.attn == 0.1 && isnan(r.block1));
    }
    free(s);
}

/* ---- gradual unfreezing ---- */

struct thaws {
    int n;
    struct {
        char group[32], by[16];
        bool frozen;
        int64_t step;
    } told[64];
    int64_t promised; /* of block.0, by the first `layers` event of the second stage */
};

/* The second time that a freeze is told, with what it came to, is left out. */
static void hear_thaws(void *ctx, const struct event *e) {
    struct thaws *x = ctx;
    for (int i = 0; e->type == EVENT_LAYERS && i < e->layers.n_groups; i++) {
        const struct event_layer *l = &e->layers.groups[i];
        if (strcmp(l->name, "block.0") != 0 || e->step != FIRST_STAGE || !l->frozen) continue;
        x->promised = l->thaws_at;
    }
    if (e->type != EVENT_FREEZE || isfinite(e->freeze.measured_s) || x->n == 64) return;
    snprintf(x->told[x->n].group, 32, "%s", e->freeze.group);
    snprintf(x->told[x->n].by, 16, "%s", e->freeze.by);
    x->told[x->n].frozen = e->freeze.frozen;
    x->told[x->n++].step = e->step;
}

static void assert_told(const struct thaws *x, int i, const char *group, bool frozen,
                        int64_t step, const char *by) {
    assert_in_range(i, 0, x->n - 1);
    assert_string_equal(x->told[i].group, group);
    assert_string_equal(x->told[i].by, by);
    assert_int_equal(x->told[i].frozen, frozen);
    assert_int_equal(x->told[i].step, step);
}

/* The last step at which a group's bytes are those of the stage's start; checkpoints hold every
 * second step. */
static int64_t same_until(const struct run_paths *p, const char *name) {
    struct hf_model first = {0}, then;
    char path[PATH_MAX + 64];
    struct err err = {0};
    int64_t same = -1;
    for (int64_t step = FIRST_STAGE; step <= ALL_STEPS; step += 2) {
        snprintf(path, sizeof path, "%s/step-%" PRId64, p->checkpoints, step);
        must(hf_model_load(path, step == FIRST_STAGE ? &first : &then, &err), &err);
        if (step == FIRST_STAGE) continue;
        for (int g = 0; g < first.table.n_groups; g++)
            if (strcmp(first.table.groups[g].name, name) == 0 &&
                memcmp(first.weights.group[g], then.weights.group[g],
                       first.table.groups[g].reals * sizeof(real)) == 0)
                same = step;
        hf_model_destroy(&then);
    }
    hf_model_destroy(&first);
    return same;
}

static struct settings *thawing_settings(void) {
    struct settings *s = small_settings();
    put_many(s, "stages.1.freeze", NULL, 0);
    put(s, "stages.1.thaw.every", "4");
    put(s, "checkpoint.every", "2");
    put(s, "checkpoint.keep", "30");
    return s;
}

/* Two blocks: the top one and norm learn at once, block 0 after 4 steps, embed after 8. */
static void test_thaw_from_the_top(void **state) {
    static const char *const kinds[] = {"adamw", "muon"};
    static const int64_t resumed[] = {14, 16, 20};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct settings *s = thawing_settings();
        struct thaws x = {.n = 0};
        char name[32];
        put(s, "stages.1.optimizer.kind", kinds[i]);
        snprintf(name, sizeof name, "thaw-%s", kinds[i]);
        struct run_paths p = train_all_ways(s, name, ALL_STEPS, resumed, 3);
        each_event(&p, hear_thaws, &x);
        assert_int_equal(x.n, 3);
        assert_told(&x, 0, "embed,0", true, FIRST_STAGE + 1, "config");
        assert_told(&x, 1, "block.0", false, FIRST_STAGE + 5, "plan");
        assert_told(&x, 2, "embed", false, FIRST_STAGE + 9, "plan");
        assert_int_equal(x.promised, FIRST_STAGE + 5);
        assert_int_equal(same_until(&p, "block.1.attn"), -1);
        assert_int_equal(same_until(&p, "block.0.mlp"), FIRST_STAGE + 4);
        assert_int_equal(same_until(&p, "embed"), FIRST_STAGE + 8);
        free(s);
    }
}

/* A list thaws what it names; all that is trained is what a hand with the same wishes would do.
 */
static void test_thaw_list(void **state) {
    static const char *const words[] = {"3", "0", "10", "embed"};
    (void)state;
    struct settings *s = thawing_settings();
    struct thaws x = {.n = 0};
    put(s, "stages.1.thaw.every", "0");
    put_many(s, "stages.1.thaw", words, 4);
    struct run_paths p = train(s, "thaw-list");
    each_event(&p, hear_thaws, &x);
    assert_int_equal(x.n, 3);
    assert_told(&x, 1, "block.0", false, FIRST_STAGE + 4, "plan");
    assert_told(&x, 2, "embed", false, FIRST_STAGE + 11, "plan");
    assert_int_equal(same_until(&p, "block.0.attn"), FIRST_STAGE + 2);
    free(s);
}

/* Groups that a hand has set before the second stage's fifth step are left by the plan: one
 * that was frozen already is held, one that was thawed stays, also through a resume. */
static void test_hand_wins(void **state) {
    static const struct command wishes[] = {
        {.kind = COMMAND_FREEZE, .text = "block.0.attn", .by = "test"},
        {.kind = COMMAND_UNFREEZE, .text = "embed", .by = "test"}};
    (void)state;
    struct settings *s = thawing_settings();
    struct thaws x = {.n = 0};
    struct run_paths p = train(s, "hand");
    forget_after(&p, FIRST_STAGE + 2);
    assert_int_equal(files_remove_tree(p.events, NULL), true);
    train_with(s, &p, wishes, 2); /* from step 14 on */
    each_event(&p, hear_thaws, &x);
    assert_int_equal(x.n, 4);
    assert_told(&x, 0, "embed,0", true, FIRST_STAGE + 3, "config");
    assert_told(&x, 1, "embed", false, FIRST_STAGE + 3, "test");
    assert_told(&x, 2, "block.0.mlp", false, FIRST_STAGE + 5, "plan");
    assert_told(&x, 3, "block.0.norm", false, FIRST_STAGE + 5, "plan");
    assert_int_equal(same_until(&p, "block.0.attn"), ALL_STEPS);
    struct buf whole = bytes_of(&p, ALL_STEPS, "model.safetensors");
    struct err err = {0};
    forget_after(&p, FIRST_STAGE + 4); /* the hand's wishes stand in the checkpoint */
    must(engine_main(s, &p, true, &err), &err);
    struct buf again = bytes_of(&p, ALL_STEPS, "model.safetensors");
    assert_int_equal(whole.len, again.len);
    assert_memory_equal(whole.data, again.data, whole.len);
    buf_deinit(&whole);
    buf_deinit(&again);
    free(s);
}

/* ---- L2-SP ---- */

static void last_distance(void *ctx, const struct event *e) {
    double *distance = ctx;
    for (int i = 0; e->type == EVENT_LAYERS && i < e->layers.n_groups; i++)
        if (strcmp(e->layers.groups[i].name, "block.1.mlp") == 0)
            *distance = e->layers.groups[i].from_base;
}

/* A pull keeps the weights nearer to the base, which is what they were when the stage began. */
static void test_l2_sp(void **state) {
    static const char *const kinds[] = {"adamw", "muon"};
    static const int64_t resumed[] = {12, 17};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct settings *s = small_settings();
        double far = 0, near = 0;
        char name[32];
        put(s, "stages.1.optimizer.kind", kinds[i]);
        put(s, "stages.1.optimizer.lr", "0.02");
        snprintf(name, sizeof name, "free-%s", kinds[i]);
        struct run_paths free_one = train(s, name);
        put(s, "stages.1.l2_sp", "10");
        snprintf(name, sizeof name, "pulled-%s", kinds[i]);
        struct run_paths pulled = train_all_ways(s, name, ALL_STEPS, resumed, 2);
        each_event(&free_one, last_distance, &far);
        each_event(&pulled, last_distance, &near);
        if (!(near > 0 && near < 0.9 * far)) fail_msg("%g, without a pull %g", near, far);
        free(s);
    }
}

/* ---- early stopping ---- */

struct endings {
    int steps, finished, problems;
    int64_t early, restored, last_step;
    char why[200], what[64];
    double last_loss; /* of the evaluation before the stage's end */
};

static void hear_endings(void *ctx, const struct event *e) {
    struct endings *x = ctx;
    x->steps += e->type == EVENT_STEP;
    x->problems += e->type == EVENT_PROBLEM;
    if (e->type == EVENT_STEP) x->last_step = e->step;
    if (e->type == EVENT_STAGE) x->finished += e->stage.finished;
    if (e->type == EVENT_EVAL) x->last_loss = e->eval.sets[1].tuned.loss;
    if (e->type != EVENT_CONTROL) return;
    if (strcmp(e->control.verb, "early-stop") == 0) {
        x->early = e->step;
        snprintf(x->why, sizeof x->why, "%s", e->control.argument);
    }
    if (strcmp(e->control.verb, "restore") == 0) {
        x->restored = e->step;
        snprintf(x->what, sizeof x->what, "%s", e->control.argument);
    }
}

/* An evaluation every second step, of which the first stays the best, as no other is lower by
 * so much: the stage ends after the third, six steps on. */
static struct settings *stopping_settings(int stage) {
    struct settings *s = small_settings();
    char path[64];
    put(s, "eval.every", "2");
    snprintf(path, sizeof path, "stages.%d.early_stop.patience", stage);
    put(s, path, "2");
    snprintf(path, sizeof path, "stages.%d.early_stop.min_delta", stage);
    put(s, path, "9");
    return s;
}

static void test_early_stop(void **state) {
    static const int64_t resumed[] = {17, 14, 12};
    (void)state;
    struct settings *s = stopping_settings(1);
    struct endings x = {.steps = 0};
    put(s, "checkpoint.keep", "1"); /* but for the best, which is held */
    struct run_paths p = train(s, "early");
    put(s, "checkpoint.keep", "9");
    struct run_paths again = train_all_ways(s, "early-kept", 18, resumed, 3);
    assert_same_state(&p, &again, 18);
    each_event(&p, hear_endings, &x);
    assert_int_equal(x.steps, 18);
    assert_int_equal(x.finished, 2);
    assert_int_equal(x.problems, 0);
    assert_int_equal(x.early, 18);
    assert_int_equal(x.restored, 18);
    assert_non_null(strstr(x.why, "domain has not fallen below "));
    assert_non_null(strstr(x.why, " nats a token (step 14) for 2 evaluations"));
    assert_string_equal(x.what, "the weights of step 14");
    struct buf best = bytes_of(&again, 14, "model.safetensors"),
               last = bytes_of(&again, 18, "model.safetensors");
    assert_int_equal(best.len, last.len);
    assert_memory_equal(best.data, last.data, best.len);
    struct buf then = bytes_of(&again, 14, "trainer.json"),
               now = bytes_of(&again, 18, "trainer.json");
    assert_non_null(strstr(buf_text(&then), "\"early_stop\""));
    assert_null(strstr(buf_text(&now), "\"early_stop\"")); /* it is over, and nothing is held */
    buf_deinit(&best);
    buf_deinit(&last);
    buf_deinit(&then);
    buf_deinit(&now);
    free(s);
}

/* In a stage before the last, by the set that is named; the next one goes on from the best. */
static void test_early_stop_of_the_first_stage(void **state) {
    static const int64_t resumed[] = {5, 6, 11};
    (void)state;
    struct settings *s = stopping_settings(0);
    struct endings x = {.steps = 0};
    put(s, "stages.0.early_stop.set", "general");
    put(s, "stages.0.optimizer.kind", "muon");
    put(s, "stages.1.optimizer.kind", "muon");
    struct run_paths p = train_all_ways(s, "early-first", 6 + 12, resumed, 3);
    each_event(&p, hear_endings, &x);
    assert_int_equal(x.last_step, 18);
    assert_int_equal(x.early, 6);
    assert_non_null(strstr(x.why, "general has not fallen below "));
    free(s);
}

/* Without restore the weights stay what the last step made of them. */
static void test_early_stop_without_restore(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct endings x = {.steps = 0};
    put(s, "eval.every", "2");
    put(s, "checkpoint.every", "6");
    struct run_paths whole = train(s, "not-stopped");
    free(s);
    s = stopping_settings(1);
    put(s, "checkpoint.every", "6");
    put(s, "stages.1.early_stop.restore", "false");
    struct run_paths p = train(s, "not-restored");
    each_event(&p, hear_endings, &x);
    assert_int_equal(x.early, 18);
    assert_int_equal(x.restored, 0);
    assert_same_state(&whole, &p, 18);
    free(s);
}

/* A loss that falls by more than it must does not end the stage. */
static void test_no_early_stop(void **state) {
    (void)state;
    struct settings *s = stopping_settings(1);
    struct endings x = {.steps = 0};
    put(s, "stages.1.early_stop.min_delta", "0");
    put(s, "stages.1.early_stop.patience", "6");
    struct run_paths p = train(s, "goes-on");
    each_event(&p, hear_endings, &x);
    assert_int_equal(x.last_step, ALL_STEPS);
    assert_int_equal(x.early, 0);
    free(s);
}

/* The best weights are not what was saved: that is said, and the last ones stay. */
static void test_early_stop_with_a_broken_best(void **state) {
    (void)state;
    struct settings *s = stopping_settings(1);
    struct endings x = {.steps = 0};
    char path[PATH_MAX + 64];
    struct err err = {0};
    struct run_paths p = train(s, "broken-best");
    forget_after(&p, 17);
    must(files_remove_tree(p.events, &err), &err);
    snprintf(path, sizeof path, "%s/step-14/model.safetensors", p.checkpoints);
    assert_int_equal(truncate(path, 100), 0);
    must(engine_main(s, &p, true, &err), &err);
    each_event(&p, hear_endings, &x);
    assert_int_equal(x.early, 18);
    assert_int_equal(x.restored, 0);
    assert_int_equal(x.problems, 1);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rates),
                                       cmocka_unit_test(test_thaw_from_the_top),
                                       cmocka_unit_test(test_thaw_list),
                                       cmocka_unit_test(test_hand_wins),
                                       cmocka_unit_test(test_l2_sp),
                                       cmocka_unit_test(test_early_stop),
                                       cmocka_unit_test(test_early_stop_of_the_first_stage),
                                       cmocka_unit_test(test_early_stop_without_restore),
                                       cmocka_unit_test(test_no_early_stop),
                                       cmocka_unit_test(test_early_stop_with_a_broken_best)};
    return cmocka_run_group_tests_name("plans", tests, make_folder, remove_folder);
}
