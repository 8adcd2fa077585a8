/* test_save_screen.c - `:save-screen FILE`: the frame in a file, for those who drive and those
 * who watch, and why there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"
#include "ui/save_screen.h"

enum { ALL = 1 << 30 };

static char folder[64];

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/thaw-save-screen.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return files_remove_tree(folder, NULL) ? 0 : -1;
}

static void save(struct app_fixture *f, const char *file) {
    fixture_key(f, ':');
    fixture_type(f, "save-screen ");
    fixture_type(f, file);
    fixture_key(f, KEYS_ENTER);
    save_screen_if_asked(f->app, &f->canvas, (struct dump_look){256, false}, f->now);
}

static void check_saved(const char *path, const char *begin) {
    struct buf bytes = {0};
    assert_true(files_read(path, 1 << 20, &bytes, NULL));
    if (strncmp(buf_text(&bytes), begin, strlen(begin)) != 0)
        fail_msg("%s begins %.80s", path, buf_text(&bytes));
    assert_null(strstr(buf_text(&bytes), "save-screen")); /* not the line that asked */
    buf_deinit(&bytes);
}

static const enum app_mode modes[] = {APP_DRIVE, APP_WATCH};

static void test_save(void **state) {
    (void)state;
    static const char *const names[] = {"a b.txt", "a.ans", "a.svg"};
    static const char *const begin[] = {"thaw medical", "\033[0", "<svg xmlns="};
    for (size_t i = 0; i < COUNT(names) * COUNT(modes); i++) {
        struct app_fixture f;
        char path[128], said[160];
        snprintf(path, sizeof path, "%s/%s", folder, names[i % COUNT(names)]);
        snprintf(said, sizeof said, "this screen is in %s", path);
        fixture_open(&f, modes[i / COUNT(names)], 80, 24, GLYPHS_ASCII);
        fixture_recorded(&f, ALL);
        save(&f, path);
        assert_string_equal(fixture_row(&f, 22), said);
        assert_int_equal(f.n_sent, 0); /* nothing for the engine */
        check_saved(path, begin[i % COUNT(names)]);
        assert_int_equal(unlink(path), 0);
        save_screen_if_asked(f.app, &f.canvas, (struct dump_look){256, false}, f.now);
        assert_false(files_exists(path)); /* asked once, written once */
        fixture_close(&f);
    }
}

/* What was on the screen is in the file, line for line. */
static void test_save_is_the_frame(void **state) {
    (void)state;
    struct app_fixture f;
    struct buf bytes = {0};
    char path[128], before[4096];
    snprintf(path, sizeof path, "%s/frame.txt", folder);
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_BRAILLE);
    fixture_recorded(&f, ALL);
    snprintf(before, sizeof before, "%s", fixture_text(&f));
    save(&f, path);
    assert_true(files_read(path, 1 << 20, &bytes, NULL));
    assert_string_equal(buf_text(&bytes), before);
    buf_deinit(&bytes);
    fixture_close(&f);
}

static void test_save_home(void **state) {
    (void)state;
    struct app_fixture f;
    char path[128];
    snprintf(path, sizeof path, "%s/home.svg", folder);
    setenv("HOME", folder, 1);
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    save(&f, "~/home.svg");
    check_saved(path, "<svg ");
    fixture_close(&f);
}

/* A wrong ending or no name keeps the line open; what the disk refuses is told. */
static void test_save_refused(void **state) {
    (void)state;
    static const struct {
        const char *file, *said;
        bool open; /* the line is there to be mended */
    } cases[] = {
        {"", "save-screen needs a FILE, such as screen.svg", true},
        {"x.png", "the file's ending says its form", true},
        {"/nowhere-at-all/x.svg", "/nowhere-at-all/x.svg", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct app_fixture f;
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
        fixture_recorded(&f, ALL);
        save(&f, cases[i].file);
        if (!fixture_shows(&f, cases[i].said)) fail_msg("%s", fixture_text(&f));
        assert_int_equal(f.app->input, cases[i].open ? INPUT_COMMAND : INPUT_PANES);
        assert_int_equal(f.n_sent, 0);
        fixture_close(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_save),
        cmocka_unit_test(test_save_is_the_frame),
        cmocka_unit_test(test_save_home),
        cmocka_unit_test(test_save_refused),
    };
    return cmocka_run_group_tests_name("save_screen", tests, setup, teardown);
}
