/* test_app_prefs.c - settings on a screen: they begin as given, change by key and by `:set`,
 * and are kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"
#include "ui/golden.h"

static char dir[] = "/tmp/thaw-app-prefs-XXXXXX", path[128];

static int setup(void **state) {
    (void)state;
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/thaw/settings.json", dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    return files_remove_tree(dir, NULL) ? 0 : -1;
}

static void begin(struct app_fixture *f, struct app_options o) {
    fixture_open(f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    app_prefs_begin(f->app, &o);
    fixture_recorded(f, 1000);
}

static const char *kept(void) {
    static char out[512];
    struct buf text = {0};
    out[0] = '\0';
    if (files_read(path, sizeof out - 1, &text, NULL))
        snprintf(out, sizeof out, "%s", buf_text(&text));
    buf_deinit(&text);
    return out;
}

static void test_begins_as_given(void **state) {
    struct app_fixture f;
    struct prefs p;
    (void)state;
    prefs_init(&p);
    assert_true(prefs_set(&p, PREF_SMOOTHING, "raw", NULL));
    assert_true(prefs_set(&p, PREF_LOG_Y, "on", NULL));
    assert_true(prefs_set(&p, PREF_X_UNIT, "tokens", NULL));
    assert_true(prefs_set(&p, PREF_COMPARE, "score", NULL));
    begin(&f, (struct app_options){.prefs = &p, .prefs_path = path});
    assert_true(fixture_shows(&f, "nats/token raw log"));
    assert_true(fixture_shows(&f, "text [score] top-k"));
    app_prefs_keep(f.app);
    assert_string_equal(kept(), ""); /* nothing has changed */
    fixture_close(&f);
}

static void test_keys_are_kept(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, (struct app_options){.prefs_path = path});
    fixture_type(&f, "sxc");
    app_prefs_keep(f.app);
    assert_string_equal(kept(), "{\n  \"smoothing\": \"0.99\",\n  \"x-unit\": \"tokens\",\n"
                                "  \"compare\": \"score\"\n}\n");
    fixture_type(&f, "l");
    app_prefs_keep(f.app);
    assert_non_null(strstr(kept(), "\"log-y\": \"on\""));
    fixture_close(&f);
}

static const struct set_case {
    const char *typed, *says;
    enum pref which;
    const char *word; /* of that setting afterwards */
} set_cases[] = {
    {":set smoothing 0.5\r", "smoothing is 0.5 now", PREF_SMOOTHING, "0.5"},
    {":set compare top-k\r", "compare is top-k now", PREF_COMPARE, "top-k"},
    {":set x-unit seconds\r", "x-unit is seconds now", PREF_X_UNIT, "seconds"},
    {":theme light\r", "theme is light now", PREF_THEME, "light"},
    {":theme\r", "theme is auto, of auto dark light mono", PREF_THEME, "auto"},
    {":set\r", "set KEY VALUE, where KEY is one of theme glyphs mouse", PREF_THEME, "auto"},
    {":set mouse\r", "mouse is on, of off on: clicks and the wheel", PREF_MOUSE, "on"},
    {":set nonsense on\r", "there is no setting \"nonsense\"; :set lists them", PREF_MOUSE,
     "on"},
    {":set mouse maybe\r", "mouse is one of off, on, not \"maybe\"", PREF_MOUSE, "on"},
};

static void test_set(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof set_cases / sizeof set_cases[0]; i++) {
        const struct set_case *k = &set_cases[i];
        struct app_fixture f;
        begin(&f, (struct app_options){.prefs_path = path});
        fixture_type(&f, k->typed);
        if (!fixture_shows(&f, k->says)) fail_msg("%s", fixture_text(&f));
        app_prefs_keep(f.app); /* the pane has it as well, or it would be taken back */
        assert_string_equal(prefs_word(&f.app->prefs, k->which), k->word);
        assert_int_equal(f.n_sent, 0);
        fixture_close(&f);
    }
}

/* Nowhere to keep them: said with the answer, and all else works. */
static void test_not_kept(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, (struct app_options){.prefs_path = ""});
    fixture_type(&f, ":set log-y on\r");
    assert_true(fixture_shows(&f, "log-y is on now, on this screen only"));
    app_prefs_keep(f.app);
    assert_true(fixture_shows(&f, "nats/token EMA.90 log"));
    fixture_close(&f);
}

/* A folder that cannot be written: one sentence, in the log, too, and no second try. */
static void test_cannot_write(void **state) {
    struct app_fixture f;
    (void)state;
    snprintf(path, sizeof path, "%s/file/settings.json", dir);
    path[strlen(dir) + 5] = '\0';
    assert_true(files_write(path, "x", 1, NULL));
    path[strlen(dir) + 5] = '/';
    begin(&f, (struct app_options){.prefs_path = path});
    fixture_type(&f, "l");
    app_prefs_keep(f.app);
    assert_true(fixture_shows(&f, "settings are not kept: "));
    fixture_key(&f, KEYS_ESCAPE);
    fixture_type(&f, "s");
    app_prefs_keep(f.app);
    assert_false(fixture_shows(&f, "settings are not kept: "));
    fixture_type(&f, "4\r");
    assert_true(fixture_shows(&f, "Not a directory"));
    fixture_close(&f);
}

/* Why the file is not used: in the message row once, and the newest line of the log. */
static void test_bad_file(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, (struct app_options){.prefs_bad = "settings.json: line 1: it is torn"});
    assert_true(fixture_shows(&f, "settings.json: line 1: it is torn"));
    fixture_key(&f, KEYS_ESCAPE);
    assert_false(fixture_shows(&f, "it is torn"));
    fixture_type(&f, "4");
    assert_true(fixture_shows(&f, "settings.json: line 1: it is torn"));
    fixture_close(&f);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_begins_as_given), TEST(test_keys_are_kept), TEST(test_set),
        TEST(test_not_kept),        TEST(test_cannot_write),  TEST(test_bad_file),
    };
    return cmocka_run_group_tests_name("app_prefs", tests, NULL, NULL);
}
