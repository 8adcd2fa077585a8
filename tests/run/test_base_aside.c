/* test_base_aside.c - the base of a model that is large enough lies in a file: what the run
 * says of it, and what it learns, is as ever. */
#include "run/trainer_test.h"

#include <math.h>

#include "engine/formats/hf_model.h"

enum { STEPS = 6 };

/* 69 MB of weights: a block is frozen, one learns. */
static struct settings *large_settings(const char *compare_every, const char *save_every) {
    struct settings *s = small_settings();
    put(s, "model.family", "gpt2");
    put(s, "model.heads", "4");
    put(s, "model.width", "840");
    put(s, "model.context", "8");
    put(s, "threads", "2");
    put(s, "stages.0.steps", "3");
    put(s, "stages.1.steps", "3");
    put(s, "stages.0.batch", "1");
    put(s, "stages.1.batch", "1");
    put(s, "compare.every", compare_every);
    put(s, "checkpoint.every", save_every); /* the last of each stage is saved anyway */
    put(s, "checkpoint.keep", "2");
    return s;
}

static uint64_t saved(const struct run_paths *p, int64_t step) {
    char path[PATH_MAX + 32];
    struct hf_model m = {0};
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-%" PRId64, p->checkpoints, step);
    must(hf_model_load(path, &m, &err), &err);
    uint64_t fingerprint = weights_fingerprint(&m.weights);
    hf_model_destroy(&m);
    return fingerprint;
}

static void check_base(const struct trainer *t) {
    int aside = 0;
    assert_true(t->has_base);
    for (int g = 0; g < t->table.n_groups; g++) {
        assert_true(weights_fingerprint_group(&t->base, g) == t->base_fingerprint[g]);
        assert_int_equal(t->base.shelved[g], t->learn[g]);
        aside += t->base.shelved[g];
        double distance = weights_distance(&t->weights, &t->base, g);
        assert_true(t->learn[g] ? distance > 0 : distance == 0);
    }
    assert_true(aside > 0 && aside < t->table.n_groups);
}

static void train_large(struct settings *s, const struct run_paths *p) {
    struct session n;
    struct err err = {0};
    session_open(&n, s, p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    must(trainer_run(n.t, &err), &err);
    check_base(n.t);
    session_close(&n);
}

static void count_answers(void *ctx, const struct event *e) {
    int *n = ctx;
    if (e->type == EVENT_SAMPLE && isfinite(e->sample.mean_gain)) ++*n;
}

/* One answers after each step, which takes the gradients' memory; the other is broken off and
 * goes on from its checkpoint, with a base out of its folder. */
static void test_same_weights(void **state) {
    struct settings *asked = large_settings("1", "1000"), *alone = large_settings("1000", "2");
    struct run_paths p, q;
    struct err err = {0};
    int answers = 0;
    (void)state;
    fresh_paths("asked", &p);
    fresh_paths("alone", &q);
    train_large(asked, &p);
    each_event(&p, count_answers, &answers);
#ifndef __SANITIZE_THREAD__ /* there an answer takes longer than its share of the time */
    assert_true(answers >= 3);
#endif
    assert_true(answers >= 1);
    train_large(alone, &q);
    uint64_t whole = saved(&p, STEPS);
    assert_true(saved(&q, STEPS) == whole);
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/step-%d", q.checkpoints, STEPS);
    must(files_remove_tree(path, &err), &err);
    assert_true(checkpoint_newest(q.checkpoints, path, NULL, 0) >
                3); /* within the last stage */
    train_large(alone, &q);
    assert_true(saved(&q, STEPS) == whole);
    free(asked);
    free(alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_weights)};
    return cmocka_run_group_tests_name("base_aside", tests, make_folder, remove_folder);
}
