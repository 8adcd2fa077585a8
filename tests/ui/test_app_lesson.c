/* test_app_lesson.c - a lesson on the screen: its place at every size, its keys, what it points
 * at, which keys a step leaves out, `:lesson`, and that a screen comes back where its viewer
 * was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"
#include "ui/golden.h"

static const struct lesson lesson = {
    .name = "sample",
    .title = "A sample lesson",
    .minutes = 5,
    .n_steps = 4,
    .steps = {
        {.title = "The loss falls",
         .point = PANE_LOSS,
         .text = "The loss says how badly the model foretells the next token. Lower is better, "
                 "and the first steps do most of it.\n"
                 "The round marks are tried on text that the model never learns from.",
         .attempt = "Left and Right, then 0",
         .wait = {.kind = LESSON_WAIT_STEP, .stage = "finetune", .step = 50},
         .ask = "Why does it fall fast at first?",
         .answer = "Which tokens are frequent at all is quickly learned."},
        {.title = "Freeze a block",
         .point = PANE_LAYERS,
         .text = "Space freezes the selected part from the next step on.",
         .wait = {.kind = LESSON_WAIT_EVENT, .event = LESSON_FACT_FREEZE},
         .off = {[ACTION_PAUSE] = true, [ACTION_FREEZE_ALL] = true}},
        {.title = "What was learned",
         .point = LESSON_POINT_LEARNED,
         .text = "Perplexities of both held-out sets, of the base and of the tuned model.",
         .wait = {.kind = LESSON_WAIT_KEY, .key = ACTION_COMPARE_VIEW}},
        {.title = "The end", .point = LESSON_POINT_NONE, .text = "That was all."}}};

static const struct lesson_state start = {
    .name = "sample", .n_sets = 1, .sets = {"stages.1.steps=120"}};

static void begin(struct app_fixture *f, enum app_mode mode, int w, int h, enum glyphs glyphs) {
    fixture_open(f, mode, w, h, glyphs);
    app_lesson_begin(f->app, &(struct app_options){.lesson = &lesson, .lesson_state = &start});
    fixture_recorded(f, 1000);
    fixture_draw(f);
}

static void test_golden(void **state) {
    static const struct {
        const char *name;
        int w, h;
        enum glyphs glyphs;
        const char *keys;
    } cases[] = {{"lesson-40x8", 40, 8, GLYPHS_ASCII, ""},
                 {"lesson-40x8-whole", 40, 8, GLYPHS_ASCII, "a"},
                 {"lesson-60x16", 60, 16, GLYPHS_BRAILLE, ""},
                 {"lesson-80x24", 80, 24, GLYPHS_BRAILLE, ""},
                 {"lesson-80x24-ascii", 80, 24, GLYPHS_ASCII, "n"},
                 {"lesson-answer", 80, 24, GLYPHS_BRAILLE, "a"},
                 {"lesson-whole", 80, 24, GLYPHS_BRAILLE, "aL"},
                 {"lesson-50x46", 50, 46, GLYPHS_BRAILLE, "nn"},
                 {"lesson-120x40", 120, 40, GLYPHS_BRAILLE, "a"},
                 {"lesson-180x50", 180, 50, GLYPHS_BRAILLE, "nn"},
                 {"lesson-180x50-ascii", 180, 50, GLYPHS_ASCII, "nnn"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture f;
        begin(&f, APP_DRIVE, cases[i].w, cases[i].h, cases[i].glyphs);
        fixture_type(&f, cases[i].keys);
        check_golden(cases[i].name, fixture_text(&f));
        fixture_close(&f);
    }
}

/* Wherever it stands, it covers no pane, and what it is about is in sight. */
static void test_every_size(void **state) {
    (void)state;
    for (int w = 40; w <= 260; w += 7)
        for (int h = 8; h <= 70; h += 3)
            for (int whole = 0; whole < 2; whole++) {
                enum layout_lesson shown = whole ? LAYOUT_LESSON_WHOLE : LAYOUT_LESSON;
                struct layout l = layout_make_lesson(w, h, -1, PANE_LOSS, shown);
                struct rect r = l.lesson;
                assert_true(r.w > 0 && r.h > 0 && r.x + r.w <= w && r.y + r.h <= l.message.y);
                if (!whole && l.kind != LAYOUT_STATUS) assert_true(layout_shows(&l, PANE_LOSS));
                for (int i = 0; i < PANE_COUNT; i++) {
                    struct rect p = l.panes[i];
                    bool apart = p.w == 0 || p.x + p.w <= r.x || r.x + r.w <= p.x ||
                                 p.y + p.h <= r.y || r.y + r.h <= p.y;
                    if (!apart) fail_msg("%dx%d: the lesson lies over pane %d", w, h, i + 1);
                    if (p.w > 0 && (p.h < 4 || p.w < 20))
                        fail_msg("%dx%d: pane %d has %dx%d", w, h, i + 1, p.w, p.h);
                }
            }
}

static void test_keys(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    assert_int_equal(f.app->focus, PANE_LOSS);
    assert_true(fixture_shows(&f, "1 Loss <- lesson*"));
    assert_true(fixture_shows(&f, "[x] FINE-TUNE, step 50 is done"));
    assert_false(fixture_shows(&f, "Answer:"));
    fixture_type(&f, "a");
    assert_true(fixture_shows(&f, "Answer: Which tokens"));
    fixture_type(&f, "an");
    assert_true(fixture_shows(&f, "2/4: Freeze a block"));
    assert_int_equal(f.app->focus, PANE_LAYERS);
    fixture_type(&f, "a");
    assert_true(fixture_shows(&f, "this step asks nothing"));
    fixture_type(&f, "NN");
    assert_true(fixture_shows(&f, "this is where the lesson begins"));
    fixture_type(&f, "nnnn");
    assert_true(fixture_shows(&f, "4/4: The end"));
    assert_true(fixture_shows(&f, "this is the lesson's end"));
    assert_int_equal(f.n_sent, 0); /* n and N were the lesson's */
    fixture_close(&f);
}

/* Longer than its place: n turns its pages first, N turns back. */
static void test_pages(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_DRIVE, 60, 16, GLYPHS_ASCII);
    int presses = 0;
    while (f.app->lesson_at.step == 0 && presses++ < 20) {
        bool more = fixture_shows(&f, "n more");
        fixture_type(&f, "n");
        assert_int_equal(f.app->lesson_at.step, !more);
    }
    assert_true(presses > 1 && presses < 5);
    fixture_type(&f, "N");
    assert_int_equal(f.app->lesson_at.step, 0);
    fixture_close(&f);
}

static void test_waits(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_type(&f, "n");
    assert_true(fixture_shows(&f, "[ ] wait until something is"));
    fixture_event(&f, "\"step\":373,\"type\":\"freeze\",\"group\":\"block.2\",\"state\":"
                      "\"frozen\",\"by\":\"screen\"");
    assert_true(fixture_shows(&f, "[x] something is frozen by hand"));
    fixture_type(&f, "n");
    assert_true(fixture_shows(&f, "[ ] wait until you press c"));
    fixture_type(&f, "c");
    assert_true(fixture_shows(&f, "[x] you press c"));
    fixture_close(&f);
}

/* Keys that a step leaves out say so; while the lesson is hidden all keys are the run's. */
static void test_keys_left_out(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_type(&f, "np");
    assert_int_equal(f.n_sent, 0);
    assert_true(fixture_shows(&f, "this step of the lesson leaves that key out"));
    fixture_type(&f, "jjj ");
    assert_int_equal(f.n_sent, 1);
    fixture_type(&f, "L");
    assert_false(fixture_shows(&f, "Freeze a block"));
    assert_false(fixture_shows(&f, "<- lesson"));
    fixture_type(&f, "p");
    assert_int_equal(f.n_sent, 2);
    fixture_type(&f, "n");
    assert_int_equal(f.n_sent, 3);
    assert_int_equal(f.sent[2].kind, COMMAND_SINGLE_STEP);
    fixture_type(&f, "L");
    assert_true(fixture_shows(&f, "2/4: Freeze a block"));
    fixture_close(&f);
}

static void test_larger_and_hidden(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_type(&f, "L");
    assert_int_equal(f.app->lesson_shown, LAYOUT_LESSON_WHOLE);
    assert_false(fixture_shows(&f, "1 Loss <-"));
    fixture_key(&f, KEYS_ESCAPE);
    assert_int_equal(f.app->lesson_shown, LAYOUT_LESSON);
    fixture_type(&f, "LL");
    assert_int_equal(f.app->lesson_shown, LAYOUT_NO_LESSON);
    fixture_type(&f, ":lesson 3\r");
    assert_int_equal(f.app->lesson_shown, LAYOUT_LESSON);
    assert_int_equal(f.app->lesson_at.step, 2);
    fixture_close(&f);
}

static void test_watchers(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_WATCH, 80, 24, GLYPHS_ASCII);
    fixture_type(&f, ":lesson 3\r");
    fixture_type(&f, "N");
    assert_int_equal(f.app->lesson_at.step, 1); /* each at their own place */
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

static void test_command(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_type(&f, "n:lesson state\r");
    assert_true(fixture_shows(&f, "thaw lesson sample:2:seed"));
    assert_true(fixture_shows(&f, ":stages.1.steps=120"));
    fixture_type(&f, ":lesson 9\r");
    assert_true(fixture_shows(&f, ":lesson 1 to :lesson 4 go to a step"));
    fixture_close(&f);
    fixture_open(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_type(&f, "L");
    assert_true(fixture_shows(&f, "no lesson stands beside this run"));
    fixture_type(&f, ":lesson state\r");
    assert_true(fixture_shows(&f, "no lesson stands beside this run"));
    fixture_close(&f);
}

/* The viewer's step is kept beside the settings, and another run's is another one. */
static void test_comes_back(void **state) {
    char dir[] = "/tmp/thaw-app-lesson-XXXXXX", settings[64], run[64], other[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(settings, sizeof settings, "%s/settings.json", dir);
    snprintf(run, sizeof run, "%s/run", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    assert_int_equal(mkdir(run, 0700) | mkdir(other, 0700), 0);
    for (int i = 0; i < 3; i++) {
        struct app_fixture f;
        struct prefs p;
        prefs_init(&p);
        const struct app_options o = {.prefs = &p,
                                      .prefs_path = settings,
                                      .lesson = &lesson,
                                      .lesson_state = &start,
                                      .run_dir = i == 2 ? other : run};
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
        app_prefs_begin(f.app, &o);
        app_lesson_begin(f.app, &o);
        fixture_draw(&f);
        assert_int_equal(f.app->lesson_at.step, i == 1 ? 2 : 0);
        app_tour_welcome(f.app); /* one guide is enough */
        assert_int_equal(f.app->tour, 0);
        fixture_type(&f, ":lesson 3\r");
        app_prefs_keep(f.app);
        fixture_close(&f);
    }
    assert_true(files_remove_tree(dir, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                       cmocka_unit_test(test_every_size),
                                       cmocka_unit_test(test_keys),
                                       cmocka_unit_test(test_pages),
                                       cmocka_unit_test(test_waits),
                                       cmocka_unit_test(test_keys_left_out),
                                       cmocka_unit_test(test_larger_and_hidden),
                                       cmocka_unit_test(test_watchers),
                                       cmocka_unit_test(test_command),
                                       cmocka_unit_test(test_comes_back)};
    return cmocka_run_group_tests_name("app_lesson", tests, NULL, NULL);
}
