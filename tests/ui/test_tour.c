/* test_tour.c - the hints: they fit, go on and end by key, leave the other keys alone, and come
 * by themselves once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/files.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"
#include "ui/tour.h"
#include "ui/wrap.h"

static void begin(struct app_fixture *f, int w, int h) {
    fixture_open(f, APP_DRIVE, w, h, GLYPHS_ASCII);
    fixture_recorded(f, 1000);
    fixture_type(f, ":tour\r");
}

static void test_texts_fit(void **state) {
    (void)state;
    for (int i = 0; i < TOUR_HINTS; i++) {
        const struct tour_hint *h = &tour_hints[i];
        assert_true(strlen(h->brief) <= 40);
        assert_true(wrap_rows(h->text, strlen(h->text), 80) <= 2);
        assert_ptr_equal(tour_text(i, 80, 2), h->text);
        assert_ptr_equal(tour_text(i, 40, 1), h->brief);
    }
}

/* Each hint at each size: whole, its pane in sight where there are panes, never beneath it. */
static void test_every_hint(void **state) {
    static const int sizes[][2] = {{40, 8}, {60, 16}, {80, 24}, {120, 40}, {200, 60}, {50, 46}};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct app_fixture f;
        begin(&f, sizes[s][0], sizes[s][1]);
        for (int i = 0; i < TOUR_HINTS; i++) {
            const struct tour_hint *h = &tour_hints[i];
            const struct layout *l = &f.app->layout;
            char row[64];
            snprintf(row, sizeof row, "%d of 5   Enter: %s   Esc: end", i + 1,
                     i < TOUR_HINTS - 1 ? "next" : "done");
            assert_true(fixture_shows(&f, row));
            fixture_draw(&f);
            if (h->pane >= 0 && l->kind != LAYOUT_STATUS) {
                struct rect pane = l->panes[h->pane];
                assert_true(layout_shows(l, h->pane));
                assert_int_equal(f.app->focus, h->pane);
                assert_true(pane.y + pane.h <= l->h - (l->learned.w > 0 ? 3 : 2));
            }
            fixture_key(&f, KEYS_ENTER);
        }
        assert_false(fixture_shows(&f, " of 5 "));
        assert_int_equal(f.app->focus, PANE_LAYERS); /* as it was */
        fixture_close(&f);
    }
}

/* Space in the hint about Space: it freezes, what follows is said, and then the tour goes on.
 */
static void test_other_keys_live(void **state) {
    struct app_fixture f;
    (void)state;
    begin(&f, 80, 24);
    fixture_key(&f, KEYS_ENTER);
    fixture_type(&f, "jjj ");
    assert_int_equal(f.n_sent, 1);
    assert_true(fixture_shows(&f, "queued"));
    f.now += 60;
    fixture_draw(&f);
    assert_true(fixture_shows(&f, "2 of 5"));
    fixture_type(&f, "?");
    assert_true(fixture_shows(&f, "Help"));
    fixture_key(&f, KEYS_ESCAPE); /* the help's */
    assert_true(fixture_shows(&f, "2 of 5"));
    fixture_key(&f, KEYS_ESCAPE);
    assert_false(fixture_shows(&f, "2 of 5"));
    assert_true(fixture_shows(&f, ":tour shows the hints again"));
    fixture_type(&f, "1\r"); /* Enter is the panes' again */
    assert_int_equal(f.app->zoomed, PANE_LOSS);
    fixture_close(&f);
}

/* By itself: who drives, for the first time, where that can be kept. */
static void test_welcome(void **state) {
    char dir[] = "/tmp/thaw-tour-XXXXXX", path[64], bad[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/settings.json", dir);
    snprintf(bad, sizeof bad, "%s/settings.json/x/y", dir);
    const struct {
        enum app_mode mode;
        const char *path;
        bool comes;
    } cases[] = {{APP_WATCH, path, false},
                 {APP_DRIVE, "", false},
                 {APP_DRIVE, path, true},
                 {APP_DRIVE, path, false},
                 {APP_DRIVE, bad, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture f;
        struct prefs p;
        prefs_init(&p);
        prefs_read(&p, cases[i].path, NULL);
        fixture_open(&f, cases[i].mode, 80, 24, GLYPHS_ASCII);
        app_prefs_begin(f.app, &(struct app_options){.prefs = &p, .prefs_path = cases[i].path});
        app_tour_welcome(f.app);
        assert_int_equal(fixture_shows(&f, "1 of 5"), cases[i].comes);
        fixture_close(&f);
    }
    assert_true(files_remove_tree(dir, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_fit), cmocka_unit_test(test_every_hint),
        cmocka_unit_test(test_other_keys_live), cmocka_unit_test(test_welcome)};
    return cmocka_run_group_tests_name("tour", tests, NULL, NULL);
}
