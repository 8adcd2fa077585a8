/* The trainer as a whole, on a small model and text made here: its log, its files, its
 * promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/engine_main.h"
#include "engine/run/trainer.h"

/* ---- a folder, a text, a run ---- */

static char folder[PATH_MAX];

static void must(bool ok, const struct err *err) {
    if (!ok) fail_msg("%s", err->msg);
}

/* Sentences by a little grammar: 400 lines "NOUN : a ADJECTIVE KIND that VERBS". */
static void write_text(const char *path, uint64_t seed, const char *const *kinds) {
    static const char *const adjectives[] = {"small", "red", "old", "quick", "warm", "deep"};
    static const char *const verbs[] = {"runs", "heals", "grows", "sings", "falls", "turns"};
    static const char *const nouns[] = {"tree", "fever", "river", "bank",
                                        "song", "wheel", "stone"};
    struct rng r = rng_make(seed, 0, 0);
    struct buf text = {0};
    struct err err = {0};
    for (int i = 0; i < 400; i++)
        buf_printf(&text, "%s %d : a %s %s that %s\n\n", nouns[rng_below(&r, 7)], i,
                   adjectives[rng_below(&r, 6)], kinds[rng_below(&r, 3)],
                   verbs[rng_below(&r, 6)]);
    must(files_write(path, text.data, text.len, &err), &err);
    buf_deinit(&text);
}

static int make_folder(void **state) {
    static const char *const general[] = {"thing", "place", "kind"};
    static const char *const domain[] = {"pain", "drug", "wound"};
    char path[PATH_MAX + 16];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/thaw-trainer-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/general.txt", folder);
    write_text(path, 1, general);
    snprintf(path, sizeof path, "%s/domain.txt", folder);
    write_text(path, 2, domain);
    blas_init();
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

static void put(struct settings *s, const char *path, const char *value) {
    int stage;
    struct err err = {0};
    const struct setting_key *k = setting_find(path, &stage, NULL);
    assert_non_null(k);
    must(setting_put(s, k, stage, &value, 1, &err), &err);
}

/* Two stages of a tiny model; every key that a test changes comes after. */
static struct settings *small_settings(void) {
    static const char *const keys[][2] = {
        {"name", "small"},        {"seed", "7"},           {"threads", "1"},
        {"model.layers", "2"},    {"model.heads", "2"},    {"model.width", "32"},
        {"model.context", "16"},  {"model.vocab", "300"},  {"stages.0.name", "first"},
        {"stages.0.steps", "12"}, {"stages.0.batch", "4"}, {"stages.1.name", "second"},
        {"stages.1.steps", "12"}, {"stages.1.batch", "4"}, {"stages.1.freeze", "0"},
        {"eval.every", "6"},      {"eval.tokens", "256"},  {"compare.prompts", "fever :"},
        {"compare.every", "6"},   {"compare.tokens", "8"}, {"checkpoint.every", "5"},
        {"checkpoint.keep", "9"},
    };
    struct settings *s = malloc(sizeof *s);
    assert_non_null(s);
    settings_init(s);
    settings_add_stage(s);
    settings_add_stage(s);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) put(s, keys[i][0], keys[i][1]);
    char general[PATH_MAX + 32], domain[PATH_MAX + 32];
    snprintf(general, sizeof general, "text:%s/general.txt", folder);
    snprintf(domain, sizeof domain, "text:%s/domain.txt", folder);
    put(s, "stages.0.data", general);
    put(s, "stages.1.data", domain);
    const char *sets[] = {"general", general, "domain", domain};
    int stage;
    struct err err = {0};
    must(setting_put(s, setting_find("eval.sets", &stage, NULL), -1, sets, 4, &err), &err);
    return s;
}

static void fresh_paths(const char *name, struct run_paths *paths) {
    struct err err = {0};
    must(run_dir_create(folder, name, paths, &err), &err);
}

/* Train to the end in a folder of its own. */
static struct run_paths train(struct settings *s, const char *name) {
    struct run_paths paths;
    struct err err = {0};
    fresh_paths(name, &paths);
    must(engine_main(s, &paths, false, &err), &err);
    return paths;
}

static struct buf bytes_of(const struct run_paths *p, int64_t step, const char *file) {
    char path[PATH_MAX + 64];
    struct buf b = {0};
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-%" PRId64 "/%s", p->checkpoints, step, file);
    must(files_read(path, 1u << 26, &b, &err), &err);
    return b;
}

static void assert_same_state(const struct run_paths *a, const struct run_paths *b,
                              int64_t step) {
    static const char *const names[] = {"model.safetensors", "optimizer.safetensors"};
    for (int i = 0; i < 2; i++) {
        struct buf x = bytes_of(a, step, names[i]), y = bytes_of(b, step, names[i]);
        assert_int_equal(x.len, y.len);
        assert_memory_equal(x.data, y.data, x.len);
        buf_deinit(&x);
        buf_deinit(&y);
    }
}

/* Call fn for every event of a run's log. */
static int each_event(const struct run_paths *p, void (*fn)(void *, const struct event *),
                      void *ctx) {
    struct err err = {0};
    struct event e;
    int n = 0, got;
    struct event_reader *r = event_reader_open(p->events, &err);
    assert_non_null(r);
    while ((got = event_reader_next(r, &e, &err)) == 1) {
        n++;
        fn(ctx, &e);
    }
    assert_int_equal(got, 0);
    event_reader_close(r);
    return n;
}

/* ---- what the log tells ---- */

struct tally {
    int64_t seq;
    int of[EVENT_TYPES], base_samples, tuned_samples, proven, frozen;
    double first_loss, last_loss, last_base, last_domain;
    char reason[16];
};

static void count(void *ctx, const struct event *e) {
    struct tally *t = ctx;
    assert_int_equal(e->seq, t->seq + 1);
    t->seq = e->seq;
    t->of[e->type]++;
    if (e->type == EVENT_STEP) {
        if (t->of[EVENT_STEP] == 1) t->first_loss = e->stp.loss;
        t->last_loss = e->stp.loss;
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
    if (e->type == EVENT_END) snprintf(t->reason, sizeof t->reason, "%s", e->end.reason);
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

/* Ask for a stop as soon as the log shows `step`. */
struct stopper {
    const struct run_paths *paths;
    int64_t step;
};

static void *stop_at(void *ctx) {
    struct stopper *w = ctx;
    struct err err = {0};
    struct event_reader *r = event_reader_open(w->paths->events, &err);
    struct event e;
    int got;
    while (r && (got = event_reader_next(r, &e, &err)) >= 0) {
        if (got == 0) usleep(200);
        if (got == 1 && (e.type == EVENT_END || (e.type == EVENT_STEP && e.step >= w->step)))
            break;
    }
    struct command c = {.kind = COMMAND_STOP, .by = "test"};
    struct answer a;
    control_ask(w->paths->socket, &c, 20, &a, &err);
    event_reader_close(r);
    return NULL;
}

static void test_resume_gives_the_same_bits(void **state) {
    static const int64_t stops[] = {1, 4, 7, 12, 13, 20};
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "undisturbed");
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct run_paths p;
        struct err err = {0};
        char name[32];
        pthread_t thread;
        snprintf(name, sizeof name, "stopped-%zu", i);
        fresh_paths(name, &p);
        struct stopper w = {&p, stops[i]};
        assert_int_equal(pthread_create(&thread, NULL, stop_at, &w), 0);
        must(engine_main(s, &p, false, &err), &err);
        pthread_join(thread, NULL);
        must(engine_main(s, &p, true, &err),
             &err); /* wherever it stopped, it goes on from there */
        assert_same_state(&whole, &p, 24);
    }
    free(s);
}

static void test_resume_skips_a_broken_checkpoint(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths whole = train(s, "to-be-broken");
    char path[PATH_MAX + 64];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-24/optimizer.safetensors", whole.checkpoints);
    struct buf before = bytes_of(&whole, 24, "model.safetensors");
    assert_int_equal(truncate(path, 100), 0);
    must(engine_main(s, &whole, true, &err), &err);
    struct buf after = bytes_of(&whole, 24, "model.safetensors");
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_deinit(&before);
    buf_deinit(&after);
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

static void test_bad_numbers_change_nothing(void **state) {
    (void)state;
    struct settings *s = small_settings();
    struct run_paths p;
    struct err err = {0};
    struct event_log log;
    fresh_paths("bad-numbers", &p);
    must(event_log_open(&log, p.events, &err), &err);
    struct trainer *t = malloc(sizeof *t);
    assert_non_null(t);
    must(trainer_create(t, s, &p, &log, NULL, "", 0, &err), &err);
    t->weights.group[1][0] = (real)NAN;
    uint64_t before = weights_fingerprint(&t->weights);
    must(trainer_run(t, &err), &err);
    assert_true(before == weights_fingerprint(&t->weights));
    assert_int_equal(t->state.step, 0);
    trainer_destroy(t);
    free(t);
    event_log_close(&log);
    struct tally tally = {0};
    each_event(&p, count, &tally);
    assert_int_equal(tally.of[EVENT_PROBLEM], 1);
    assert_int_equal(tally.of[EVENT_STEP], 0);
    assert_string_equal(tally.reason, "stopped");
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_tells_the_whole_run),
        cmocka_unit_test(test_threads_give_the_same_bits),
        cmocka_unit_test(test_resume_gives_the_same_bits),
        cmocka_unit_test(test_resume_skips_a_broken_checkpoint),
        cmocka_unit_test(test_wishes_become_facts),
        cmocka_unit_test(test_bad_numbers_change_nothing),
    };
    return cmocka_run_group_tests_name("trainer", tests, make_folder, remove_folder);
}
