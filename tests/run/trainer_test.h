/* trainer_test.h - what the tests of the trainer share: text made here, a small model, runs of
 * it. */
#ifndef THAW_TESTS_RUN_TRAINER_TEST_H
#define THAW_TESTS_RUN_TRAINER_TEST_H
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "engine/nn/blas.h"
#include "engine/run/engine_main.h"
#include "engine/run/trainer.h"

/* ---- a folder, a text, a run ---- */

static char folder[PATH_MAX];

static inline void must(bool ok, const struct err *err) {
    if (!ok) fail_msg("%s", err->msg);
}

/* Sentences by a little grammar: 400 lines "NOUN : a ADJECTIVE KIND that VERBS". */
static inline void write_text(const char *path, uint64_t seed, const char *const *kinds) {
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

static inline int make_folder(void **state) {
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

static inline int remove_folder(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

static inline void put(struct settings *s, const char *path, const char *value) {
    int stage;
    struct err err = {0};
    const struct setting_key *k = setting_find(path, &stage, NULL);
    assert_non_null(k);
    must(setting_put(s, k, stage, &value, 1, &err), &err);
}

/* Two stages of a tiny model; every key that a test changes comes after. */
static inline struct settings *small_settings(void) {
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

static inline void fresh_paths(const char *name, struct run_paths *paths) {
    struct err err = {0};
    must(run_dir_create(folder, name, paths, &err), &err);
}

/* Train to the end in a folder of its own. */
static inline struct run_paths train(struct settings *s, const char *name) {
    struct run_paths paths;
    struct err err = {0};
    fresh_paths(name, &paths);
    must(engine_main(s, &paths, false, &err), &err);
    return paths;
}

static inline struct buf bytes_of(const struct run_paths *p, int64_t step, const char *file) {
    char path[PATH_MAX + 64];
    struct buf b = {0};
    struct err err = {0};
    snprintf(path, sizeof path, "%s/step-%" PRId64 "/%s", p->checkpoints, step, file);
    must(files_read(path, 1u << 26, &b, &err), &err);
    return b;
}

static inline void assert_same_state(const struct run_paths *a, const struct run_paths *b,
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
static inline int each_event(const struct run_paths *p,
                             void (*fn)(void *, const struct event *), void *ctx) {
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

/* ---- a trainer with wishes that wait for it ---- */

struct session {
    struct settings *settings;
    struct run_paths paths;
    struct event_log log;
    struct trainer_plan plan;
    struct trainer *t;
    char from[PATH_MAX];
};

/* Everything but the trainer itself; goes on from the newest checkpoint when there is one. */
static inline void session_open(struct session *n, struct settings *s,
                                const struct run_paths *paths) {
    struct err err = {0};
    *n = (struct session){.settings = s, .paths = *paths, .t = malloc(sizeof *n->t)};
    assert_non_null(n->t);
    must(event_log_open(&n->log, paths->events, &err), &err);
    int64_t step = checkpoint_newest(paths->checkpoints, n->from, NULL, 0);
    if (step < 0) n->from[0] = '\0';
    n->plan = (struct trainer_plan){.settings = s,
                                    .paths = &n->paths,
                                    .log = &n->log,
                                    .control = control_start(paths->socket, &err),
                                    .resume_from = n->from,
                                    .resume_step = step < 0 ? 0 : step};
    if (!n->plan.control) fail_msg("%s", err.msg);
}

/* Put commands into the queue, to be obeyed before the next step. */
static inline void session_ask(struct session *n, const struct command *c, size_t count) {
    struct err err = {0};
    struct buf lines = {0};
    int fd = control_connect(n->paths.socket, &err);
    for (size_t i = 0; i < count; i++) command_to_json(&c[i], &lines);
    assert_true(fd >= 0 && lines.len < 4096); /* so they arrive in one piece */
    assert_int_equal(send(fd, lines.data, lines.len, 0), lines.len);
    control_wait(n->plan.control, 20);
    buf_deinit(&lines);
    close(fd);
}

static inline void session_close(struct session *n) {
    trainer_destroy(n->t);
    free(n->t);
    control_stop(n->plan.control);
    event_log_close(&n->log);
}

/* Obey, then train on to the end. */
static inline void train_with(struct settings *s, const struct run_paths *paths,
                              const struct command *c, size_t count) {
    struct session n;
    struct err err = {0};
    session_open(&n, s, paths);
    must(trainer_create(n.t, &n.plan, &err), &err);
    if (count > 0) session_ask(&n, c, count);
    must(trainer_run(n.t, &err), &err);
    session_close(&n);
}
/* What a run of these settings would reserve, in a folder of its own. */
static inline struct memory_plan planned_memory(struct settings *s, const char *name) {
    struct run_paths p;
    struct session n;
    struct err err = {0};
    fresh_paths(name, &p);
    session_open(&n, s, &p);
    must(trainer_create(n.t, &n.plan, &err), &err);
    struct memory_plan plan = trainer_memory(n.t);
    session_close(&n);
    return plan;
}
#endif
