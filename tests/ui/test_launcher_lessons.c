/* test_launcher_lessons.c - the launcher with lessons: they stand first, with their minutes,
 * and Enter starts one. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/golden.h"
#include "ui/launcher_fixture.h"

enum { LESSONS = 5, RUNS = 3, ALL = LESSONS + FIXTURE_CONFIGS + RUNS };

static struct launch_entry entries[ALL];

static void put_lesson(int i, enum launch_kind kind, const char *name, int minutes,
                       const char *title) {
    entries[i] = (struct launch_entry){.kind = kind, .minutes = minutes};
    snprintf(entries[i].info.name, sizeof entries[i].info.name, "%s", name);
    snprintf(entries[i].info.path, sizeof entries[i].info.path, "assets/lessons/%s.yaml", name);
    snprintf(entries[i].about, sizeof entries[i].about, "%s", title);
}

static void begin(struct launcher_fixture *f, int runs, int w, int h) {
    struct err err = {0};
    launcher_open(f, RUNS, w, h, GLYPHS_ASCII);
    put_lesson(0, LAUNCH_LESSON, "screen", 3, "The screen in three minutes");
    put_lesson(1, LAUNCH_LESSON, "cricket", 10, "The game, then one captain's plan");
    put_lesson(2, LAUNCH_LESSON, "broken", 0,
               "assets/lessons/broken.yaml:1:1: there is nothing in this file");
    put_lesson(3, LAUNCH_MECHANISM, "how-deep", 2, "How much has to learn");
    put_lesson(4, LAUNCH_MECHANISM, "forgetting", 2, "What is lost, and what saves it");
    memcpy(entries + LESSONS, f->entries, (size_t)(FIXTURE_CONFIGS + RUNS) * sizeof *entries);
    launcher_deinit(&f->launcher);
    assert_true(launcher_set(&f->launcher, entries, LESSONS + FIXTURE_CONFIGS + runs, &err));
}

static void test_golden(void **state) {
    static const struct {
        const char *name;
        int w, h, runs;
    } cases[] = {{"launcher-lessons", 80, 24, RUNS},
                 {"launcher-lessons-first", 80, 24, 0},
                 {"launcher-lessons-40x8", 40, 8, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct launcher_fixture f;
        begin(&f, cases[i].runs, cases[i].w, cases[i].h);
        check_golden(cases[i].name, launcher_text(&f));
        launcher_close(&f);
    }
}

static void test_enter_starts(void **state) {
    struct launcher_fixture f;
    (void)state;
    begin(&f, 0, 80, 24);
    assert_true(launcher_on(&f, "screen")); /* where there is no run yet */
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_START_LESSON);
    launcher_type(&f, "jd");
    assert_true(launcher_has(&f, "cricket is a lesson: only runs are deleted"));
    launcher_type(&f, "jj");
    assert_true(launcher_on(&f, "how-deep"));
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_START_LESSON);
    launcher_type(&f, "jj");
    assert_true(launcher_on(&f, "medical"));
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_START);
    launcher_close(&f);
    begin(&f, RUNS, 80, 24);
    assert_true(launcher_on(&f, "live")); /* the newest run */
    assert_int_equal(launcher_press(&f, KEYS_ENTER), LAUNCH_ATTACH);
    launcher_close(&f);
}

/* Where there are more lines than rows, the newest run comes with those that follow it. */
static void test_many_lessons(void **state) {
    static struct launch_entry many[40 + RUNS];
    struct launcher_fixture f;
    struct err err = {0};
    (void)state;
    begin(&f, RUNS, 80, 24);
    for (int i = 0; i < 40; i++) {
        put_lesson(0, LAUNCH_MECHANISM, "one", 2, "of many");
        many[i] = entries[0];
        snprintf(many[i].info.path, sizeof many[i].info.path, "lesson-%d", i);
    }
    memcpy(many + 40, f.entries + FIXTURE_CONFIGS, RUNS * sizeof *many);
    launcher_deinit(&f.launcher);
    assert_true(launcher_set(&f.launcher, many, 40 + RUNS, &err));
    assert_true(launcher_on(&f, "live"));
    assert_true(launcher_has(&f, "paper") && launcher_has(&f, "12000"));
    launcher_close(&f);
}

static void test_filter(void **state) {
    struct launcher_fixture f;
    (void)state;
    begin(&f, RUNS, 80, 24);
    launcher_type(&f, "/captain");
    assert_true(launcher_has(&f, "10 min  The game"));
    assert_false(launcher_has(&f, "three minutes"));
    assert_true(launcher_has(&f, "nothing has \"captain\" in it"));
    launcher_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_enter_starts),
        cmocka_unit_test(test_many_lessons), cmocka_unit_test(test_filter)};
    return cmocka_run_group_tests_name("launcher_lessons", tests, NULL, NULL);
}
