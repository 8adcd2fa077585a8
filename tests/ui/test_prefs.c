#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/history.h"
#include "ui/prefs.h"

static char dir[] = "/tmp/thaw-prefs-XXXXXX", path[128];

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

static void put(const char *text) {
    char folder[sizeof path];
    struct err err = {0};
    snprintf(folder, sizeof folder, "%s/thaw", dir);
    assert_true(files_make_dirs(folder, 0700, &err));
    assert_true(files_write(path, text, strlen(text), &err));
}

static void check_text(const char *expected) {
    struct buf text = {0};
    assert_true(files_read(path, 1 << 16, &text, NULL));
    assert_string_equal(buf_text(&text), expected);
    buf_deinit(&text);
}

static void test_table(void **state) {
    (void)state;
    for (int i = 0; i < PREF_COUNT; i++) {
        const struct pref_info *info = &pref_infos[i];
        assert_non_null(info->key);
        assert_int_equal(prefs_find(info->key), i);
        assert_non_null(info->words[0]);
        assert_non_null(info->words[1]);
        assert_non_null(info->words[info->usual]);
        assert_true(info->help[0] && strlen(info->help) <= 60);
    }
    assert_int_equal(prefs_find("colour"), PREF_COUNT);
}

/* The words stand for the values of the enums that they become. */
static void test_values(void **state) {
    static const struct {
        enum pref which;
        const char *word;
        int value;
    } cases[] = {{PREF_SMOOTHING, "0.99", 3},
                 {PREF_X_UNIT, "tokens", UNIT_TOKENS},
                 {PREF_X_UNIT, "seconds", UNIT_SECONDS},
                 {PREF_LOG_Y, "on", true},
                 {PREF_GLYPHS, "blocks", GLYPHS_WISH_BLOCKS},
                 {PREF_TOUR, "done", PREF_TOUR_DONE}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct prefs p;
        prefs_init(&p);
        assert_true(prefs_set(&p, cases[i].which, cases[i].word, NULL));
        assert_int_equal(p.at[cases[i].which], cases[i].value);
        assert_string_equal(prefs_word(&p, cases[i].which), cases[i].word);
    }
    assert_true(smoothing_factors[3] == 0.99);
}

static void test_refused(void **state) {
    struct prefs p, usual;
    struct err err = {0};
    (void)state;
    prefs_init(&p);
    prefs_init(&usual);
    assert_false(prefs_set(&p, PREF_LOG_Y, "perhaps", &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_string_equal(err.msg, "log-y is one of off, on, not \"perhaps\"");
    assert_true(prefs_same(&p, &usual));
}

static void test_term_options(void **state) {
    static const struct {
        const char *word, *background;
        enum theme theme;
    } cases[] = {{"auto", NULL, THEME_DARK},
                 {"auto", "0;15", THEME_LIGHT},
                 {"dark", "0;15", THEME_DARK},
                 {"light", "15;0", THEME_LIGHT},
                 {"mono", "0;15", THEME_MONO},
                 {"colour-blind", NULL, THEME_COLOUR_BLIND},
                 {"colour-blind-light", NULL, THEME_COLOUR_BLIND_LIGHT}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct prefs p;
        prefs_init(&p);
        if (cases[i].background) setenv("COLORFGBG", cases[i].background, 1);
        else unsetenv("COLORFGBG");
        assert_true(prefs_set(&p, PREF_THEME, cases[i].word, NULL));
        assert_true(prefs_set(&p, PREF_MOUSE, "off", NULL));
        struct term_options o = prefs_term_options(&p);
        assert_int_equal(o.theme, cases[i].theme);
        assert_int_equal(o.glyphs, GLYPHS_WISH_AUTO);
        assert_true(o.no_mouse);
    }
}

/* Each value of each setting, kept and read again; nothing but what was changed is written. */
static void test_round(void **state) {
    struct prefs usual;
    (void)state;
    prefs_init(&usual);
    for (int which = 0; which < PREF_COUNT; which++)
        for (int at = 0; at < PREF_WORDS_MAX && pref_infos[which].words[at]; at++) {
            struct prefs now = usual, back = usual;
            struct err err = {0};
            char expected[160];
            unlink(path);
            now.at[which] = at;
            if (!prefs_keep(&now, &usual, path, &err)) fail_msg("%s", err.msg);
            if (!prefs_read(&back, path, &err)) fail_msg("%s", err.msg);
            assert_true(prefs_same(&now, &back));
            snprintf(expected, sizeof expected, "{\n  \"%s\": \"%s\"\n}\n",
                     pref_infos[which].key, pref_infos[which].words[at]);
            if (at != pref_infos[which].usual) check_text(expected);
        }
}

static void test_modes(void **state) {
    char folder[sizeof path];
    struct stat st;
    struct prefs now, old;
    (void)state;
    prefs_init(&old);
    now = old;
    now.at[PREF_LOG_Y] = 1;
    assert_true(prefs_keep(&now, &old, path, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(folder, sizeof folder, "%s/thaw", dir);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

/* Keys of other versions, and what another screen has written meanwhile, stay as they are. */
static void test_others_stay(void **state) {
    struct prefs now, old;
    (void)state;
    put("{\"sound\": {\"volume\": [1, 2.5, true, null]}, \"theme\": \"light\", \"mouse\": "
        "\"off\"}");
    prefs_init(&old);
    now = old;
    now.at[PREF_MOUSE] = 1;
    old.at[PREF_MOUSE] = 0;
    now.at[PREF_X_UNIT] = UNIT_TOKENS;
    assert_true(prefs_keep(&now, &old, path, NULL));
    check_text(
        "{\n  \"sound\": {\n    \"volume\": [\n      1,\n      2.5,\n      true,\n      null\n"
        "    ]\n  },\n  \"theme\": \"light\",\n  \"mouse\": \"on\",\n  \"x-unit\": "
        "\"tokens\"\n}\n");
}

/* A link stays a link: what it points to is written. */
static void test_link(void **state) {
    char real[sizeof path];
    struct prefs now, old;
    struct stat st;
    (void)state;
    put("{}");
    snprintf(real, sizeof real, "%s/elsewhere.json", dir);
    assert_int_equal(rename(path, real), 0);
    assert_int_equal(symlink(real, path), 0);
    prefs_init(&old);
    now = old;
    now.at[PREF_COMPARE] = 1;
    assert_true(prefs_keep(&now, &old, path, NULL));
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    check_text("{\n  \"compare\": \"score\"\n}\n");
}

/* A file that is not sound: nothing of it is used, the place is told, and it is left alone. */
static void test_bad(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1"},
        {"{\"theme\": \"light\"", "line 1"},
        {"[\"light\"]", "holds no object"},
        {"{\"theme\": \"light\", \"log-y\": \"maybe\"}",
         "log-y is one of off, on, not \"maybe\""},
        {"{\"theme\": \"light\", \"log-y\": true}", "log-y has to be a string"},
        {"{\"theme\": \"light\", \"theme\": \"dark\"}", "duplicate"},
        {"{\"theme\": \"\\u001b[31m\"}", "theme is one of"},
    };
    struct prefs usual, now;
    (void)state;
    prefs_init(&usual);
    now = usual;
    now.at[PREF_LOG_Y] = 1;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct prefs p = usual;
        struct err err = {0};
        put(cases[i].text);
        assert_false(prefs_read(&p, path, &err));
        assert_true(prefs_same(&p, &usual));
        assert_non_null(strstr(err.msg, path));
        if (!strstr(err.msg, cases[i].says)) fail_msg("%s", err.msg);
        assert_false(prefs_keep(&now, &usual, path, &err));
        check_text(cases[i].text);
    }
}

/* No file, a folder in its place, one that is far too long, a path through a file. */
static void test_unreadable(void **state) {
    static char much[70000];
    char below[sizeof path + 16];
    struct prefs p, usual;
    (void)state;
    prefs_init(&usual);
    p = usual;
    assert_true(prefs_read(&p, path, NULL));
    assert_false(prefs_read(&p, dir, NULL));
    memset(much, ' ', sizeof much - 1);
    memcpy(much, "{\"theme\": \"light\"}", 18);
    put(much);
    assert_false(prefs_read(&p, path, NULL));
    assert_true(prefs_same(&p, &usual));
    snprintf(below, sizeof below, "%s/a/file", path);
    p.at[PREF_LOG_Y] = 1;
    assert_false(prefs_keep(&p, &usual, below, NULL));
}

static void test_path(void **state) {
    char out[64];
    (void)state;
    setenv("HOME", "/home/x", 1);
    setenv("XDG_CONFIG_HOME", "/c", 1);
    assert_true(prefs_path(out, sizeof out, NULL));
    assert_string_equal(out, "/c/thaw/settings.json");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    assert_true(prefs_path(out, sizeof out, NULL));
    assert_string_equal(out, "/home/x/.config/thaw/settings.json");
    assert_false(prefs_path(out, 10, NULL));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_term_options),
        TEST(test_round),
        TEST(test_modes),
        TEST(test_others_stay),
        TEST(test_link),
        TEST(test_bad),
        TEST(test_unreadable),
        cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests_name("prefs", tests, NULL, NULL);
}
