/* test_launch_list.c - the launcher's entries over a runs folder that changes. */
#include <math.h>
#include <unistd.h>

#include "engine/core/clock.h"
#include "engine/run/event_log.h"
#include "src/launch_list.h"
#include "tests/run/run_test.h"

struct fixture {
    struct launch_list list;
    struct launcher view;
    struct canvas canvas;
};

/* A log with losses of 3 for the steps [from, to], behind what is there; an end when it is
 * told. */
static void log_steps(const char *runs, const char *name, int from, int to, bool end) {
    struct run_paths run;
    struct event_log log;
    struct err err = {0};
    assert_ok(files_make_dirs(below(runs, name), 0700, &err), err);
    assert_ok(run_paths_of(below(runs, name), &run, &err), err);
    assert_ok(event_log_open(&log, run.events, &err), err);
    for (int i = from; i <= to; i++) {
        struct event e = {.type = EVENT_STEP, .step = i, .stp = {.loss = 3}};
        assert_ok(event_log_put(&log, &e, &err), err);
    }
    struct event last = {.type = EVENT_END, .step = to, .end = {.reason = "finished"}};
    if (end) assert_ok(event_log_put(&log, &last, &err), err);
    event_log_close(&log);
}

/* The list over runs below `home`, drawn once so that it is known what is in sight: more rows
 * than lessons and configs take. */
static const char *open_list(struct fixture *f, const char *home) {
    struct err err = {0};
    memset(f, 0, sizeof *f);
    assert_int_equal(setenv("XDG_STATE_HOME", home, 1), 0);
    assert_ok(launch_list_open(&f->list, &err), err);
    assert_true(f->list.n_configs >= 1);
    assert_true(canvas_init(&f->canvas, 80, 60, GLYPHS_ASCII, &err));
    return f->list.runs;
}

static void look(struct fixture *f) {
    struct err err = {0};
    assert_ok(launch_list_refresh(&f->list, &err), err);
    assert_ok(launcher_set(&f->view, f->list.entries, f->list.n, &err), err);
    launcher_draw(&f->view, &f->canvas, 0);
}

static void work(struct fixture *f) {
    bool more = true;
    while (more) launch_list_work(&f->list, &f->view, clock_now() + 0.05, &more);
}

static void close_list(struct fixture *f) {
    launcher_deinit(&f->view);
    canvas_deinit(&f->canvas);
    launch_list_close(&f->list);
}

static const struct launch_entry *entry(const struct fixture *f, const char *name) {
    for (int i = f->list.n_configs; i < f->list.n; i++)
        if (strcmp(f->list.entries[i].info.name, name) == 0) return &f->list.entries[i];
    return NULL;
}

static int points(const struct launch_entry *e) {
    double out[LAUNCH_POINTS + 1];
    return launch_curve_points(&e->curve, out);
}

static void test_reading(void **state) {
    struct fixture f;
    bool more;
    const char *runs = open_list(&f, in_folder(state, "reading"));
    look(&f); /* no runs folder yet */
    assert_int_equal(f.list.n, f.list.n_configs);
    log_steps(runs, "a", 1, 40, true);
    log_steps(runs, "b", 1, 10, false);
    look(&f);
    assert_false(entry(&f, "a")->known);
    assert_false(launch_list_work(&f.list, &f.view, 0, &more)); /* no time at all */
    assert_true(more);
    work(&f);
    assert_true(entry(&f, "a")->known);
    assert_string_equal(entry(&f, "a")->info.state, "finished");
    assert_int_equal(points(entry(&f, "a")), 40);
    assert_string_equal(entry(&f, "b")->info.state, "dead");
    assert_int_equal(points(entry(&f, "b")), 10);
    assert_false(launch_list_work(&f.list, &f.view, clock_now() + 1, &more));
    assert_false(more);
    close_list(&f);
}

/* What does not change is not read again; what does is; what is gone goes. */
static void test_changes(void **state) {
    struct fixture f;
    bool more;
    struct err err = {0};
    const char *runs = open_list(&f, in_folder(state, "changes"));
    log_steps(runs, "still", 1, 40, true);
    log_steps(runs, "grows", 1, 10, false);
    log_steps(runs, "goes", 1, 10, true);
    look(&f);
    work(&f);
    log_steps(runs, "grows", 11, 30, true); /* another engine went on with it */
    assert_ok(run_delete(runs, entry(&f, "goes")->info.path, &err), err);
    look(&f);
    assert_null(entry(&f, "goes"));
    assert_int_equal(points(entry(&f, "still")), 40);
    assert_true(launch_list_work(&f.list, &f.view, clock_now() + 1, &more));
    assert_int_equal(points(entry(&f, "still")), 40);
    assert_int_equal(points(entry(&f, "grows")), 30);
    assert_string_equal(entry(&f, "grows")->info.state, "finished");
    close_list(&f);
}

/* Steps that are made anew after a resume take the place of the first try's. */
static void test_resumed(void **state) {
    struct fixture f;
    const char *runs = open_list(&f, in_folder(state, "resumed"));
    log_steps(runs, "a", 1, 40, false);
    look(&f);
    work(&f);
    assert_int_equal(points(entry(&f, "a")), 40);
    log_steps(runs, "a", 31, 50, false);
    log_steps(runs, "a", 41, 45, true);
    look(&f);
    work(&f);
    assert_int_equal(points(entry(&f, "a")), 45);
    close_list(&f);
}

/* The log of a living run is followed, not read from its start each time. */
static void test_living(void **state) {
    struct fixture f;
    struct err err = {0};
    const char *runs = open_list(&f, in_folder(state, "living"));
    log_steps(runs, "a", 1, 10, false);
    int lock = files_lock(below(runs, "a/engine.lock"), NULL, &err);
    assert_true(lock >= 0);
    for (int round = 1; round <= 3; round++) {
        look(&f);
        work(&f);
        assert_string_equal(entry(&f, "a")->info.state, "running");
        assert_int_equal(entry(&f, "a")->info.pid, getpid());
        assert_int_equal(points(entry(&f, "a")), 10 * round);
        assert_non_null(f.list.sources[f.list.n_configs].reader);
        log_steps(runs, "a", 10 * round + 1, 10 * round + 10, round == 3);
    }
    assert_int_equal(close(lock), 0);
    look(&f);
    work(&f);
    assert_int_equal(points(entry(&f, "a")), 40);
    assert_string_equal(entry(&f, "a")->info.state, "finished");
    assert_null(f.list.sources[f.list.n_configs].reader);
    close_list(&f);
}

/* Curves out of sight wait; all states are read. */
static void test_out_of_sight(void **state) {
    struct fixture f;
    char name[16];
    int curves = 0;
    const char *runs = open_list(&f, in_folder(state, "many"));
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "run-%d", i);
        log_steps(runs, name, 1, 5, true);
    }
    look(&f);
    work(&f);
    for (int i = f.list.n_configs; i < f.list.n; i++) {
        assert_true(f.list.entries[i].known);
        bool seen = launcher_shows(&f.view, i);
        assert_int_equal(points(&f.list.entries[i]), seen ? 5 : 0);
        curves += seen;
    }
    /* Lessons and configs, more with each version, stand above them. */
    assert_in_range(curves, 1, 58);
    close_list(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),      cmocka_unit_test(test_changes),
        cmocka_unit_test(test_resumed),      cmocka_unit_test(test_living),
        cmocka_unit_test(test_out_of_sight),
    };
    return cmocka_run_group_tests_name("launch_list", tests, folder_setup, folder_teardown);
}
