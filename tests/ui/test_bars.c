/* test_bars.c - the rows above and below the panes: whose losses they tell, what they keep when
 * there is little room, which keys they name. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"

enum { ALL = 1 << 30, STATUS = 1, LEARNED = 21 };

static void eval(struct app_fixture *f, double general, double medical) {
    fixture_event(f,
                  "\"step\":372,\"type\":\"eval\",\"sets\":{"
                  "\"general\":{\"tuned\":{\"loss\":%g},\"base\":{\"loss\":2.655}},"
                  "\"medical\":{\"tuned\":{\"loss\":%g},\"base\":{\"loss\":4.432}}}",
                  general, medical);
}

/* "val" and "base" are of one set, named, that the losses do not choose. */
static void test_main_set(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, 220);
    assert_non_null(strstr(fixture_row(&f, STATUS), "val general 3.146"));
    fixture_recorded(&f, ALL);
    assert_non_null(strstr(fixture_row(&f, STATUS), "val medical 1.892  base 4.432"));
    eval(&f, 1.5, 4.5); /* the other set gains most */
    assert_non_null(strstr(fixture_row(&f, STATUS), "val medical 4.500  base 4.432"));
    assert_true(canvas_resize(&f.canvas, 60, 24, NULL)); /* the base before the name */
    assert_non_null(strstr(fixture_row(&f, STATUS), "val 4.500  base 4.432"));
    fixture_close(&f);
}

/* Perplexities of any size: the row stands still, and every percentage is there. */
static void test_learned_width(void **state) {
    static const double falls[] = {-4, -1.2, -0.01, 0, 0.3, 2.31, 2.5, 4.6, 7, 9, 12};
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    for (size_t i = 0; i < sizeof falls / sizeof falls[0]; i++) {
        eval(&f, 2.656 + (falls[i] > 0 ? falls[i] : 0.001), 4.4 + falls[i] * 0.1 - 1.3);
        const char *row = fixture_row(&f, LEARNED), *learned = strstr(row, "learned: ");
        assert_non_null(learned);
        assert_int_equal(learned - row, 44);
        const char *change = strstr(learned, "-");
        assert_non_null(strchr(change + 2, '-')); /* "->", then the percentage */
        assert_int_equal(row[strlen(row) - 1], '%');
    }
    fixture_close(&f);
}

/* What a set that asks has answered right, in the row and in the log; in a narrow row it gives
 * way. */
static void test_right(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_event(
        &f, "\"step\":372,\"type\":\"eval\",\"sets\":{\"medical\":{\"tuned\":{\"loss\":1.5,"
            "\"accuracy\":0.957},\"base\":{\"loss\":4.432}}}");
    assert_true(canvas_resize(&f.canvas, 120, 24, NULL));
    assert_non_null(
        strstr(fixture_row(&f, LEARNED), "learned: medical 84.1 ->  4.5 ppl (96% right)"));
    fixture_key(&f, '4');
    assert_true(fixture_shows(&f, "medical 1.500 nats, 96% right (base 4.432)"));
    fixture_close(&f);
}

static void test_threads(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    for (int threads = 1; threads < 3; threads++) {
        fixture_event(&f,
                      "\"step\":0,\"type\":\"run\",\"name\":\"x\",\"threads\":%d,"
                      "\"groups\":[{\"name\":\"embed\"}]",
                      threads);
        const char *words = threads == 1 ? "memory  1 thread" : "memory  2 threads";
        const char *at = strstr(fixture_row(&f, STATUS), words);
        assert_true(at && strlen(at) == strlen(words));
        fixture_key(&f, '4');
        assert_true(fixture_shows(&f, threads == 1 ? "1 thread, seed" : "2 threads, seed"));
    }
    fixture_close(&f);
}

static bool shows(struct app_fixture *f, const char *words) {
    return strstr(fixture_row(f, STATUS), words) != NULL;
}

static void progress(struct app_fixture *f, int step, double done, double total) {
    fixture_event(f,
                  "\"step\":%d,\"type\":\"progress\",\"what\":\"evaluating x\","
                  "\"done\":%g,\"total\":%g",
                  step, done, total);
}

/* What takes its time is told until something else happens, between two steps where the speed
 * stands else. */
static void test_progress(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    progress(&f, 0, 0, 0);
    assert_true(shows(&f, "evaluating x") && !shows(&f, "%"));
    fixture_event(&f, "\"step\":0,\"type\":\"run\",\"name\":\"x\","
                      "\"groups\":[{\"name\":\"embed\"}]");
    assert_true(shows(&f, "first step") && !shows(&f, "evaluating"));
    progress(&f, 0, 3, 4);
    assert_true(shows(&f, "evaluating x ") && !shows(&f, "first step"));
    fixture_recorded(&f, 220);
    assert_true(shows(&f, "tok/s  ETA") && !shows(&f, "evaluating"));
    progress(&f, 220, 1, 8);
    assert_true(shows(&f, "evaluating x 12%  ETA") && !shows(&f, "tok/s"));
    progress(&f, 220, 9, 8);
    assert_true(shows(&f, "evaluating x 100%  ETA"));
    progress(&f, 220, 0, 0);
    assert_true(shows(&f, "evaluating x  ETA"));
    fixture_event(&f, "\"step\":220,\"type\":\"checkpoint\",\"path\":\"x\"");
    assert_true(shows(&f, "tok/s  ETA") && !shows(&f, "evaluating"));
    fixture_close(&f);
}

/* Keys, and the hint line after them. */
static const struct hint_case {
    const char *name;
    int w, h;
    int keys[4];
    bool watch;
    const char *hints;
} hint_cases[] = {
    {"at 80 columns",
     80,
     24,
     {0},
     false,
     "? help  Tab pane  Space freeze  p pause  c compare  + zoom  : command  q detach"},
    {"the curve's keys while it has the focus",
     80,
     24,
     {'1'},
     false,
     "? help  Tab pane  Space freeze  p pause  l log axis  + zoom  : command  q detach"},
    {"with room",
     120,
     40,
     {0},
     false,
     "? help  Tab pane  Space freeze  p pause  c compare  ] prompt  l log axis  + zoom  : "
     "command  q detach"},
    {"l is no axis in Compare",
     120,
     40,
     {'3'},
     false,
     "? help  Tab pane  Space freeze  p pause  c compare  ] prompt  + zoom  : command  q "
     "detach"},
    {"no axis, no prompt in sight",
     120,
     40,
     {'4', '\r'},
     false,
     "? help  Tab pane  Space freeze  p pause  c compare  : command  q detach"},
    {"a watcher's",
     80,
     24,
     {0},
     true,
     "? help  Tab pane  Space freeze  p pause  c compare  + zoom  : command  q detach"},
    {"at 40 columns", 40, 8, {0}, false, "? help  Tab pane  Space freeze  q detach"},
};

static void test_hints(void **state) {
    const struct hint_case *k = *state;
    struct app_fixture f;
    fixture_open(&f, k->watch ? APP_WATCH : APP_DRIVE, k->w, k->h, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    for (int i = 0; i < 4 && k->keys[i]; i++) fixture_key(&f, k->keys[i]);
    assert_string_equal(fixture_row(&f, k->h - 1), k->hints);
    fixture_close(&f);
}

int main(void) {
    enum { CASES = sizeof hint_cases / sizeof hint_cases[0] };
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_main_set), cmocka_unit_test(test_learned_width),
        cmocka_unit_test(test_right), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_progress)};
    struct CMUnitTest tests[CASES + sizeof others / sizeof others[0]];
    for (size_t i = 0; i < CASES; i++)
        tests[i] = (struct CMUnitTest){.name = hint_cases[i].name,
                                       .test_func = test_hints,
                                       .initial_state = (void *)(uintptr_t)&hint_cases[i]};
    memcpy(tests + CASES, others, sizeof others);
    return cmocka_run_group_tests_name("bars", tests, NULL, NULL);
}
