/* test_launcher.c - what keys and a changing list make of the launcher. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/launcher_fixture.h"
#include "ui/launcher_keys.h"

enum { CTRL_C = 3 };

/* ---- the table of keys */

static void test_keys_once(void **state) {
    (void)state;
    int seen[LAUNCH_DO_COUNT] = {0};
    for (int i = 0; i < n_launch_bindings; i++) {
        const struct launch_binding *b = &launch_bindings[i];
        seen[b->action]++;
        assert_true(b->label[0] && strlen(b->label) <= 8);
        assert_true(b->help[0] && strlen(b->help) <= 26);
        for (int k = 0; k < 4 && b->keys[k]; k++)
            assert_int_equal(launch_action_of(b->keys[k]), b->action);
    }
    for (int action = 1; action < LAUNCH_DO_COUNT; action++) assert_int_equal(seen[action], 1);
    assert_int_equal(launch_action_of(KEYS_NONE), LAUNCH_DO_NOTHING);
    assert_int_equal(launch_action_of('z'), LAUNCH_DO_NOTHING);
}

/* ---- moving */

static void test_moving(void **state) {
    (void)state;
    static const struct {
        int key;
        const char *on;
    } steps[] = {{0, "live"},           {'k', "live"},        {'j', "paper"},
                 {KEYS_UP, "live"},     {KEYS_DOWN, "paper"}, {KEYS_TAB, "medical"},
                 {'j', "verse"},        {KEYS_TAB, "live"},   {'G', "verse"},
                 {'j', "verse"},        {'k', "medical"},     {'k', "run-39"},
                 {'g', "live"},         {KEYS_END, "verse"},  {KEYS_PAGE_UP, "run-21"},
                 {KEYS_TAB, "medical"}, {KEYS_HOME, "live"}};
    struct launcher_fixture f;
    launcher_open(&f, 40, 80, 24, GLYPHS_ASCII);
    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_int_equal(launcher_press(&f, steps[i].key), LAUNCH_NOTHING);
        if (!launcher_on(&f, steps[i].on))
            fail_msg("step %zu: on %s", i, launcher_selected(&f.launcher)->info.name);
    }
    for (int i = 0; i < 3; i++) launcher_press(&f, KEYS_PAGE_DOWN);
    assert_true(launcher_on(&f, "verse"));
    assert_true(launcher_has(&f, ">verse"));
    launcher_close(&f);
}

static struct term_mouse click(int y) {
    return (struct term_mouse){.x = 5, .y = y, .button = 1};
}

static void test_mouse(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    launcher_text(&f); /* rows: 0 title, 1 RUNS, 2 live, 3 paper ... 8 CONFIGS */
    struct term_mouse m = click(3), heading = click(1), empty = click(20);
    struct term_mouse down = {.wheel_down = true}, up = {.wheel_up = true};
    assert_int_equal(launcher_key(&f.launcher, KEYS_MOUSE, &m), LAUNCH_NOTHING);
    assert_true(launcher_on(&f, "paper"));
    assert_int_equal(launcher_key(&f.launcher, KEYS_MOUSE, &heading), LAUNCH_NOTHING);
    assert_int_equal(launcher_key(&f.launcher, KEYS_MOUSE, &empty), LAUNCH_NOTHING);
    assert_true(launcher_on(&f, "paper"));
    assert_int_equal(launcher_key(&f.launcher, KEYS_MOUSE, &m), LAUNCH_ATTACH);
    assert_int_equal(launcher_key(&f.launcher, KEYS_MOUSE, &down), LAUNCH_NOTHING);
    assert_true(launcher_on(&f, "gone"));
    launcher_key(&f.launcher, KEYS_MOUSE, &up);
    assert_true(launcher_on(&f, "paper"));
    assert_int_equal(launcher_key(&f.launcher, KEYS_MOUSE, NULL), LAUNCH_NOTHING);
    launcher_close(&f);
}

/* ---- what is asked for */

static void test_wishes(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_ATTACH);
    assert_int_equal(launcher_press(&f, 'w'), LAUNCH_WATCH);
    launcher_press(&f, KEYS_TAB);
    assert_int_equal(launcher_press(&f, '\n'), LAUNCH_START);
    assert_int_equal(launcher_press(&f, 'w'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "medical is a config: Enter starts it"));
    assert_int_equal(launcher_press(&f, 'd'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "only runs are deleted"));
    assert_int_equal(launcher_press(&f, 'z'), LAUNCH_NOTHING);
    assert_false(launcher_has(&f, "only runs are deleted"));
    assert_int_equal(launcher_press(&f, 12), LAUNCH_REDRAW);
    assert_int_equal(launcher_press(&f, 26), LAUNCH_SUSPEND);
    assert_int_equal(launcher_press(&f, 'q'), LAUNCH_LEAVE);
    assert_int_equal(launcher_press(&f, CTRL_C), LAUNCH_LEAVE);
    launcher_close(&f);
}

static void test_nothing_there(void **state) {
    (void)state;
    static const int keys[] = {KEYS_ENTER,     'w',          'd',        'j', 'k', 'g', 'G',
                               KEYS_PAGE_DOWN, KEYS_PAGE_UP, KEYS_ESCAPE};
    struct launcher_fixture f;
    struct err err = {0};
    launcher_open(&f, 0, 80, 24, GLYPHS_ASCII);
    assert_true(launcher_has(&f, "no runs yet: Enter starts medical"));
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_START);
    assert_true(launcher_set(&f.launcher, f.entries, 0, &err));
    assert_null(launcher_selected(&f.launcher));
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_int_equal(launcher_press(&f, keys[i]), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "thaw run FILE.yaml starts one"));
    assert_false(launcher_has(&f, "Enter start"));
    launcher_close(&f);
}

/* ---- deleting */

static const struct run_contents some = {.checkpoints = 1, .bytes = 2048};

static void test_deleting(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    launcher_type(&f, "jj");
    assert_true(launcher_on(&f, "medical"));
    assert_int_equal(launcher_press(&f, 'd'), LAUNCH_MEASURE);
    launcher_ask(&f.launcher, &some);
    assert_true(launcher_has(&f, "Delete the run medical for good?"));
    assert_true(launcher_has(&f, "1 checkpoint go: 2.0 KiB"));
    static const int others[] = {'j', 'x', KEYS_ENTER, ' ', 'd', KEYS_MOUSE};
    for (size_t i = 0; i < COUNT(others); i++) { /* only y is yes */
        assert_int_equal(launcher_press(&f, others[i]), LAUNCH_NOTHING);
        assert_int_equal(f.launcher.input, LAUNCH_CONFIRM);
    }
    static const int no[] = {'n', 'N', 'q', KEYS_ESCAPE, CTRL_C};
    for (size_t i = 0; i < COUNT(no); i++) {
        assert_int_equal(launcher_press(&f, no[i]), LAUNCH_NOTHING);
        assert_true(launcher_has(&f, "nothing was deleted"));
        assert_int_equal(launcher_press(&f, 'd'), LAUNCH_MEASURE);
        launcher_ask(&f.launcher, &some);
    }
    assert_int_equal(launcher_press(&f, 'y'), LAUNCH_DELETE);
    assert_true(launcher_on(&f, "medical"));
    launcher_close(&f);
}

static void test_living_stays(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    assert_int_equal(launcher_press(&f, 'd'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "live is running: stop it first"));
    launcher_ask(&f.launcher, &some); /* it came to life after the list was read */
    assert_int_equal(f.launcher.input, LAUNCH_LIST);
    assert_int_equal(launcher_press(&f, 'y'), LAUNCH_NOTHING);
    launcher_press(&f, 'j');
    launcher_press(&f, 'j');
    assert_true(launcher_on(&f, "medical"));
    struct launch_entry *medical = &f.entries[launcher_selected(&f.launcher) - f.entries];
    medical->info.pid = 4711; /* its training is over, but somebody looks at it */
    assert_int_equal(launcher_press(&f, 'd'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "medical is still open: Enter, then Q, ends its engine"));
    launcher_close(&f);
}

/* The list changes under the question: it never goes over to another run. */
static void test_gone_meanwhile(void **state) {
    (void)state;
    struct launcher_fixture f;
    struct err err = {0};
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    launcher_type(&f, "jj");
    launcher_ask(&f.launcher, &some);
    struct launch_entry first = f.entries[2];
    f.entries[2] = f.entries[4]; /* medical is the newest now, and stays selected */
    f.entries[4] = first;
    assert_true(launcher_set(&f.launcher, f.entries, 8, &err));
    assert_true(launcher_on(&f, "medical"));
    assert_int_equal(f.launcher.input, LAUNCH_CONFIRM);
    assert_true(launcher_set(&f.launcher, f.entries + 3, 5, &err)); /* without it */
    assert_int_equal(f.launcher.input, LAUNCH_LIST);
    assert_int_equal(launcher_press(&f, 'y'), LAUNCH_NOTHING);
    launcher_close(&f);
}

/* ---- replay, two runs */

static void test_replay(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    assert_int_equal(launcher_press(&f, 'r'), LAUNCH_REPLAY);
    launcher_press(&f, KEYS_TAB);
    assert_int_equal(launcher_press(&f, 'r'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "medical is a config: Enter starts it"));
    launcher_close(&f);
}

/* One is marked, another one chosen; the mark goes with its run. */
static void test_mark(void **state) {
    (void)state;
    struct launcher_fixture f;
    struct err err = {0};
    launcher_open(&f, 6, 80, 24, GLYPHS_ASCII);
    assert_int_equal(launcher_press(&f, 'c'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "m marks a run first"));
    launcher_type(&f, "jm");
    assert_string_equal(launcher_marked(&f.launcher)->info.name, "paper");
    assert_true(launcher_has(&f, ">paper           *paused"));
    assert_int_equal(launcher_press(&f, 'c'), LAUNCH_NOTHING);
    assert_true(launcher_has(&f, "c compares another run with this one"));
    launcher_type(&f, "j");
    assert_int_equal(launcher_press(&f, 'c'), LAUNCH_COMPARE);
    launcher_type(&f, "m"); /* another one instead */
    assert_string_equal(launcher_marked(&f.launcher)->info.name, "medical");
    launcher_type(&f, "m");
    assert_null(launcher_marked(&f.launcher));
    launcher_type(&f, "m");
    assert_true(launcher_set(&f.launcher, f.entries, FIXTURE_CONFIGS + 2, &err));
    assert_null(launcher_marked(&f.launcher)); /* it was deleted */
    launcher_close(&f);
}

static void test_changes(void **state) {
    (void)state;
    struct launcher_fixture f;
    struct launch_changes changes = {.name = {"paper", "medical"}};
    launcher_open(&f, 6, 80, 12, GLYPHS_ASCII);
    launcher_compare(&f.launcher, &changes);
    assert_true(launcher_has(&f, "paper and medical have the same settings"));
    for (int i = 0; i < 20; i++) {
        struct launch_change change = {.value = {"yes", "no"}};
        snprintf(change.key, sizeof change.key, "key %d", i);
        assert_true(launch_changes_add(&changes, &change));
    }
    assert_true(launcher_has(&f, "key 0 ") && !launcher_has(&f, "key 19 "));
    launcher_type(&f, "G");
    assert_true(launcher_has(&f, "key 19 ") && !launcher_has(&f, "key 0 "));
    launcher_type(&f, "g");
    assert_int_equal(launcher_press(&f, '\r'), LAUNCH_CURVES);
    assert_int_equal(f.launcher.input, LAUNCH_LIST);
    launcher_compare(&f.launcher, &changes);
    snprintf(changes.trouble, sizeof changes.trouble, "config.yaml:3:1: what is this?");
    assert_true(launcher_has(&f, "config.yaml:3:1: what is this?"));
    launcher_type(&f, "q"); /* leaves the table only */
    assert_int_equal(f.launcher.input, LAUNCH_LIST);
    launch_changes_deinit(&changes);
    launcher_close(&f);
}

/* ---- filter, help */

static void test_filter(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 40, 80, 24, GLYPHS_ASCII);
    launcher_type(&f, "/RUN-1");
    assert_true(launcher_has(&f, "run-19") && !launcher_has(&f, "run-20"));
    assert_true(launcher_has(&f, "/RUN-1"));
    launcher_press(&f, KEYS_DOWN);
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_NOTHING);
    assert_true(launcher_on(&f, "run-11"));
    launcher_press(&f, 'k');
    assert_true(launcher_on(&f, "run-10"));
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_ATTACH);
    launcher_press(&f, KEYS_ESCAPE);
    assert_true(launcher_on(&f, "run-10")); /* among all again */
    launcher_type(&f, "/dead");             /* a state is found as well */
    assert_true(launcher_on(&f, "gone"));
    launcher_press(&f, KEYS_ESCAPE);
    launcher_type(&f, "/qq");
    assert_null(launcher_selected(&f.launcher));
    assert_true(launcher_has(&f, "nothing has \"qq\" in it"));
    assert_int_equal(launcher_press(&f, CTRL_C), LAUNCH_NOTHING);
    assert_non_null(launcher_selected(&f.launcher));
    assert_int_equal(launcher_press(&f, 'q'), LAUNCH_LEAVE);
    launcher_close(&f);
}

static void test_help(void **state) {
    (void)state;
    struct launcher_fixture f;
    launcher_open(&f, 6, 40, 8, GLYPHS_ASCII);
    launcher_press(&f, '?');
    assert_true(launcher_has(&f, "Help") && !launcher_has(&f, "its engine is gone"));
    launcher_press(&f, 'G');
    assert_true(launcher_has(&f, "its engine is gone"));
    launcher_press(&f, 'q'); /* leaves the help only */
    assert_int_equal(f.launcher.input, LAUNCH_LIST);
    assert_false(launcher_has(&f, "Help"));
    launcher_close(&f);
}

/* The selection is always in sight, and no size breaks anything. */
static void test_sizes(void **state) {
    (void)state;
    struct err err = {0};
    for (int w = 1; w <= 130; w += 3)
        for (int h = 1; h <= 30; h++) {
            struct launcher_fixture f;
            launcher_open(&f, 40, w, h, GLYPHS_BRAILLE);
            for (int i = 0; i < 12; i++) launcher_press(&f, i % 3 ? 'j' : KEYS_PAGE_DOWN);
            bool fits = w >= 40 && h >= 8;
            assert_int_equal(launcher_has(&f, ">"), fits);
            assert_int_equal(launcher_has(&f, "have"), !fits && w >= 4);
            launcher_ask(&f.launcher, &some);
            launcher_press(&f, '?');
            assert_true(launcher_set(&f.launcher, f.entries, 1, &err));
            launcher_text(&f);
            launcher_close(&f);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_once),     cmocka_unit_test(test_moving),
        cmocka_unit_test(test_mouse),         cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_deleting),
        cmocka_unit_test(test_living_stays),  cmocka_unit_test(test_gone_meanwhile),
        cmocka_unit_test(test_replay),        cmocka_unit_test(test_mark),
        cmocka_unit_test(test_changes),       cmocka_unit_test(test_filter),
        cmocka_unit_test(test_help),          cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("launcher", tests, NULL, NULL);
}
