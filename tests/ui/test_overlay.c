/* test_overlay.c - other runs' logs, folded beside the run on the screen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/clock.h"
#include "engine/core/files.h"
#include "ui/loss_view.h"

enum { COLUMNS = 80 };

struct fixture {
    char runs[64];
    struct overlays overlays;
    struct history history; /* of the run on the screen */
    struct err err;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->runs, "/tmp/thaw-overlay-XXXXXX");
    assert_non_null(mkdtemp(f->runs));
    history_init(&f->history);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    overlays_clear(&f->overlays);
    history_deinit(&f->history);
    files_remove_tree(f->runs, NULL);
    free(f);
    return 0;
}

static void path_of(const struct fixture *f, const char *run, const char *file, char *out) {
    snprintf(out, 256, "%s/%s/%s", f->runs, run, file);
}

/* Append steps [from, to] and an evaluation of two sets at the last one. */
static void train(const struct fixture *f, const char *run, int from, int to) {
    char path[256];
    struct event_log log;
    struct event_set sets[] = {{.name = "general", .tuned.loss = 3},
                               {.name = "own", .tuned.loss = 4}};
    path_of(f, run, "", path);
    mkdir(path, 0700);
    path_of(f, run, "events.jsonl", path);
    assert_true(event_log_open(&log, path, NULL));
    for (int i = from; i <= to; i++) {
        struct event e = {.type = EVENT_STEP, .step = i, .stp = {.loss = 2, .tokens = i * 10}};
        assert_true(event_log_put(&log, &e, NULL));
    }
    struct event e = {.type = EVENT_EVAL, .step = to, .eval = {sets, 2}};
    assert_true(event_log_put(&log, &e, NULL));
    event_log_close(&log);
}

static bool add(struct fixture *f, const char *run) {
    return overlays_add(&f->overlays, f->runs, run, &f->err);
}

static void read_all(struct fixture *f) {
    for (bool more = true; more;) overlays_read(&f->overlays, 1, &more);
}

static void test_follows(void **state) {
    struct fixture *f = *state;
    bool more;
    train(f, "other", 1, 50);
    assert_true(add(f, "other"));
    read_all(f);
    const struct history *h = &f->overlays.at[0]->history;
    assert_int_equal(h->train.n, 50);
    assert_int_equal(h->n_sets, 2);
    assert_false(overlays_read(&f->overlays, 1, &more) || more);
    train(f, "other", 51, 60);
    assert_true(overlays_read(&f->overlays, 1, &more));
    assert_int_equal(h->train.n, 60);
    overlays_clear(&f->overlays);
    assert_int_equal(f->overlays.n, 0);
}

/* However long a log is, a read ends soon and says that there is more. */
static void test_bounded(void **state) {
    struct fixture *f = *state;
    bool more;
    train(f, "a", 1, 3000);
    train(f, "b", 1, 3000);
    assert_true(add(f, "a") && add(f, "b"));
    assert_true(overlays_read(&f->overlays, 0, &more) && more);
    for (int i = 0; i < 2; i++) { /* and no run waits for the other */
        size_t n = f->overlays.at[i]->history.train.n;
        assert_true(n > 0 && n < 3000);
    }
    read_all(f);
    for (int i = 0; i < 2; i++) assert_int_equal(f->overlays.at[i]->history.train.n, 3000);
}

static void test_refused(void **state) {
    struct fixture *f = *state;
    char path[256];
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) train(f, names[i], 1, 5);
    assert_false(add(f, "nobody"));
    assert_non_null(strstr(f->err.msg, "there is no run \"nobody\""));
    path_of(f, "torn", "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(f, "torn", "events.jsonl", path);
    assert_int_equal(mkdir(path, 0700), 0); /* a log that can't be read */
    assert_false(add(f, "torn"));
    assert_true(f->err.msg[0] && f->overlays.n == 0);
    for (int i = 0; i < OVERLAYS_MAX; i++) assert_true(add(f, names[i]));
    assert_false(add(f, "b"));
    assert_non_null(strstr(f->err.msg, "b lies over the curve already"));
    assert_false(add(f, "d"));
    assert_non_null(strstr(f->err.msg, "`:overlay` alone"));
}

static const struct name_case {
    const char *folder, *name;
} name_cases[] = {
    {"medical-2", "medical-2"},
    {"twelve-chars", "twelve-chars"},
    {"a-very-long-name-17", "a-very..e-17"},
    {"\xc3\xa9t\x1b[1m", "__t_[1m"},
};

static void test_names(void **state) {
    struct fixture *f = *state;
    char path[256];
    for (size_t i = 0; i < sizeof name_cases / sizeof name_cases[0]; i++) {
        train(f, name_cases[i].folder, 1, 2);
        snprintf(path, sizeof path, "%s/%s", f->runs, name_cases[i].folder);
        if (!add(f, path)) fail_msg("%s", f->err.msg);
        assert_string_equal(f->overlays.at[0]->name, name_cases[i].name);
        overlays_clear(&f->overlays);
    }
}

/* A log that was torn, or of another program, shows what can be read of it. */
static void test_foreign(void **state) {
    struct fixture *f = *state;
    static const char text[] = "no event\n{\"seq\":1,\"t\":1,\"step\":1,\"type\":\"step\","
                               "\"loss\":2}\n{\"seq\":2,\"t\":2,\"st";
    char path[256];
    path_of(f, "odd", "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(f, "odd", "events.jsonl", path);
    assert_true(files_write(path, text, strlen(text), &f->err));
    assert_true(add(f, "odd"));
    read_all(f);
    assert_int_equal(f->overlays.at[0]->history.train.n, 1);
}

/* The sets that both runs have are shown; where there is none, the first one. */
static void test_sets(void **state) {
    struct fixture *f = *state;
    struct event_set sets[] = {{.name = "own", .tuned.loss = 5}};
    train(f, "other", 1, 50);
    assert_true(add(f, "other"));
    read_all(f);
    assert_true(overlay_shows_set(f->overlays.at[0], 0, &f->history));
    assert_false(overlay_shows_set(f->overlays.at[0], 1, &f->history));
    struct event e = {.type = EVENT_EVAL, .step = 1, .eval = {sets, 1}};
    history_observe(&f->history, &e);
    assert_false(overlay_shows_set(f->overlays.at[0], 0, &f->history));
    assert_true(overlay_shows_set(f->overlays.at[0], 1, &f->history));
}

/* Series under the run's own: a smooth line with the overlay's figure, evaluations with its
 * letter; x in the unit of the axis. */
static void test_points(void **state) {
    struct fixture *f = *state;
    struct loss_view v = {
        .unit = UNIT_TOKENS, .smoothing = SMOOTHING_USUAL, .overlays = &f->overlays};
    struct loss_points p;
    struct event e = {.type = EVENT_STEP, .step = 1, .stp = {.loss = 9, .tokens = 10}};
    history_observe(&f->history, &e);
    train(f, "a", 1, 5);
    train(f, "b", 1, 10000);
    assert_true(add(f, "a") && add(f, "b"));
    read_all(f);
    assert_true(loss_points_make(&p, &v, &f->history, 0, 100000, COLUMNS));
    const char letters[] = {0, '1', 'a', '2', 'b', 0};
    assert_int_equal(p.n, sizeof letters);
    for (int i = 0; i < p.n; i++) assert_int_equal(p.series[i].letter, letters[i]);
    assert_int_equal(p.series[1].style, STYLE_OVERLAY_1);
    assert_int_equal(p.series[4].style, STYLE_OVERLAY_2);
    assert_true(p.series[2].loose && p.series[2].x[0] == 50 && p.series[2].y[0] == 3);
    assert_int_equal(p.series[1].n, 5);
    assert_true(p.series[1].x[4] == 50 && p.series[1].y[4] == 2);
    assert_true(p.series[3].n <= COLUMNS + 4);
    loss_points_free(&p);
}

/* The axis reaches to the end of the longest run in sight, whichever it is, in any unit. */
static void test_axis(void **state) {
    struct fixture *f = *state;
    struct loss_view v = {.smoothing = SMOOTHING_USUAL, .overlays = &f->overlays};
    double x0, x1;
    for (int i = 1; i <= 100; i++) {
        struct event e = {.type = EVENT_STEP, .step = i, .stp = {.loss = 3, .tokens = i * 10}};
        history_observe(&f->history, &e);
    }
    train(f, "longer", 1, 250);
    train(f, "shorter", 1, 20);
    assert_true(add(f, "shorter"));
    read_all(f);
    loss_view_x(&v, &f->history, &x0, &x1);
    assert_true(x0 == 0 && x1 == 100);
    assert_true(add(f, "longer"));
    read_all(f);
    loss_view_x(&v, &f->history, &x0, &x1);
    assert_true(x0 == 0 && x1 >= 250 && x1 < 300);
    loss_view_zoom(&v, &f->history, 0.5, 250); /* and the window moves as far */
    loss_view_x(&v, &f->history, &x0, &x1);
    assert_true(v.zoomed && x1 >= 250);
    loss_view_reset(&v);
    v.unit = UNIT_TOKENS;
    loss_view_x(&v, &f->history, &x0, &x1);
    assert_true(x1 >= 2500 && x1 < 3000);
    overlays_clear(&f->overlays);
    loss_view_x(&v, &f->history, &x0, &x1);
    assert_true(x1 == 1000);
}

/* A run that is not beside the one on the screen is found where runs usually live. */
static void test_elsewhere(void **state) {
    struct fixture *f = *state;
    char path[256];
    assert_int_equal(setenv("XDG_STATE_HOME", f->runs, 1), 0);
    path_of(f, "thaw/runs", "", path);
    assert_true(files_make_dirs(path, 0700, &f->err));
    train(f, "thaw/runs/usual", 1, 5);
    train(f, "beside", 1, 5);
    assert_true(add(f, "usual") && add(f, "beside"));
    assert_string_equal(f->overlays.at[0]->name, "usual");
    assert_false(add(f, "nobody"));
    assert_non_null(strstr(f->err.msg, f->runs)); /* of the folder that was meant first */
    unsetenv("XDG_STATE_HOME");
}

/* Printed, not asserted: a loaded machine would make it fail. */
static void test_cost(void **state) {
    enum { STEPS = 1000000, TIMES = 50 };
    struct fixture *f = *state;
    struct loss_view v = {.smoothing = SMOOTHING_USUAL, .overlays = &f->overlays};
    struct loss_points p;
    double best = 1;
    for (int k = 0; k < OVERLAYS_MAX; k++) {
        f->overlays.at[k] = calloc(1, sizeof(struct overlay));
        assert_non_null(f->overlays.at[k]);
        history_init(&f->overlays.at[k]->history);
        f->overlays.n++;
        struct event e = {.type = EVENT_STEP, .stp.loss = 2};
        for (e.step = 1; e.step <= STEPS; e.step++)
            history_observe(&f->overlays.at[k]->history, &e);
    }
    for (int i = 0; i < TIMES; i++) {
        double start = clock_now();
        assert_true(loss_points_make(&p, &v, &f->history, 0, STEPS, COLUMNS));
        double took = clock_now() - start;
        if (took < best) best = took;
        loss_points_free(&p);
    }
    print_message("three runs of %d steps, thinned for a frame: %.3f ms\n", STEPS, best * 1e3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_points, setup, teardown),
        cmocka_unit_test_setup_teardown(test_axis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cost, setup, teardown),
    };
    return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
