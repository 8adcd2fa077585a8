/* steered_test.h - a run that is asked for things at exact steps: it is paused from the start,
 * makes as many single steps as stand in front of each wish, and goes on by itself behind the
 * last. */
#ifndef THAW_TESTS_RUN_STEERED_TEST_H
#define THAW_TESTS_RUN_STEERED_TEST_H
#include "run/trainer_test.h"

#include <pthread.h>

enum { ACTS_MAX = 8 };

struct act {
    int steps; /* to be made before */
    struct command command;
};

struct steering {
    const struct run_paths *paths;
    const struct act *acts;
    int n;
    bool stays_paused; /* the run is stopped behind the last act instead */
    struct answer answers[ACTS_MAX];
};

static const double patience_s = 600; /* a machine may stop its tests for minutes */

static inline bool ask_now(const struct run_paths *p, struct command c, struct answer *a) {
    struct err err = {0};
    snprintf(c.by, sizeof c.by, "test");
    return control_ask(p->socket, &c, patience_s, a, &err);
}

/* Make one step; a paused run makes it at once. */
static inline void one_step(const struct run_paths *p, struct event_reader *r) {
    struct answer a;
    struct err err = {0};
    struct event e = {.type = EVENT_OTHER};
    ask_now(p, (struct command){.kind = COMMAND_SINGLE_STEP}, &a);
    while (event_reader_next(r, &e, &err) >= 0 && e.type != EVENT_END &&
           !(e.type == EVENT_STEP && e.step == a.step)) {
        e.type = EVENT_OTHER;
        usleep(100);
    }
}

static inline void *steer(void *ctx) {
    struct steering *w = ctx;
    struct err err = {0};
    struct answer a;
    struct event_reader *r = event_reader_open(w->paths->events, &err);
    for (int i = 0; i < w->n; i++) {
        for (int k = 0; k < w->acts[i].steps; k++) one_step(w->paths, r);
        ask_now(w->paths, w->acts[i].command, &w->answers[i]);
    }
    enum command_kind last = w->stays_paused ? COMMAND_STOP : COMMAND_RESUME;
    ask_now(w->paths, (struct command){.kind = last}, &a);
    event_reader_close(r);
    return NULL;
}

/* Train a run in its folder to its end, or on to it, with acts in between. */
static inline void train_steered(struct settings *s, struct steering *w) {
    static const struct command pause = {.kind = COMMAND_PAUSE, .by = "test"};
    struct session n;
    struct err err = {0};
    pthread_t thread;
    session_open(&n, s, w->paths);
    must(trainer_create(n.t, &n.plan, &err), &err);
    session_ask(&n, &pause, 1);
    assert_int_equal(pthread_create(&thread, NULL, steer, w), 0);
    must(trainer_run(n.t, &err), &err);
    pthread_join(thread, NULL);
    session_close(&n);
}

static inline void assert_same_base(const struct run_paths *a, const struct run_paths *b) {
    const struct run_paths *const runs[] = {a, b};
    struct buf bytes[2] = {{0}, {0}};
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/model.safetensors", runs[i]->base);
        must(files_read(path, 1u << 26, &bytes[i], &err), &err);
    }
    assert_int_equal(bytes[0].len, bytes[1].len);
    assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].len);
    buf_deinit(&bytes[0]);
    buf_deinit(&bytes[1]);
}
#endif
