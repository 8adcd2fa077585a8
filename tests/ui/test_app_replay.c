/* test_app_replay.c - the replay on the screen: its keys, what it shows, the way back to a run
 * that trains meanwhile, and every pane at every place of the log. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"
#include "ui/golden.h"

enum { ALL = 1 << 30, LAST_STEP = 372 };

/* The recorded run's replay, read ahead, paused where all about `step` has been told. */
static void open_at(struct app_fixture *f, int w, int h, int64_t step) {
    fixture_open(f, APP_REPLAY, w, h, GLYPHS_ASCII);
    assert_true(app_replay_at(f->app, step, NULL));
}

static struct replay_state state_of(const struct app_fixture *f) {
    struct replay_state s;
    replay_state(f->app->replay, &s);
    return s;
}

/* As the loop does, until `now`. */
static void play(struct app_fixture *f, double now) {
    bool more;
    do app_replay_play(f->app, now, &more);
    while (more);
}

static void test_frames(void **state) {
    static const struct {
        const char *name;
        int w, h;
        int64_t step;
        bool play;
    } frames[] = {{"replay", 80, 24, 290, false},
                  {"replay-playing", 80, 24, 350, true},
                  {"replay-end", 80, 24, -1, false},
                  {"replay-40x8", 40, 8, 290, false},
                  {"replay-120x40", 120, 40, 340, false}};
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct app_fixture f;
        open_at(&f, frames[i].w, frames[i].h, frames[i].step);
        if (frames[i].play) fixture_type(&f, "p..");
        check_golden(frames[i].name, fixture_text(&f));
        fixture_close(&f);
    }
}

/* From the first event on, at the run's pace; the end is not the end of the screen. */
static void test_plays(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_REPLAY, 80, 24, GLYPHS_ASCII);
    assert_true(fixture_shows(&f, "REPLAY 1x"));
    play(&f, 10);
    fixture_type(&f, ",");
    assert_true(fixture_shows(&f, "REPLAY 0.5x"));
    fixture_type(&f, "........");
    assert_true(fixture_shows(&f, "REPLAY max"));
    play(&f, 11);
    assert_int_equal(f.app->history.step, LAST_STEP);
    assert_true(fixture_shows(&f, "REPLAY end"));
    assert_int_equal(app_ended(f.app), APP_GOES_ON);
    fixture_type(&f, "p"); /* once more */
    assert_int_equal(f.app->history.train.n, 0);
    assert_false(state_of(&f).paused);
    play(&f, 12);
    assert_true(state_of(&f).at_end);
    fixture_type(&f, "r");
    assert_int_equal(f.app->history.train.n, 0);
    fixture_close(&f);
}

static void test_pause_and_steps(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, 80, 24, 300);
    assert_true(fixture_shows(&f, "REPLAY paused"));
    assert_true(fixture_shows(&f, "step 300/372"));
    assert_true(fixture_shows(&f, "p play"));
    fixture_type(&f, ".");
    assert_true(fixture_shows(&f, "it will play at 2x"));
    fixture_type(&f, "))");
    assert_int_equal(f.app->history.step, 302);
    fixture_type(&f, "n(");
    assert_int_equal(f.app->history.step, 302);
    fixture_type(&f, "p");
    assert_false(state_of(&f).paused);
    assert_true(fixture_shows(&f, "p pause"));
    fixture_type(&f, "(");
    assert_true(state_of(&f).paused);
    assert_int_equal(f.app->history.step, 301);
    fixture_type(&f, "{");
    assert_int_equal(f.app->history.step, 301 - 19);
    fixture_type(&f, "}}}}}}}}}}");
    assert_true(state_of(&f).at_end);
    fixture_type(&f, "(");
    assert_int_equal(f.app->history.step, LAST_STEP - 1);
    fixture_close(&f);
}

static void test_marks(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, 80, 24, 345);
    fixture_type(&f, "m");
    fixture_type(&f, "\"");
    assert_true(f.app->history.step < 345);
    assert_true(f.app->message[0] != '\0');
    fixture_type(&f, "'");
    assert_true(fixture_shows(&f, "own mark"));
    assert_int_equal(f.app->history.step, 345);
    for (int i = 0; i < 50; i++) fixture_type(&f, "'");
    assert_true(fixture_shows(&f, "there is no mark further on"));
    for (int i = 0; i < 50; i++) fixture_type(&f, "\"");
    assert_true(fixture_shows(&f, "there is no mark before this"));
    assert_int_equal(f.app->history.step, 0);
    fixture_close(&f);
}

/* Nothing is asked of a run that is long over; the screen's own commands work. */
static void test_asks_nothing(void **state) {
    static const char *const keys[] = {" ", "F", "T",        "B",      "N",
                                       "Q", "e", ":pause\r", ":lr 1\r"};
    struct app_fixture f;
    (void)state;
    open_at(&f, 80, 24, 300);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        fixture_type(&f, keys[i]);
        if (!fixture_shows(&f, "a replay changes nothing: thaw attach medical drives the run"))
            fail_msg("%s: %s", keys[i], fixture_text(&f));
        fixture_key(&f, KEYS_ESCAPE);
    }
    fixture_type(&f, ":overlay other\r");
    assert_int_equal(f.app->overlays.n, 1);
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

/* A run that trains: its replay takes the screen, and gives it back with what came meanwhile.
 */
static void test_there_and_back(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "p"); /* asked, and not yet answered */
    fixture_type(&f, ".");
    assert_true(fixture_shows(&f, "this is the run itself: r replays it"));
    fixture_type(&f, "r");
    assert_true(fixture_shows(&f, "REPLAY 1x"));
    assert_true(fixture_shows(&f, "waiting for the engine"));
    fixture_type(&f, "........");
    play(&f, 10);
    assert_int_equal(f.app->history.step, LAST_STEP);
    fixture_type(&f, " ");
    assert_true(fixture_shows(&f, "a replay changes nothing: r goes back to the run"));
    fixture_type(&f, "r");
    assert_true(fixture_shows(&f, "back to the run itself"));
    assert_true(fixture_shows(&f, "LIVE"));
    assert_int_equal(f.n_sent, 1);
    assert_int_equal(f.app->wishes.n_pending, 1);
    fixture_event(&f, "\"step\":373,\"type\":\"step\",\"loss\":1.7,\"tokens\":1");
    assert_int_equal(f.app->history.step, 373);
    fixture_type(&f, " ");
    assert_int_equal(f.n_sent, 2);
    fixture_close(&f);
}

/* A log that cannot be had is said; the screen stays as it is. */
static void test_no_log(void **state) {
    struct app_options o = {.mode = APP_REPLAY, .name = "x"};
    struct app_fixture f;
    struct err err = {0};
    (void)state;
    assert_null(app_create(&o, &err));
    assert_non_null(strstr(err.msg, "no log"));
    fixture_open(&f, APP_WATCH, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, 50);
    f.app->log[0] = '\0';
    fixture_type(&f, "r");
    assert_true(fixture_shows(&f, "this run has no log"));
    strcpy(f.app->log, "/tmp");
    fixture_type(&f, "r");
    play(&f, 1);
    assert_true(fixture_shows(&f, "not a regular file"));
    fixture_type(&f, "r");
    assert_true(f.app->history.step > 0);
    fixture_close(&f);
}

/* Everything that can be selected, scrolled, opened, zoomed and marked, and then jumps to
 * places where it is not there yet. */
static void test_any_keys(void **state) {
    static const int keys[] = {
        '1',          '2', '3',  '4',  'j',      'k', 'h',         KEYS_RIGHT, KEYS_PAGE_DOWN,
        KEYS_PAGE_UP, 'g', 'G',  '\r', ' ',      'V', 'c',         '[',        ']',
        'b',          'l', 's',  'x',  'f',      '+', '-',         '0',        '<',
        '>',          'm', '\'', '"',  '(',      ')', '{',         '}',        '{',
        '}',          'p', 'n',  'r',  '.',      ',', KEYS_ESCAPE, '?',        KEYS_ESCAPE,
        KEYS_TAB,     '/', 'e',  '\r', KEYS_DOWN};
    enum { ROUNDS = 6000 };
    static const int sizes[][2] = {{80, 24}, {120, 40}, {40, 8}, {60, 16}, {200, 60}};
    struct rng rng = rng_make(11, 0, 0);
    struct app_fixture f;
    (void)state;
    open_at(&f, 80, 24, -1);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 200 == 0) {
            const int *size = sizes[rng_below(&rng, 5)];
            assert_true(canvas_resize(&f.canvas, size[0], size[1], NULL));
        }
        fixture_key(&f, keys[rng_below(&rng, sizeof keys / sizeof keys[0])]);
        play(&f, 10 + i * 0.05);
    }
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),          cmocka_unit_test(test_plays),
        cmocka_unit_test(test_pause_and_steps), cmocka_unit_test(test_marks),
        cmocka_unit_test(test_asks_nothing),    cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_no_log),          cmocka_unit_test(test_any_keys),
    };
    return cmocka_run_group_tests_name("app_replay", tests, NULL, NULL);
}
