/* test_app_fork.c - `K`: a fork is asked for, its engine is started by the loop, its curve
 * comes over this one's. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

enum { ALL = 1 << 30 };
static const char other[] = THAW_SOURCE_DIR "/tests/golden/other";

static void open_recorded(struct app_fixture *f, enum app_mode mode) {
    fixture_open(f, mode, 80, 24, GLYPHS_ASCII);
    fixture_recorded(f, ALL);
}

/* K, what is typed behind it, Enter, and the engine's answer. */
static void fork_it(struct app_fixture *f, const char *typed, const char *run) {
    struct answer a = {.ok = true, .step = 373};
    fixture_key(f, 'K');
    fixture_type(f, typed);
    fixture_key(f, KEYS_ENTER);
    assert_int_equal(f->n_sent, 1);
    a.id = f->sent[0].id;
    snprintf(a.run, sizeof a.run, "%s", run);
    app_answer(f->app, &a);
}

static void test_line_is_begun(void **state) {
    (void)state;
    struct app_fixture f;
    open_recorded(&f, APP_DRIVE);
    fixture_key(&f, 'K');
    assert_true(fixture_shows(&f, ":fork"));
    assert_true(fixture_shows(&f, "Enter: send"));
    fixture_key(&f, KEYS_ESCAPE);
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

static void test_what_is_asked(void **state) {
    (void)state;
    struct app_fixture f;
    open_recorded(&f, APP_DRIVE);
    fork_it(&f, "--freeze 0-2 --lr 1e-4", other);
    assert_int_equal(f.sent[0].kind, COMMAND_FORK);
    assert_true(f.sent[0].has_freeze && f.sent[0].has_lr && f.sent[0].number == 1e-4);
    assert_string_equal(f.sent[0].text, "0-2");
    assert_true(fixture_shows(&f, "fork --freeze 0-2 --lr 0.0001 queued"));
    fixture_close(&f);
}

static void test_started(void **state) {
    (void)state;
    struct app_fixture f;
    open_recorded(&f, APP_DRIVE);
    fork_it(&f, "", other);
    assert_string_equal(f.app->fork, other); /* waits for the loop */
    app_forked(f.app, NULL);
    assert_string_equal(f.app->fork, "");
    assert_int_equal(f.app->overlays.n, 1);
    fixture_draw(&f);
    assert_true(fixture_shows(&f, "other trains from step 373 on, curve 1 here, and shares"));
    assert_true(fixture_shows(&f, "thaw attach "));
    fixture_close(&f);
}

/* A fork whose engine does not start is there all the same, and how to start it is said. */
static void test_not_started(void **state) {
    static const char *const whys[] = {"no memory", ""};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct app_fixture f;
        open_recorded(&f, APP_DRIVE);
        fork_it(&f, "", other);
        app_forked(f.app, whys[i]);
        fixture_draw(&f);
        assert_int_equal(f.app->overlays.n, 0);
        assert_true(fixture_shows(&f, i == 0
                                          ? "other is made, but does not train: no memory; try"
                                          : "other is made, but does not train; try"));
        fixture_close(&f);
    }
}

static void test_refused(void **state) {
    (void)state;
    struct app_fixture f;
    open_recorded(&f, APP_DRIVE);
    fixture_key(&f, 'K');
    fixture_key(&f, KEYS_ENTER);
    fixture_answer(&f, false, 0, "the disk is full");
    assert_string_equal(f.app->fork, "");
    assert_true(fixture_shows(&f, "fork: the disk is full"));
    fixture_close(&f);
}

static void test_watchers_do_not(void **state) {
    (void)state;
    struct app_fixture f;
    open_recorded(&f, APP_WATCH);
    fixture_key(&f, 'K');
    assert_int_equal(f.app->input, INPUT_PANES);
    assert_true(fixture_shows(&f, "watching only"));
    fixture_close(&f);
}

/* After `rollback` the log goes on as after a resume: the later steps are taken back. */
static void test_rollback_takes_steps_back(void **state) {
    (void)state;
    struct app_fixture f;
    open_recorded(&f, APP_DRIVE);
    size_t before = f.app->history.train.n;
    int64_t to = f.app->history.step - 10;
    fixture_event(&f,
                  "\"step\":%d,\"type\":\"control\",\"do\":\"rollback\",\"argument\":\"from "
                  "step 9 to step 8, learning rate 0.001\",\"by\":\"send\"",
                  (int)to);
    fixture_draw(&f);
    assert_true(
        fixture_shows(&f, "rollback from step 9 to step 8, learning rate 0.001 by send"));
    fixture_event(&f, "\"step\":%d,\"type\":\"run\",\"name\":\"medical\"", (int)to);
    assert_int_equal(f.app->history.train.n, before - 10);
    assert_int_equal(f.app->history.step, to);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_is_begun),
        cmocka_unit_test(test_what_is_asked),
        cmocka_unit_test(test_started),
        cmocka_unit_test(test_not_started),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_watchers_do_not),
        cmocka_unit_test(test_rollback_takes_steps_back),
    };
    return cmocka_run_group_tests_name("app_fork", tests, NULL, NULL);
}
