/* test_app_messages.c - the rows at the bottom: what is said, for how long, over how many rows.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

enum { ALL = 1 << 30 };

/* A recorded run on a screen. */
static void open_at(struct app_fixture *f, enum app_mode mode, int w, int h) {
    fixture_open(f, mode, w, h, GLYPHS_ASCII);
    fixture_recorded(f, ALL);
}

static void check_row(struct app_fixture *f, int row, const char *expected) {
    assert_string_equal(fixture_row(f, row), expected);
}

static void warn(struct app_fixture *f, const char *text) {
    fixture_event(
        f, "\"step\":372,\"type\":\"problem\",\"severity\":\"warning\",\"text\":\"%s\"", text);
}

static const char long_warning[] =
    "checkpoint skipped: /var/lib/thaw/runs/medical is full, 40 MiB are wanted and 12 MiB are "
    "left; make room, then thaw send medical checkpoint";

static const char three_rows[] = "this one is about as long as a sentence of the engine may "
                                 "become, so it covers what stands in the row above the "
                                 "message, for as long as it is shown, and no part of the "
                                 "window, whose rows the layout gives";

/* What is too long for one row takes the keys' row, then the one above; nothing else moves. */
static void test_long(void **state) {
    struct app_fixture f;
    char above[128];
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    snprintf(above, sizeof above, "%s", fixture_row(&f, 20));
    warn(&f, "two rows are what these words that go on for so long will need: way out is said");
    check_row(&f, 21,
              "forgetting: general 14.2 -> 19.7 ppl +39%   learned: medical 84.1 ->  6.6 "
              "-92%");
    check_row(
        &f, 22,
        "warning: two rows are what these words that go on for so long will need: way out");
    check_row(&f, 23, "is said");
    warn(&f, three_rows);
    check_row(&f, 20, above);
    check_row(
        &f, 21,
        "warning: this one is about as long as a sentence of the engine may become, so it");
    check_row(
        &f, 22,
        "covers what stands in the row above the message, for as long as it is shown, and");
    check_row(&f, 23, "no part of the window, whose rows the layout gives");
    f.now += 31;
    check_row(&f, 22, "");
    assert_true(fixture_shows(&f, "q detach"));
    fixture_close(&f);
}

/* The log has all of it, whatever the size. */
static void test_log_has_it(void **state) {
    static const struct { int w, h; } sizes[] = {{80, 24}, {60, 16}, {50, 46}};
    static const char *const words[] = {
        "warning:", "/var/lib/thaw/runs/medical", "wanted", "left;", "room,", "send"};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct app_fixture f;
        open_at(&f, APP_DRIVE, sizes[i].w, sizes[i].h);
        warn(&f, long_warning);
        fixture_type(&f, "4\r");
        f.now += 31; /* the message row has nothing any more */
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
            if (!fixture_shows(&f, words[k])) fail_msg("%s: %s", words[k], fixture_text(&f));
        assert_false(fixture_shows(&f, "..|"));
        fixture_close(&f);
    }
}

/* A refused line: why, in full; it can be mended, and `:` begins a new one. */
static void test_refused_line(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    fixture_type(&f, ":lr x\r");
    check_row(&f, 22, ":lr x");
    check_row(&f, 23, "lr must be a number, not \"x\"");
    fixture_type(&f, ":ev");
    check_row(&f, 22, ":ev");
    fixture_key(&f, KEYS_ESCAPE);
    fixture_type(&f, ":frieze\r"); /* names all there are: more than a row */
    check_row(&f, 21, ":frieze");
    assert_true(fixture_shows(&f, "eval, stop"));
    fixture_type(&f, "\b\b\b\b\b\beval\r");
    assert_int_equal(f.n_sent, 1);
    assert_int_equal(f.sent[0].kind, COMMAND_EVAL);
    fixture_close(&f);
}

static void test_watcher(void **state) {
    struct app_options o = {.mode = APP_WATCH, .name = "s2", .drive_command = "thaw attach s2"};
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    app_destroy(f.app);
    f.app = app_create(&o, NULL);
    assert_non_null(f.app);
    for (const char *key = " pN"; *key; key++) {
        fixture_key(&f, *key);
        check_row(&f, 22, "watching only: thaw attach s2 drives it");
        fixture_key(&f, KEYS_ESCAPE);
    }
    fixture_type(&f, ":pause\r"); /* the line is there, for what is the screen's own */
    check_row(&f, 22, "watching only: thaw attach s2 drives it");
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

static void freeze(struct app_fixture *f, const char *group, const char *to) {
    fixture_event(f,
                  "\"step\":373,\"type\":\"freeze\",\"group\":\"%s\",\"state\":\"%s\","
                  "\"by\":\"screen\"",
                  group, to);
}

static void test_grammar(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    freeze(&f, "embed", "learn");
    check_row(&f, 22, "embed learns from step 373");
    freeze(&f, "block.0", "learn");
    check_row(&f, 22, "2 groups learn from step 373");
    freeze(&f, "block.2", "frozen");
    freeze(&f, "block.3", "frozen");
    check_row(&f, 22, "2 groups frozen from step 373");
    fixture_close(&f);
}

/* No engine holds the lock: one word for it, no figures of a training that nobody does. */
static void test_dead(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    assert_true(fixture_shows(&f, "tok/s") && fixture_shows(&f, "ETA"));
    app_set_dead(f.app, true);
    check_row(&f, 22, "the engine is dead: thaw run --resume medical goes on");
    assert_true(fixture_shows(&f, " DEAD"));
    assert_false(fixture_shows(&f, "tok/s") || fixture_shows(&f, "ETA"));
    assert_true(fixture_shows(&f, "q leave"));
    assert_false(fixture_shows(&f, "p pause") || fixture_shows(&f, "q detach"));
    fixture_event(&f, "\"step\":373,\"type\":\"step\",\"loss\":1.8,\"tokens\":5000000");
    assert_true(fixture_shows(&f, "LIVE *") && fixture_shows(&f, "ETA")); /* it was resumed */
    fixture_close(&f);
}

/* After the end what was said goes, and the keys are those that still do something. */
static void test_ended(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    fixture_event(&f, "\"step\":420,\"type\":\"end\",\"reason\":\"finished\"");
    check_row(&f, 22, "the run has finished");
    f.now += 11;
    check_row(&f, 22, "");
    check_row(&f, 23,
              "? help  Tab pane  c compare  ] prompt  l log axis  + zoom  : command  q leave");
    fixture_key(&f, 'p');
    assert_true(fixture_shows(&f, "the run has ended"));
    f.now += 11;
    check_row(&f, 22, "");
    fixture_close(&f);
}

/* The texts of an own prompt come into sight, wherever it was asked. */
static void test_prompt_from_log(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    fixture_type(&f, "4esea\r");
    assert_true(fixture_shows(&f, "3 Compare*"));
    fixture_type(&f, "4:sample sea\r");
    assert_true(fixture_shows(&f, "3 Compare*"));
    fixture_type(&f, "1esea\r"); /* it is in sight: the focus stays */
    assert_true(fixture_shows(&f, "1 Loss*"));
    fixture_close(&f);
}

/* A key whose effect nobody would see says so, or brings its pane. */
static void test_out_of_sight(void **state) {
    struct app_fixture f;
    (void)state;
    open_at(&f, APP_DRIVE, 80, 24);
    fixture_type(&f, "2G\r"); /* "norm" has no parts: the full screen */
    fixture_type(&f, "l");
    check_row(&f, 22, "the loss is out of sight: 1 shows it");
    fixture_type(&f, "1");
    assert_true(fixture_shows(&f, "EMA.90 lin"));
    fixture_type(&f, "c");
    assert_true(fixture_shows(&f, "3 Compare*") && fixture_shows(&f, "[text]"));
    fixture_type(&f, "c");
    assert_true(fixture_shows(&f, "[score]"));
    fixture_close(&f);
}

/* y: what the loop has to copy, and what is said once it did or could not. */
static void test_copy(void **state) {
    struct app_fixture f;
    (void)state;
    for (int watch = 0; watch < 2; watch++) {
        open_at(&f, watch ? APP_WATCH : APP_DRIVE, 120, 40);
        fixture_type(&f, "y");
        assert_true(f.app->copies && f.n_sent == 0);
        assert_string_equal(f.app->repeat_command, "thaw run --resume medical");
        app_copied(f.app, true); /* the recorded run had another learning rate by hand */
        assert_true(fixture_shows(&f,
                                  "copied, if this terminal lets programs copy (without what "
                                  "was changed by hand): thaw run --resume medical"));
        assert_false(f.app->copies);
        app_copied(f.app, false);
        assert_true(fixture_shows(&f, "this terminal cannot copy; the command is"));
        fixture_close(&f);
    }
    fixture_open(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    app_copied(f.app, true); /* nothing was changed */
    assert_true(fixture_shows(&f, "lets programs copy: thaw run --resume medical"));
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long),         cmocka_unit_test(test_log_has_it),
        cmocka_unit_test(test_refused_line), cmocka_unit_test(test_watcher),
        cmocka_unit_test(test_grammar),      cmocka_unit_test(test_dead),
        cmocka_unit_test(test_ended),        cmocka_unit_test(test_prompt_from_log),
        cmocka_unit_test(test_out_of_sight), cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests_name("app_messages", tests, NULL, NULL);
}
