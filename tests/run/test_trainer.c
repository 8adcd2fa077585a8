/* The trainer as a whole, on a small model and text made here: its log, its promises. */
#include "run/trainer_test.h"

#include <math.h>
#include <pthread.h>

/* ---- what the log tells ---- */

struct tally {
    int64_t seq;
    int of[EVENT_TYPES], base_samples, tuned_samples, proven, frozen;
    int64_t tokens;
    double first_loss, last_loss, last_base, last_domain;
    char reason[16];
};

/* For a log in which steps stand that were made again. */
static void count_again(void *ctx, const struct event *e) {
    struct tally *t = ctx;
    t->of[e->type]++;
    if (e->type == EVENT_END) snprintf(t->reason, sizeof t->reason, "%s", e->end.reason);
}

static void count(void *ctx, const struct event *e) {
    struct tally *t = ctx;
    assert_int_equal(e->seq, t->seq + 1);
    t->seq = e->seq;
    count_again(ctx, e);
    if (e->type == EVENT_STEP) {
        if (t->of[EVENT_STEP] == 1) t->first_loss = e->stp.loss;
        t->last_loss = e->stp.loss;
        t->tokens = e->stp.tokens;
        assert_int_equal(e->step, t->of[EVENT_STEP]);
    }
    if (e->type == EVENT_SAMPLE) {
        bool base = strcmp(e->sample.side, "base") == 0;
        t->base_samples += base;
        t->tuned_samples += !base;
        assert_int_equal(strlen(e->sample.weights), 16);
    }
    if (e->type == EVENT_EVAL && e->eval.sets[1].has_base) {
        t->last_base = e->eval.sets[1].base.loss;
        t->last_domain = e->eval.sets[1].tuned.loss;
    }
    for (int i = 0; e->type == EVENT_LAYERS && i < e->layers.n_groups; i++) {
        if (strcmp(e->layers.groups[i].name, "block.0") != 0) continue;
        t->frozen += e->layers.groups[i].frozen;
        t->proven += e->layers.groups[i].proven;
        if (e->layers.groups[i].frozen) assert_true(e->layers.groups[i].from_base == 0);
    }
}

static void test_log_tells_the_whole_run(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p = train(s, "whole");
    struct tally t = {0};
    each_event(&p, count, &t);
    assert_int_equal(t.of[EVENT_STEP], 24);
    assert_int_equal(t.of[EVENT_STAGE], 4);
    assert_int_equal(t.of[EVENT_END], 1);
    assert_string_equal(t.reason, "finished");
    assert_int_equal(t.base_samples, 1);
    assert_true(t.tuned_samples >= 2);
    assert_true(t.frozen > 0 && t.frozen == t.proven);
    assert_true(t.last_loss < t.first_loss);
    assert_true(t.last_domain < t.last_base); /* fine-tuning helped on its own held-out text */
    assert_int_equal(t.of[EVENT_PROBLEM], 0);
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/model.safetensors", p.base);
    assert_true(files_exists(path));
    free(s);
}

/* ---- texts ---- */

/* The texts of one prompt that were made after the last step: base's and tuned's, as ids. */
struct last_texts {
    const char *prompt;
    int told[2], n[2];
    int32_t ids[2][16];
    double logprob[2][16];
};

static void keep_last(void *ctx, const struct event *e) {
    struct last_texts *x = ctx;
    if (e->type != EVENT_SAMPLE || strcmp(e->sample.prompt, x->prompt) != 0) return;
    int side = strcmp(e->sample.side, "tuned") == 0;
    x->told[side]++;
    x->n[side] = e->sample.n_tokens;
    assert_in_range(x->n[side], 0, 16);
    for (int i = 0; i < x->n[side]; i++) {
        x->ids[side][i] = e->sample.tokens[i].id;
        x->logprob[side][i] = e->sample.tokens[i].logprob;
    }
}

/* At the end all prompts are answered together: each as if it were the only one. */
static void test_texts_do_not_depend_on_their_company(void **state) {
    (void)state;
    static const char *const prompts[] = {
        "fever :",   "river :", "song 3", "a",       "bank 7 : a",
        "wheel 1 :", "stone 5", "tree :", "the red", "deep"};
    enum { N = sizeof prompts / sizeof *prompts };
    struct settings *s = small_settings();
    struct last_texts alone = {.prompt = prompts[0]};
    struct err err = {0};
    int stage;
    struct run_paths one = train(s, "one-prompt"), all;
    must(setting_put(s, setting_find("compare.prompts", &stage, NULL), -1, prompts, N, &err),
         &err);
    all = train(s, "ten-prompts");
    each_event(&one, keep_last, &alone);
    for (int i = 0; i < N; i++) {
        struct last_texts x = {.prompt = prompts[i]};
        each_event(&all, keep_last, &x);
        assert_int_equal(x.told[0], 1);
        assert_true(x.told[1] >= 1);
        if (i > 0) continue;
        alone.told[1] = x.told[1]; /* how many were made on the way depends on the time */
        assert_memory_equal(&x, &alone, sizeof x);
    }
    free(s);
}

/* ---- same bits ---- */

static void test_threads_give_the_same_bits(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths one = train(s, "one-thread");
    s->threads = 3;
    struct run_paths three = train(s, "three-threads");
    assert_same_state(&one, &three, 24);
    free(s);
}

/* ---- wishes ---- */

struct asker {
    const struct run_paths *paths;
    struct answer freeze, unknown, lr;
};

static void *ask_things(void *ctx) {
    struct asker *w = ctx;
    struct err err = {0};
    struct command pause = {.kind = COMMAND_PAUSE, .by = "test"};
    struct command freeze = {.kind = COMMAND_FREEZE, .text = "1,norm", .by = "test"};
    struct command unknown = {.kind = COMMAND_FREEZE, .text = "block.9", .by = "test"};
    struct command lr = {.kind = COMMAND_LR, .number = 5e-4, .by = "test"};
    struct command resume = {.kind = COMMAND_RESUME, .by = "test"};
    struct answer a;
    while (!control_ask(w->paths->socket, &pause, 20, &a, &err)) usleep(200);
    control_ask(w->paths->socket, &freeze, 20, &w->freeze, &err);
    control_ask(w->paths->socket, &unknown, 20, &w->unknown, &err);
    control_ask(w->paths->socket, &lr, 20, &w->lr, &err);
    control_ask(w->paths->socket, &resume, 20, &a, &err);
    return NULL;
}

struct wishes {
    int64_t frozen_from;
    int freezes, controls, steps_after;
    double lr_after;
};

static void count_wishes(void *ctx, const struct event *e) {
    struct wishes *w = ctx;
    if (e->type == EVENT_FREEZE && strcmp(e->freeze.by, "test") == 0 &&
        !(e->freeze.measured_s > 0)) {
        w->freezes++;
        w->frozen_from = e->step;
    }
    if (e->type == EVENT_CONTROL) w->controls++;
    if (e->type == EVENT_STEP && w->freezes > 0 && ++w->steps_after == 1)
        w->lr_after = e->stp.lr;
}

static void test_wishes_become_facts(void **state) {
    (void)state;
    struct settings *s = small_settings();
    put(s, "stages.0.steps", "300");
    struct run_paths p;
    struct err err = {0};
    pthread_t thread;
    fresh_paths("wishes", &p);
    struct asker w = {.paths = &p};
    assert_int_equal(pthread_create(&thread, NULL, ask_things, &w), 0);
    must(engine_main(s, &p, false, &err), &err);
    pthread_join(thread, NULL);
    assert_true(w.freeze.ok);
    assert_false(w.unknown.ok);
    assert_non_null(strstr(w.unknown.error, "block.9"));
    assert_true(w.lr.ok);
    struct wishes facts = {0};
    each_event(&p, count_wishes, &facts);
    assert_int_equal(facts.freezes, 2); /* block.1 as one, and norm */
    assert_int_equal(facts.frozen_from, w.freeze.step);
    assert_int_equal(facts.controls, 3); /* pause, lr, resume */
    assert_true(fabs(facts.lr_after - 5e-4) < 1e-12);
    free(s);
}

/* ---- numbers going bad ---- */

static void remove_checkpoint(const struct run_paths *p, int64_t step) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/step-%" PRId64, p->checkpoints, step);
    assert_true(files_remove_tree(path, NULL));
}

static void *stop_after_problem(void *ctx) {
    const struct run_paths *p = ctx;
    struct err err = {0};
    struct event_reader *r = event_reader_open(p->events, &err);
    struct event e = {.type = EVENT_OTHER};
    int got = 0;
    while (r && got >= 0 && !(got == 1 && e.type == EVENT_PROBLEM))
        if ((got = event_reader_next(r, &e, &err)) == 0) usleep(200);
    struct command c = {.kind = COMMAND_STOP, .by = "test"};
    struct answer a;
    usleep(20000); /* time enough for the steps that must not be made */
    control_ask(p->socket, &c, 20, &a, &err);
    event_reader_close(r);
    return NULL;
}

/* Goes on from the checkpoint of step 5 with poison in the weights or in the moments, from
 * where it comes into the weights with the first update: paused, and nothing is saved that
 * could not go on. */
static void test_bad_numbers_are_not_saved(void **state) {
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "good-numbers");
    for (int moments = 0; moments < 2; moments++) {
        struct run_paths p = train(s, "bad-numbers");
        struct session n;
        struct err err = {0};
        char newest[PATH_MAX];
        (void)state;
        for (int64_t step = 24; step > 5; step--) remove_checkpoint(&p, step);
        put(s, "checkpoint.every", "1");
        session_open(&n, s, &p);
        control_stop(n.plan.control); /* with nobody to ask, a pause is the end */
        n.plan.control = NULL;
        must(trainer_create(n.t, &n.plan, &err), &err);
        if (moments) n.t->optim.m.group[1][0] = (real)INFINITY;
        else n.t->weights.group[1][0] = (real)NAN;
        uint64_t before = weights_fingerprint(&n.t->weights);
        must(trainer_run(n.t, &err), &err);
        assert_int_equal(n.t->state.step, 5 + moments);
        assert_true(moments || before == weights_fingerprint(&n.t->weights));
        session_close(&n);
        put(s, "checkpoint.every", "5");
        struct tally tally = {0};
        each_event(&p, count_again, &tally);
        assert_int_equal(tally.of[EVENT_PROBLEM], 1 + moments); /* a checkpoint was skipped */
        assert_string_equal(tally.reason, "stopped");
        assert_int_equal(checkpoint_newest(p.checkpoints, newest, NULL, 0), 5);
        train_with(s, &p, NULL, 0);
        assert_same_state(&whole, &p, 24);
    }
    free(s);
}

/* Three single steps were asked for: the first meets the NaN, the others are forgotten. */
static void test_bad_numbers_end_single_steps(void **state) {
    static const struct command steps[] = {{.kind = COMMAND_SINGLE_STEP, .by = "test"},
                                           {.kind = COMMAND_SINGLE_STEP, .by = "test"},
                                           {.kind = COMMAND_SINGLE_STEP, .by = "test"}};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct session n;
    pthread_t thread;
    fresh_paths("bad-single-steps", &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    n.t->weights.group[1][0] = (real)NAN;
    session_ask(&n, steps, 3);
    assert_int_equal(pthread_create(&thread, NULL, stop_after_problem, &p), 0);
    must(trainer_run(n.t, &err), &err);
    pthread_join(thread, NULL);
    session_close(&n);
    struct tally tally = {0};
    each_event(&p, count_again, &tally);
    assert_int_equal(tally.of[EVENT_PROBLEM], 1);
    free(s);
}

/* ---- wrong from the start ---- */

static void test_long_prompt_is_refused(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    fresh_paths("long-prompt", &p);
    put(s, "compare.prompts", "a prompt of many more words than the context of sixteen takes");
    assert_false(engine_main(s, &p, false, &err));
    assert_non_null(strstr(err.msg, "compare.prompts: the prompt \"a prompt of many"));
    struct tally tally = {0};
    each_event(&p, count, &tally);
    assert_string_equal(tally.reason, "failed");
    free(s);
}

/* A signal that comes while text is prepared is heeded then. */
static void test_stop_while_preparing(void **state) {
    static const volatile sig_atomic_t stop = 1;
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct session n;
    fresh_paths("stop-early", &p);
    session_open(&n, s, &p);
    n.plan.stop_signal = &stop;
    assert_false(trainer_create(n.t, &n.plan, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    session_close(&n);
    free(s);
}

struct waited {
    char last[96];  /* what is under way */
    double of_text; /* how much of the text was prepared */
};

static void wait_for(void *ctx, const struct event *e) {
    struct waited *w = ctx;
    const struct event_progress *p = &e->progress;
    if (e->type != EVENT_PROGRESS) return;
    snprintf(w->last, sizeof w->last, "%s", p->what);
    if (p->total > 0) w->of_text = p->done / p->total;
    else assert_true(p->done == 0);
}

/* What a large model takes its time for is told of; a small one is there at once. */
static void test_large_model_is_waited_for(void **state) {
    static const char *const widths[] = {"32", "1024"}, *const last[] = {
                                                            "turning text into tokens",
                                                            "drawing the first weights"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct settings *s = small_settings();
        struct run_paths p;
        struct err err = {0};
        struct session n;
        struct waited w = {.last = ""};
        put(s, "model.width", widths[i]);
        fresh_paths(widths[i], &p);
        session_open(&n, s, &p);
        must(trainer_create(n.t, &n.plan, &err), &err);
        trainer_destroy(n.t);
        session_close(&n);
        each_event(&p, wait_for, &w);
        assert_string_equal(w.last, last[i]);
        assert_true(w.of_text == 1);
        free(s);
    }
}

/* ---- starting from a folder ---- */

/* Shape and tokens are the folder's; the sequences may be shorter than its context. */
static void test_from_a_folder(void **state) {
    (void)state;
    struct settings *s = small_settings();
    put(s, "stages.0.optimizer.lr", "0.05");
    struct run_paths first = train(s, "to-start-from"), second;
    struct err err = {0};
    struct model_config c;
    char from[PATH_MAX + 16];
    snprintf(from, sizeof from, "%s/step-24", first.checkpoints);
    put(s, "model.from", from);
    put(s, "model.layers", "5");
    put(s, "model.context", "8");
    second = train(s, "started-from");
    struct buf text = bytes_of(&second, 24, "config.json");
    must(model_config_parse(buf_text(&text), text.len, &c, &err), &err);
    assert_int_equal(c.layers, 2);
    assert_int_equal(c.context, 16);
    buf_deinit(&text);
    struct tally before = {0}, after = {0};
    each_event(&first, count, &before);
    each_event(&second, count, &after);
    assert_int_equal(after.tokens, 24 * 4 * 8);
    assert_true(after.first_loss < before.first_loss - 0.5); /* it had learned something */
    free(s);
}

/* Of a folder only shape and tokenizer: then it is as if the run had begun from nothing. */
static void test_fresh_from_a_folder(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths first = train(s, "not-to-start-from"), second;
    char from[PATH_MAX + 16];
    snprintf(from, sizeof from, "%s/step-24", first.checkpoints);
    put(s, "model.from", from);
    put(s, "model.fresh", "true");
    second = train(s, "fresh");
    assert_same_state(&first, &second, 24);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_tells_the_whole_run),
        cmocka_unit_test(test_texts_do_not_depend_on_their_company),
        cmocka_unit_test(test_threads_give_the_same_bits),
        cmocka_unit_test(test_wishes_become_facts),
        cmocka_unit_test(test_bad_numbers_are_not_saved),
        cmocka_unit_test(test_bad_numbers_end_single_steps),
        cmocka_unit_test(test_long_prompt_is_refused),
        cmocka_unit_test(test_stop_while_preparing),
        cmocka_unit_test(test_large_model_is_waited_for),
        cmocka_unit_test(test_from_a_folder),
        cmocka_unit_test(test_fresh_from_a_folder),
    };
    return cmocka_run_group_tests_name("trainer", tests, make_folder, remove_folder);
}
