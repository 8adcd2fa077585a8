/* test_third.c - one more model to compare with: what it says, what it costs, and when it is
 * refused. */
#include "run/trainer_test.h"

#include <math.h>

#include "engine/run/third.h"

/* ---- its name */

static void test_names(void **state) {
    static const char *const names[][2] = {
        {"/home/x/models/gpt2", "gpt2"},
        {"/home/x/models/gpt2/", "gpt2"},
        {"/runs/legal/checkpoints/step-600", "legal/step-600"},
        {"/runs/legal/base", "legal/base"},
        {"/x/tuned", "x/tuned"},
        {"step-3", "model step-3"},
        {"base", "model base"},
        {"gpt2", "gpt2"},
    };
    char name[NAME_MAX_BYTES], path[2 * NAME_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        third_name(names[i][0], name);
        assert_string_equal(name, names[i][1]);
    }
    memset(path, 'a', sizeof path - 1); /* too long: cut */
    path[sizeof path - 1] = '\0';
    third_name(path, name);
    assert_int_equal(strlen(name), sizeof name - 1);
}

/* ---- what it says */

enum { TOKENS = 8 };

struct said {
    const char *side;
    int told, told_with_gain, n;
    int32_t ids[TOKENS];
    double logprob[TOKENS], mean_gain, kl;
    char weights[40];
};

static void keep_said(void *ctx, const struct event *e) {
    struct said *s = ctx;
    if (e->type != EVENT_SAMPLE || strcmp(e->sample.side, s->side) != 0) return;
    assert_in_range(e->sample.n_tokens, 0, TOKENS);
    s->told++;
    s->told_with_gain += isfinite(e->sample.mean_gain);
    s->mean_gain = e->sample.mean_gain;
    s->kl = e->sample.kl;
    s->n = e->sample.n_tokens;
    snprintf(s->weights, sizeof s->weights, "%s", e->sample.weights);
    for (int i = 0; i < s->n; i++) {
        s->ids[i] = e->sample.tokens[i].id;
        s->logprob[i] = e->sample.tokens[i].logprob;
    }
}

static struct said said_by(const struct run_paths *p, const char *side) {
    struct said s = {.side = side};
    each_event(p, keep_said, &s);
    return s;
}

static void name_third(struct settings *s, const struct run_paths *p) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/step-24", p->checkpoints);
    put(s, "compare.third", path);
}

/* Another run's last weights say here what they said there, whatever the shape of this run's
 * model, and this run learns the same as without them. */
static void test_says_the_same_as_in_its_own_run(void **state) {
    (void)state;
    struct settings *other = small_settings(), *s = small_settings();
    struct run_paths p = train(other, "other"), without, with;
    struct said there = said_by(&p, "tuned"), here;
    put(s, "model.layers", "1");
    without = train(s, "without");
    name_third(s, &p);
    with = train(s, "with");
    here = said_by(&with, "other/step-24");
    assert_int_equal(here.told, 2);           /* once a stage */
    assert_int_equal(here.told_with_gain, 1); /* in the last there is a base to judge it */
    assert_true(isfinite(here.kl) && here.kl > 0);
    assert_string_equal(here.weights, there.weights);
    assert_true(here.n > 0 && here.n == there.n);
    assert_memory_equal(here.ids, there.ids, sizeof here.ids);
    assert_memory_equal(here.logprob, there.logprob, sizeof here.logprob);
    assert_same_state(&without, &with, 24);
    assert_int_equal(said_by(&with, "base").told, 1);
    free(other);
    free(s);
}

/* A prompt asked for by hand is answered by all three. */
static void test_is_asked_too(void **state) {
    (void)state;
    struct settings *other = small_settings(), *s = small_settings();
    struct run_paths p = train(other, "asked-other"), q;
    name_third(s, &p);
    put(s, "compare.prompts", "river :"); /* one that `sample` does not ask for */
    fresh_paths("asked", &q);
    const struct command ask = {.kind = COMMAND_SAMPLE, .text = "stone 5", .id = 1};
    train_with(s, &q, &ask, 1);
    assert_int_equal(said_by(&q, "asked-other/step-24").told, 3);
    free(other);
    free(s);
}

/* ---- what it costs */

static void test_memory_is_planned(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p = train(s, "memory-other");
    struct memory_plan without = planned_memory(s, "memory-without"), with;
    name_third(s, &p);
    with = planned_memory(s, "memory-with");
    uint64_t third =
        with.weights - without.weights; /* of the same shape; the run has gradients, */
    assert_in_range(without.weights, 4 * third, 5 * third); /* moments, a base of what learns */
    assert_true(with.activations > without.activations);
    assert_int_equal(with.total - without.total,
                     with.weights - without.weights + with.activations - without.activations);
    free(s);
}

/* ---- when it is refused */

static const struct refusal {
    const char *key, *value; /* of the other run */
    const char *sentence;
} refusals[] = {
    {"model.vocab", "290", "cuts text into other tokens"},
    {"model.context", "8", "reads 8 tokens at once, this run's texts have up to 16"},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct settings *other = small_settings(), *s = small_settings();
        char name[32];
        struct err err = {0};
        snprintf(name, sizeof name, "refused-%zu", i);
        put(other, refusals[i].key, refusals[i].value);
        struct run_paths p = train(other, name), q;
        name_third(s, &p);
        snprintf(name, sizeof name, "refusing-%zu", i);
        fresh_paths(name, &q);
        assert_false(engine_main(s, &q, false, &err));
        if (!strstr(err.msg, refusals[i].sentence)) fail_msg("%s", err.msg);
        free(other);
        free(s);
    }
    struct settings *s = small_settings();
    struct run_paths q;
    struct err err = {0};
    put(s, "compare.third", "/nowhere");
    fresh_paths("refusing-nowhere", &q);
    assert_false(engine_main(s, &q, false, &err));
    assert_true(strstr(err.msg, "compare.third") && strstr(err.msg, "/nowhere"));
    free(s);
}

static void count_warnings(void *ctx, const struct event *e) {
    if (e->type == EVENT_PROBLEM && strstr(e->problem.text, "compare.third")) ++*(int *)ctx;
}

/* A run that goes on does so without the model that is gone: nothing that is learned depends on
 * it. */
static void test_gone_at_resume(void **state) {
    (void)state;
    struct settings *other = small_settings(), *s = small_settings();
    struct run_paths p = train(other, "gone"), q;
    struct err err = {0};
    int warnings = 0;
    char last[PATH_MAX + 32];
    name_third(s, &p);
    q = train(s, "stays");
    each_event(&q, count_warnings, &warnings);
    assert_int_equal(warnings, 0);
    for (int64_t step = 24; step > 17; step--) {
        snprintf(last, sizeof last, "%s/step-%" PRId64, q.checkpoints, step);
        if (files_exists(last)) must(files_remove_tree(last, &err), &err);
    }
    must(files_remove_tree(p.checkpoints, &err), &err);
    must(engine_main(s, &q, true, &err), &err);
    each_event(&q, count_warnings, &warnings);
    assert_int_equal(warnings, 1);
    free(other);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_says_the_same_as_in_its_own_run),
        cmocka_unit_test(test_is_asked_too),
        cmocka_unit_test(test_memory_is_planned),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_gone_at_resume),
    };
    return cmocka_run_group_tests_name("third", tests, make_folder, remove_folder);
}
