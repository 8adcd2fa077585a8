/* test_screen_prefs.c - the order of precedence: command line, environment, file, usual. */
#include "src/screen_prefs.h"
#include "tests/run/run_test.h"

static const struct order_case {
    const char *name, *file, *no_color;
    struct screen_options o;
    const char *theme, *glyphs, *mouse;
} cases[] = {
    {"the usual", NULL, NULL, {0}, "auto", "auto", "on"},
    {"the file",
     "{\"theme\": \"light\", \"glyphs\": \"blocks\", \"mouse\": \"off\"}",
     NULL,
     {0},
     "light",
     "blocks",
     "off"},
    {"NO_COLOR above the file", "{\"theme\": \"light\"}", "1", {0}, "mono", "auto", "on"},
    {"NO_COLOR that is empty", "{\"theme\": \"light\"}", "", {0}, "light", "auto", "on"},
    {"--theme above both",
     "{\"theme\": \"light\"}",
     "1",
     {.theme = "colour-blind"},
     "colour-blind",
     "auto",
     "on"},
    {"--mono", "{\"theme\": \"light\"}", NULL, {.mono = true}, "mono", "auto", "on"},
    {"--light", "{\"theme\": \"dark\"}", NULL, {.light = true}, "light", "auto", "on"},
    {"--ascii --no-mouse",
     "{\"glyphs\": \"braille\"}",
     NULL,
     {.ascii = true, .no_mouse = true},
     "auto",
     "ascii",
     "off"},
};

static void put_file(void **state, const char *text) {
    struct err err = {0};
    setenv("XDG_CONFIG_HOME", in_folder(state, "config"), 1);
    if (!text) return;
    assert_ok(files_make_dirs(in_folder(state, "config/thaw"), 0700, &err), err);
    assert_ok(
        files_write(in_folder(state, "config/thaw/settings.json"), text, strlen(text), &err),
        err);
}

static void test_order(void **state) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct order_case *k = &cases[i];
        struct screen_prefs p;
        files_remove_tree(in_folder(state, "config"), NULL);
        put_file(state, k->file);
        if (k->no_color) setenv("NO_COLOR", k->no_color, 1);
        else unsetenv("NO_COLOR");
        screen_prefs_read(&k->o, &p);
        assert_int_equal(p.bad.code, ERR_NONE);
        assert_string_equal(p.path, in_folder(state, "config/thaw/settings.json"));
        if (strcmp(prefs_word(&p.prefs, PREF_THEME), k->theme) != 0) fail_msg("%s", k->name);
        assert_string_equal(prefs_word(&p.prefs, PREF_GLYPHS), k->glyphs);
        assert_string_equal(prefs_word(&p.prefs, PREF_MOUSE), k->mouse);
    }
}

/* Not used, told, and nothing will be written to it; the options hold all the same. */
static void test_bad_file(void **state) {
    struct screen_options o = {.ascii = true};
    struct screen_prefs p;
    unsetenv("NO_COLOR");
    put_file(state, "{\"theme\": \"pink\"}");
    screen_prefs_read(&o, &p);
    assert_int_not_equal(p.bad.code, ERR_NONE);
    assert_non_null(strstr(p.bad.msg, "settings.json: theme is one of auto, dark"));
    assert_string_equal(p.path, "");
    assert_string_equal(prefs_word(&p.prefs, PREF_THEME), "auto");
    assert_string_equal(prefs_word(&p.prefs, PREF_GLYPHS), "ascii");
}

/* A frame for a script does not look into the file. */
static void test_options_alone(void **state) {
    struct screen_options o = {.theme = "mono"};
    struct prefs p;
    put_file(state, "{\"smoothing\": \"raw\"}");
    screen_prefs_options(&o, &p);
    assert_string_equal(prefs_word(&p, PREF_THEME), "mono");
    assert_string_equal(prefs_word(&p, PREF_SMOOTHING), "0.9");
}

static void test_options_ok(void **state) {
    struct err err = {0};
    (void)state;
    assert_true(
        screen_options_ok(&(struct screen_options){.theme = "colour-blind-light"}, &err));
    assert_false(screen_options_ok(&(struct screen_options){.theme = "pink"}, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.msg, "colour-blind"));
    assert_false(
        screen_options_ok(&(struct screen_options){.theme = "dark", .mono = true}, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_options_alone), cmocka_unit_test(test_options_ok)};
    return cmocka_run_group_tests_name("screen_prefs", tests, folder_setup, folder_teardown);
}
