/* test_panes.c - the speed pane and the guide: what they tell, and how one gets to them where
 * there is no room for six panes. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "engine/core/text.h"
#include "ui/app_fixture.h"
#include "ui/app_parts.h"
#include "ui/guide.h"

/* ---- the way there and back */

static void test_open_and_leave(void **state) {
    static const int ways_back[] = {KEYS_ESCAPE, KEYS_ENTER};
    struct app_fixture f;
    (void)state;
    for (size_t i = 0; i < COUNT(ways_back); i++) {
        fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
        fixture_recorded(&f, 300);
        fixture_key(&f, '3');
        fixture_key(&f, '5');
        assert_true(fixture_shows(&f, "5 Speed*"));
        assert_false(fixture_shows(&f, "1 Loss") || fixture_shows(&f, "3 Compare"));
        fixture_key(&f, ways_back[i]);
        assert_true(fixture_shows(&f, "3 Compare*") && fixture_shows(&f, "1 Loss"));
        assert_false(fixture_shows(&f, "5 Speed"));
        fixture_key(&f, '1'); /* from a full screen, too, one key leads back */
        fixture_key(&f, KEYS_ENTER);
        fixture_key(&f, '6');
        assert_true(fixture_shows(&f, "6 Guide*"));
        fixture_key(&f, ways_back[i]);
        assert_true(fixture_shows(&f, "1 Loss*") && fixture_shows(&f, "3 Compare"));
        fixture_close(&f);
    }
}

/* Tab comes by all of them, and the panes stand as before once it has passed. */
static void test_tab(void **state) {
    static const char *const order[] = {"3 Compare*", "4 Log*",  "5 Speed*",
                                        "6 Guide*",   "1 Loss*", "2 Layers*"};
    static const int sizes[][2] = {{60, 16}, {80, 24}, {84, 46}, {120, 40}, {200, 60}};
    struct app_fixture f;
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        fixture_open(&f, APP_WATCH, sizes[s][0], sizes[s][1], GLYPHS_ASCII);
        fixture_recorded(&f, 300);
        for (size_t i = 0; i < COUNT(order); i++) {
            fixture_key(&f, KEYS_TAB);
            if (!fixture_shows(&f, order[i])) fail_msg("%s at %d", order[i], sizes[s][0]);
        }
        fixture_close(&f);
    }
}

static void test_tabs_have_room(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_WATCH, 60, 16, GLYPHS_ASCII);
    fixture_key(&f, '6');
    assert_true(strstr(fixture_row(&f, 2), "4 Log   5 Speed  [6 Guide]"));
    fixture_mouse(&f, (struct term_mouse){.x = 45, .y = 2});
    assert_true(strstr(fixture_row(&f, 2), "[5 Speed]"));
    fixture_close(&f);
}

/* ---- speed */

static void feed_step(struct app_fixture *f, int step, double forward, double backward) {
    fixture_event(f,
                  "\"step\":%d,\"type\":\"step\",\"loss\":2,\"lr\":0.001,\"grad_norm\":1.5,"
                  "\"tokens\":%d,\"tokens_per_s\":4000,\"seconds\":{\"forward\":%g,"
                  "\"backward\":%g,\"update\":0.1,\"total\":%g}",
                  step, step * 1000, forward, backward, forward + backward + 0.1);
}

/* The shares are of the time from one step to the next: a second in the fixture. */
static void test_parts(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 180, 50, GLYPHS_ASCII);
    assert_true(fixture_shows(&f, "no step has been made yet"));
    fixture_event(&f, "\"step\":0,\"type\":\"stage\",\"index\":0,\"name\":\"pretrain\","
                      "\"state\":\"started\",\"steps\":80");
    for (int i = 1; i <= 40; i++) feed_step(&f, i, 0.2, 0.4);
    assert_true(fixture_shows(&f, "200ms   20%"));
    assert_true(fixture_shows(&f, "400ms   40%"));
    assert_true(fixture_shows(&f, "100ms   10%"));
    assert_true(fixture_shows(&f, "300ms   30%")); /* between steps */
    assert_true(fixture_shows(&f, "40.0k tokens so far"));
    assert_true(fixture_shows(&f, "now  4.0k  median  4.0k"));
    assert_true(fixture_shows(&f, "now 1.0e-3"));
    fixture_event(&f,
                  "\"step\":41,\"type\":\"freeze\",\"group\":\"embed\",\"state\":\"frozen\","
                  "\"by\":\"screen\",\"predicted_s\":0.4");
    feed_step(&f, 41, 0.2, 0.1); /* what was before the freeze is not averaged in */
    assert_true(fixture_shows(&f, "100ms   10%"));
    assert_false(fixture_shows(&f, "400ms   40%"));
    fixture_key(&f, '5');
    fixture_key(&f, KEYS_ENTER);
    assert_true(fixture_shows(&f, "embed frozen: foretold 400ms, measured soon"));
    fixture_close(&f);
}

/* Steps without times, or with impossible ones, leave a pane without figures, not nonsense. */
static void test_without_times(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 180, 50, GLYPHS_ASCII);
    fixture_event(&f, "\"step\":1,\"type\":\"step\",\"loss\":2");
    fixture_event(&f, "\"step\":2,\"type\":\"step\",\"loss\":2,\"tokens_per_s\":1e300,"
                      "\"seconds\":{\"forward\":-1,\"backward\":1e300,\"total\":0}");
    assert_false(fixture_shows(&f, "nan") || fixture_shows(&f, "inf"));
    fixture_close(&f);
}

/* ---- the third model */

/* The view is there with the model and where it has no column; it is not kept among the
 * settings. */
static void test_third_view(void **state) {
    struct app_fixture f;
    struct prefs prefs = {{0}};
    (void)state;
    fixture_open(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_recorded(&f, 1 << 30);
    fixture_type(&f, "ccc");
    assert_true(fixture_shows(&f, "[text] score top-k  ["));
    fixture_event(&f, "\"step\":360,\"type\":\"sample\",\"prompt\":\"fever :\",\"side\":"
                      "\"legal/step-6\",\"weights\":\"1c2d\",\"index\":0,\"tokens\":[{\"id\":1,"
                      "\"text\":\" writ\",\"logprob\":-1}]");
    fixture_type(&f, "ccc");
    assert_true(fixture_shows(&f, "text score top-k [third]") &&
                fixture_shows(&f, "legal/step-6"));
    panel_compare_tell(f.app->panels[PANE_COMPARE], &prefs);
    assert_int_equal(prefs.at[PREF_COMPARE], 0);
    assert_true(canvas_resize(&f.canvas, 200, 60, NULL));
    assert_true(fixture_shows(&f, "[text] score top-k  [") && fixture_shows(&f, "[writ]"));
    fixture_type(&f, "ccc");
    assert_true(fixture_shows(&f, "[text] score top-k  ["));
    fixture_close(&f);
}

/* ---- the guide */

static void test_guide_follows(void **state) {
    static const struct {
        int key;
        const char *title, *word;
    } panes[] = {{'1', "THE LOSS PANE", "nats"},
                 {'2', "THE LAYERS PANE", "embed"},
                 {'3', "THE COMPARE PANE", "fingerprint of the weights"},
                 {'4', "THE LOG PANE", "eval"},
                 {'5', "THE SPEED PANE", "tokens/s"}};
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 200, 60, GLYPHS_ASCII);
    assert_true(fixture_shows(&f, "BEFORE THE FIRST STEP"));
    fixture_recorded(&f, 220);
    assert_true(fixture_shows(&f, "PRETRAIN, stage 1 of 2"));
    for (size_t i = 0; i < COUNT(panes); i++) {
        fixture_key(&f, panes[i].key);
        assert_true(fixture_shows(&f, panes[i].title) && fixture_shows(&f, panes[i].word));
    }
    fixture_key(&f, '6'); /* about the one that was looked at before */
    assert_true(fixture_shows(&f, "THE SPEED PANE"));
    fixture_close(&f);
    fixture_open(&f, APP_DRIVE, 200, 60, GLYPHS_ASCII);
    fixture_recorded(&f, 1 << 30);
    assert_true(fixture_shows(&f, "FINE-TUNE, stage 2 of 2"));
    fixture_event(&f, "\"step\":372,\"type\":\"control\",\"do\":\"pause\",\"argument\":\"\","
                      "\"by\":\"screen\"");
    assert_true(fixture_shows(&f, "p goes on, n makes a single step"));
    fixture_event(&f, "\"step\":372,\"type\":\"end\",\"reason\":\"stopped\"");
    assert_true(fixture_shows(&f, "THE RUN HAS ENDED"));
    fixture_close(&f);
}

/* To the last word and back; what is new begins at its top. */
static void test_guide_scrolls(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 60, 16, GLYPHS_ASCII);
    fixture_recorded(&f, 220);
    fixture_type(&f, "16");
    assert_true(fixture_shows(&f, "PRETRAIN, stage 1 of 2") && fixture_shows(&f, "more"));
    fixture_key(&f, 'G');
    assert_true(fixture_shows(&f, "steps apart: evaluations"));
    assert_false(fixture_shows(&f, "more"));
    for (int i = 0; i < 3; i++) fixture_key(&f, 'j'); /* not beyond the end */
    fixture_key(&f, 'k');
    assert_true(fixture_shows(&f, "more"));
    fixture_key(&f, KEYS_PAGE_UP);
    fixture_key(&f, KEYS_PAGE_DOWN);
    fixture_type(&f, "46");
    assert_true(fixture_shows(&f, "PRETRAIN, stage 1 of 2"));
    fixture_close(&f);
}

/* A word has its column; every text is a sentence, and every pane has one. */
static void test_guide_words(void **state) {
    (void)state;
    for (int pane = 0; pane < PANE_GUIDE; pane++) {
        const struct guide_page *page = guide_page((enum pane)pane);
        assert_true(page->text[0] && page->n_words > 0);
        for (int i = 0; i < page->n_words; i++) {
            const struct guide_word *w = &page->words[i];
            assert_true(text_columns(w->word, strlen(w->word)) <= 10);
            assert_true(strlen(w->meaning) > 10);
        }
    }
    for (int moment = 0; moment < GUIDE_MOMENTS; moment++) {
        const char *text = guide_moment_text((enum guide_moment)moment);
        assert_true(text[0] && text[strlen(text) - 1] == '.');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_leave), cmocka_unit_test(test_tab),
        cmocka_unit_test(test_tabs_have_room), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_without_times),  cmocka_unit_test(test_third_view),
        cmocka_unit_test(test_guide_follows),  cmocka_unit_test(test_guide_scrolls),
        cmocka_unit_test(test_guide_words),
    };
    return cmocka_run_group_tests_name("panes", tests, NULL, NULL);
}
