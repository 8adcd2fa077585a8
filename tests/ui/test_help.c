/* test_help.c - the help overlay: all of it is there, and `/` finds in it. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "engine/run/command.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"

static void open_help(struct app_fixture *f, int w, int h) {
    fixture_open(f, APP_DRIVE, w, h, GLYPHS_ASCII);
    fixture_recorded(f, 1000);
    fixture_type(f, "?");
}

/* Every key and every command, in one column and in two, once scrolled through; no text is cut.
 */
static void test_all_there(void **state) {
    static const int widths[] = {40, 80, 100, 120};
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct app_fixture f;
        struct buf seen = {0};
        open_help(&f, widths[i], 24);
        for (int page = 0; page < 20; page++) {
            buf_str(&seen, fixture_text(&f));
            fixture_key(&f, KEYS_DOWN);
            for (int k = 0; k < 8; k++) fixture_key(&f, KEYS_DOWN);
        }
        for (int k = 0; k < n_key_bindings; k++) {
            char label[32];
            snprintf(label, sizeof label, "| %-12s", key_bindings[k].label);
            if (!strstr(buf_text(&seen), label + (widths[i] >= 100 ? 2 : 0)))
                fail_msg("%d: %s", widths[i], label);
        }
        for (int k = 0; k < COMMAND_COUNT; k++)
            assert_non_null(strstr(buf_text(&seen), command_infos[k].word));
        assert_null(strstr(buf_text(&seen), ".. "));
        buf_deinit(&seen);
        fixture_close(&f);
    }
}

/* Whether the row of that text is marked as found. */
static bool marked(struct app_fixture *f, const char *words) {
    char row[512];
    for (int y = 0; y < f->canvas.h; y++) {
        snprintf(row, sizeof row, "%s", fixture_row(f, y));
        const char *at = strstr(row, words);
        if (!at) continue;
        const struct cell *cell = &f->canvas.cells[y * f->canvas.w + (at - row)];
        if (cell->style == STYLE_SELECTED) return true;
    }
    return false;
}

static void test_find(void **state) {
    struct app_fixture f;
    (void)state;
    open_help(&f, 80, 24);
    fixture_type(&f, "/ZOOM\r"); /* in any case */
    assert_true(marked(&f, "zoom in"));
    assert_true(fixture_shows(&f, "n N: more \"ZOOM\""));
    fixture_type(&f, "n");
    assert_true(marked(&f, "zoom out"));
    assert_false(marked(&f, "zoom in"));
    fixture_type(&f, "N");
    assert_true(marked(&f, "zoom in"));
    fixture_type(&f, "/\r"); /* the same again */
    assert_true(marked(&f, "zoom out"));
    fixture_type(&f, "/save-screen\r"); /* what stands before the sentence, too */
    assert_true(marked(&f, "write this screen"));
    fixture_type(&f, "/xyzzy\r");
    assert_true(fixture_shows(&f, "nothing holds \"xyzzy\""));
    assert_int_equal(f.n_sent, 0);
    fixture_close(&f);
}

/* Esc leaves the line, then the help; help that is opened anew has forgotten. */
static void test_leave(void **state) {
    struct app_fixture f;
    (void)state;
    open_help(&f, 80, 24);
    fixture_type(&f, "/x");
    assert_true(fixture_shows(&f, "Enter: find in the help"));
    fixture_key(&f, KEYS_ESCAPE);
    assert_true(fixture_shows(&f, "Help"));
    assert_false(fixture_shows(&f, "Enter: find"));
    fixture_type(&f, "n"); /* nothing was looked for: no key of the help, and none of the run */
    fixture_key(&f, KEYS_ESCAPE);
    assert_true(fixture_shows(&f, "1 Loss"));
    assert_int_equal(f.n_sent, 0);
    fixture_type(&f, "?/zoom\r");
    fixture_key(&f, KEYS_ESCAPE);
    fixture_type(&f, "?");
    assert_true(fixture_shows(&f, "j k PgDn: more   /: find   Esc: back"));
    assert_false(marked(&f, "zoom in"));
    fixture_close(&f);
}

/* Found in the smallest screen, too: what is found is in sight, and no more than the frame is
 * used. */
static void test_small(void **state) {
    struct app_fixture f;
    (void)state;
    open_help(&f, 40, 8);
    fixture_type(&f, "/blind vote\r");
    assert_true(marked(&f, "blind vote"));
    assert_true(fixture_shows(&f, "n N: more   Esc: back"));
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_there), cmocka_unit_test(test_find),
        cmocka_unit_test(test_leave), cmocka_unit_test(test_small)};
    return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
