/* test_panels.c - what each pane keeps for its viewer: zoom, selection, scroll, and thinned
 * curves. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ui/app_fixture.h"
#include "ui/compare_view.h"
#include "ui/loss_view.h"

enum { ALL = 1 << 30, COLUMNS = 80 };

/* ---- the curve, thinned */

static void feed_step(struct history *h, int step, double loss) {
    struct event e = {
        .step = step, .t = step, .type = EVENT_STEP, .stp = {.loss = loss, .tokens = step}};
    history_observe(h, &e);
}

static void test_spike_survives(void **state) {
    struct history h;
    struct loss_view v = {.smoothing = SMOOTHING_USUAL};
    struct loss_points p;
    double x0, x1;
    (void)state;
    history_init(&h);
    for (int i = 1; i <= 100000; i++)
        feed_step(&h, i, i == 77777 ? 50 : i == 33333 ? (double)NAN : 2);
    loss_view_x(&v, &h, &x0, &x1);
    assert_true(loss_points_make(&p, &v, &h, x0, x1, COLUMNS));
    bool spike = false, bad = false;
    const struct chart_series *band = &p.series[0];
    assert_true(band->band && band->n <= 3 * COLUMNS + 4);
    for (size_t i = 0; i < band->n; i++) {
        spike |= band->y[i] == 50 && fabs(band->x[i] - 77777) < 2 * 100000.0 / COLUMNS;
        bad |= isnan(band->y[i]) && fabs(band->x[i] - 33333) < 2 * 100000.0 / COLUMNS;
        if (i > 0) assert_true(band->x[i] >= band->x[i - 1]);
    }
    assert_true(spike && bad);
    loss_points_free(&p);
    history_deinit(&h);
}

/* The smooth line at a column is the same however much of the run is in sight. */
static void test_smooth_before_thinning(void **state) {
    struct history h;
    struct loss_view v = {.smoothing = SMOOTHING_USUAL};
    struct loss_points p;
    (void)state;
    history_init(&h);
    for (int i = 1; i <= 5000; i++) feed_step(&h, i, 3 + sin(i * 0.7));
    for (int width = 100; width <= 5000; width += 700) {
        assert_true(loss_points_make(&p, &v, &h, 5000 - width, 5000, COLUMNS));
        const struct chart_series *smooth = &p.series[1];
        assert_int_equal(smooth->style, STYLE_TRAIN);
        for (size_t i = 0; i < smooth->n; i++)
            assert_true(smooth->y[i] ==
                        (double)h.smooth[SMOOTHING_USUAL][(int)smooth->x[i] - 1]);
        loss_points_free(&p);
    }
    history_deinit(&h);
}

static void test_windows(void **state) {
    struct history h;
    struct loss_view v = {.smoothing = SMOOTHING_USUAL};
    double x0, x1, a, b;
    (void)state;
    history_init(&h);
    for (int i = 1; i <= 1000; i++) feed_step(&h, i, 2);
    loss_view_x(&v, &h, &x0, &x1);
    assert_true(x0 == 0 && x1 >= 1000 && x1 < 1150);
    loss_view_zoom(&v, &h, 0.5, 500);
    loss_view_x(&v, &h, &x0, &x1);
    assert_true(fabs((x1 - x0) - 500) < 60 && x0 < 500 && x1 > 500);
    feed_step(&h, 1001, 2);
    loss_view_x(&v, &h, &a, &b);
    assert_true(a == x0 && b == x1); /* it stands still */
    loss_view_pan(&v, &h, -10);
    loss_view_x(&v, &h, &a, &b);
    assert_true(a == 0 && fabs((b - a) - (x1 - x0)) < 1e-6); /* not beyond the start */
    loss_view_follow(&v, &h);
    loss_view_x(&v, &h, &a, &b);
    assert_true(b == 1001 && fabs((b - a) - (x1 - x0)) < 1e-6);
    for (int i = 0; i < 20; i++) loss_view_zoom(&v, &h, 0.1, 900);
    loss_view_x(&v, &h, &a, &b);
    assert_true(b - a >= 3); /* a few points at least */
    for (int i = 0; i < 20; i++) loss_view_zoom(&v, &h, 10, 900);
    assert_false(v.zoomed); /* the whole run again */
    for (int i = 0; i < UNIT_COUNT; i++) loss_view_unit(&v, &h);
    assert_int_equal(v.unit, UNIT_STEPS);
    history_deinit(&h);
}

/* While zoomed the y range holds still, whatever arrives. */
static void test_zoom_holds(void **state) {
    struct app_fixture f;
    char before[64];
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_type(&f, "1+>>>>"); /* the end of the run is in sight */
    snprintf(before, sizeof before, "%.12s", fixture_row(&f, 3));
    for (int i = 373; i < 380; i++)
        fixture_event(&f, "\"step\":%d,\"type\":\"step\",\"loss\":9,\"tokens\":%d", i,
                      2000000 + i);
    assert_memory_equal(before, fixture_row(&f, 3), 6);
    fixture_close(&f);
}

/* ---- layers */

static void test_layers_mouse(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    fixture_mouse(&f, (struct term_mouse){.x = 50, .y = 7, .button = 1}); /* a name */
    assert_true(fixture_shows(&f, ">block.2  learn"));
    assert_int_equal(f.n_sent, 0);
    fixture_mouse(&f, (struct term_mouse){.x = 58, .y = 8, .button = 1}); /* a state */
    assert_int_equal(f.n_sent, 1);
    assert_string_equal(f.sent[0].text, "block.3");
    assert_true(fixture_shows(&f, ">block.3  >frozen"));
    fixture_mouse(&f, (struct term_mouse){.x = 58, .y = 8, .wheel_down = true});
    assert_true(fixture_shows(&f, ">block.4"));
    fixture_mouse(&f, (struct term_mouse){.x = 10, .y = 5, .button = 1}); /* another pane */
    assert_true(fixture_shows(&f, "1 Loss*"));
    fixture_close(&f);
}

/* More layers than rows: the selected one is always in sight. */
static void test_layers_scroll(void **state) {
    struct app_fixture f;
    struct buf run = {0};
    (void)state;
    buf_str(&run,
            "\"step\":0,\"type\":\"run\",\"name\":\"deep\",\"groups\":[{\"name\":\"embed\"}");
    for (int i = 0; i < 40; i++)
        buf_printf(&run, ",{\"name\":\"block.%d\"},{\"name\":\"block.%d.mlp\"}", i, i);
    buf_str(&run, ",{\"name\":\"norm\"}]");
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_event(&f, "%s", buf_text(&run));
    for (int i = 0; i < 41; i++) {
        char row[32];
        snprintf(row, sizeof row, i ? ">block.%d " : ">embed", i - 1);
        assert_true(fixture_shows(&f, row));
        fixture_key(&f, 'j');
    }
    assert_true(fixture_shows(&f, ">norm"));
    fixture_key(&f, 'g');
    assert_true(fixture_shows(&f, ">embed"));
    buf_deinit(&run);
    fixture_close(&f);
}

static void test_proof(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_event(
        &f,
        "\"step\":0,\"type\":\"run\",\"groups\":[{\"name\":\"embed\"},{\"name\":\"norm\"}]");
    fixture_event(&f, "\"step\":1,\"type\":\"layers\",\"groups\":{\"embed\":{\"state\":"
                      "\"frozen\",\"from_base\":0},"
                      "\"norm\":{\"state\":\"learn\",\"from_base\":0.5}}");
    assert_false(fixture_shows(&f, "==")); /* frozen, not compared: no lock */
    fixture_event(&f, "\"step\":1,\"type\":\"layers\",\"groups\":{\"embed\":{\"state\":"
                      "\"frozen\",\"from_base\":0,"
                      "\"same_bytes\":true},\"norm\":{\"state\":\"learn\",\"same_bytes\":true,"
                      "\"from_base\":0.5}}");
    assert_true(fixture_shows(&f, "0.000 =="));
    assert_false(fixture_shows(&f, "0.500 ==")); /* what learns has none */
    fixture_close(&f);
}

/* ---- compare */

static void feed_sample(struct app_fixture *f, const char *prompt, int index,
                        const char *word) {
    fixture_event(
        f,
        "\"step\":372,\"type\":\"sample\",\"prompt\":\"%s\",\"side\":\"tuned\",\"weights\":"
        "\"abcd\","
        "\"seed\":0,\"temperature\":0.8,\"index\":%d,\"tokens\":[{\"id\":1,\"text\":\" %s\","
        "\"logprob\":-1,\"gain\":0.5}]",
        prompt, index, word);
}

static void test_compare_follows(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    assert_true(fixture_shows(&f, "fever :"));
    feed_sample(&f, "heart :", 6, "muscle");
    assert_true(fixture_shows(&f, "heart :")); /* the newest */
    fixture_key(&f, '[');                      /* until one is picked */
    assert_true(fixture_shows(&f, "virus :"));
    feed_sample(&f, "law :", 7, "rule");
    assert_true(fixture_shows(&f, "virus :"));
    fixture_type(&f, "3f"); /* and again after f */
    assert_true(fixture_shows(&f, "law :"));
    fixture_close(&f);
}

static void test_compare_cursor(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    assert_true(fixture_shows(&f, "at \"temperature\"")); /* the largest gain */
    fixture_type(&f, "3h");
    assert_true(fixture_shows(&f, "at \"the\""));
    fixture_type(&f, "ll");
    assert_true(fixture_shows(&f, "at \"of\""));
    fixture_key(&f, KEYS_HOME);
    assert_true(fixture_shows(&f, "at \"a\""));
    fixture_key(&f, KEYS_LEFT); /* no further */
    assert_true(fixture_shows(&f, "at \"a\""));
    fixture_key(&f, KEYS_END);
    assert_true(fixture_shows(&f, "at \"infection\""));
    fixture_key(&f, KEYS_ESCAPE);
    assert_true(fixture_shows(&f, "at \"temperature\""));
    fixture_close(&f);
}

/* What cannot be seen has one form, at the cursor, in the lists and in the table. */
static void test_unseen_tokens(void **state) {
    static const struct {
        const char *text, *word;
    } cases[] = {{"", "_"},       {" ", "_"},        {"   ", "_"},          {"\u00a0", "_"},
                 {"\u3000", "_"}, {" \u2003 ", "_"}, {"\u0301", "_"},       {" \u0301", "_"},
                 {" a ", "a"},    {"\n", "\n"},      {" \u00e9", "\u00e9"}, {"a b", "a b"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *word;
        size_t n;
        compare_token_word(&(struct event_token){.text = cases[i].text}, &word, &n);
        assert_int_equal(n, strlen(cases[i].word));
        assert_memory_equal(word, cases[i].word, n);
    }
}

static void ask_own(struct app_fixture *f, int64_t step) {
    for (int side = 0; side < 2; side++)
        fixture_event(f,
                      "\"step\":%d,\"type\":\"sample\",\"prompt\":\"sea\",\"side\":\"%s\","
                      "\"weights\":\"abcd\",\"seed\":0,\"temperature\":0.8,\"index\":-1,"
                      "\"tokens\":[{\"id\":1,\"text\":\" water\",\"logprob\":-1,\"gain\":0.5}]",
                      (int)step, side ? "tuned" : "base");
}

/* A text is live as long as there are no newer weights; an own prompt can be asked again. */
static void test_own_grows_old(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 120, 40, GLYPHS_ASCII);
    fixture_recorded(&f, ALL);
    ask_own(&f, 372);
    assert_true(fixture_shows(&f, "TUNED  live @372  abcd"));
    assert_true(fixture_shows(&f, "e own"));
    fixture_event(&f, "\"step\":380,\"type\":\"step\",\"loss\":1.8,\"tokens\":5000000");
    assert_true(fixture_shows(&f, "TUNED  @372, 8 steps ago  abcd"));
    assert_true(fixture_shows(&f, "e asks again"));
    fixture_type(&f, "e\r"); /* the prompt stands there already */
    assert_int_equal(f.n_sent, 1);
    assert_string_equal(f.sent[0].text, "sea");
    ask_own(&f, 380);
    assert_true(fixture_shows(&f, "live @380") && fixture_shows(&f, "e own"));
    fixture_event(&f, "\"step\":380,\"type\":\"end\",\"reason\":\"finished\"");
    assert_false(fixture_shows(&f, "live @") || fixture_shows(&f, "asks again"));
    fixture_close(&f);
}

static void test_gain_glyphs(void **state) {
    static const struct {
        double gain;
        uint32_t ascii;
    } cases[] = {
        {0, '.'}, {0.05, '.'}, {-0.05, '.'}, {0.3, ':'}, {1, '*'},
        {2, '#'}, {9, '@'},    {-0.5, '-'},  {-4, '='},  {NAN, ' '},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(compare_gain_glyph(GLYPHS_ASCII, cases[i].gain), cases[i].ascii);
    assert_int_equal(compare_gain_glyph(GLYPHS_BRAILLE, 9), 0x2588);
}

/* A text longer than its place ends in "..", breaks between words, and stays in its place. */
static void test_compare_text(void **state) {
    struct canvas c;
    struct word words[WORDS_MAX];
    struct buf out = {0};
    (void)state;
    assert_true(canvas_init(&c, 14, 5, GLYPHS_ASCII, NULL));
    int n = words_split("the quick brown fox jumps over averyveryverylongword indeed and on",
                        words);
    words[2].changed = true;
    compare_draw_text(&c, (struct rect){1, 1, 12, 3}, words, n, STYLE_NORMAL);
    canvas_dump(&c, false, &out);
    assert_string_equal(buf_text(&out), "\n the quick\n [brown] fox\n jumps over..\n\n");
    buf_clear(&out);
    canvas_erase(&c);
    n = words_split("a averyveryverylongword b", words);
    compare_draw_text(&c, (struct rect){1, 1, 12, 3}, words, n, STYLE_NORMAL);
    canvas_dump(&c, false, &out);
    assert_string_equal(buf_text(&out), "\n a\n averyveryver\n ylongword b\n\n");
    buf_deinit(&out);
    canvas_deinit(&c);
}

/* ---- log */

static void test_log_scroll(void **state) {
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    for (int i = 0; i < 100; i++)
        fixture_event(
            &f,
            "\"step\":%d,\"type\":\"problem\",\"severity\":\"warning\",\"text\":\"number %d;\"",
            i, i);
    fixture_key(&f, '4');
    assert_true(fixture_shows(&f, "number 99;"));
    fixture_key(&f, KEYS_PAGE_UP);
    assert_false(fixture_shows(&f, "step 99 "));
    assert_true(fixture_shows(&f, "newer below"));
    char row[128];
    snprintf(row, sizeof row, "%s", fixture_row(&f, 16));
    fixture_event(
        &f, "\"step\":100,\"type\":\"problem\",\"severity\":\"warning\",\"text\":\"one more\"");
    assert_string_equal(row, fixture_row(&f, 16)); /* it stays where it is read */
    fixture_key(&f, 'g');
    assert_true(fixture_shows(&f, "number 0;"));
    fixture_key(&f, 'G');
    assert_true(fixture_shows(&f, "one more"));
    fixture_close(&f);
}

/* From line to line that contains the text, in any case, and round again; the line is marked.
 */
static void test_log_find(void **state) {
    static const char *const found[] = {"number 7;", "number 17;", "number 27;", "number 7;"};
    struct app_fixture f;
    (void)state;
    fixture_open(&f, APP_WATCH, 80, 24, GLYPHS_ASCII);
    fixture_type(&f, "4/x\r");
    assert_true(fixture_shows(&f, "no line of the log contains \"x\""));
    for (int i = 0; i < 30; i++)
        fixture_event(
            &f,
            "\"step\":%d,\"type\":\"problem\",\"severity\":\"warning\",\"text\":\"number %d;\"",
            i, i);
    fixture_type(&f, "/7;");
    for (int i = 0; i < 4; i++) {
        fixture_type(&f, i == 0 ? "\r" : "/\r");
        assert_true(fixture_shows(&f, found[i]));
        int marked = 0;
        for (int y = 0; y < f.canvas.h; y++) {
            if (f.canvas.cells[y * f.canvas.w + 24].style != STYLE_SELECTED) continue;
            assert_non_null(strstr(fixture_row(&f, y), found[i]));
            marked++;
        }
        assert_int_equal(marked, 1);
    }
    fixture_type(&f, "/NUMBER 2;\r");
    assert_true(fixture_shows(&f, "number 2;"));
    fixture_close(&f);
}

/* Long lines go on below themselves, and the pane scrolls by rows. */
static void test_log_wraps(void **state) {
    struct app_fixture f;
    char below[128];
    (void)state;
    fixture_open(&f, APP_DRIVE, 80, 24, GLYPHS_ASCII);
    for (int i = 0; i < 4; i++)
        fixture_event(&f,
                      "\"step\":%d,\"type\":\"problem\",\"severity\":\"warning\",\"text\":"
                      "\"checkpoint %d skipped because the disk is full; make room on it, then "
                      "type :checkpoint\"",
                      i, i);
    fixture_key(&f, '4');
    f.now += 60;
    assert_true(strstr(fixture_row(&f, 18), "step 3      warning: checkpoint 3 skipped"));
    assert_true(strstr(fixture_row(&f, 19),
                       "|                   make room on it, then type :checkpoint "));
    snprintf(below, sizeof below, "%s", fixture_row(&f, 18));
    fixture_key(&f, 'k'); /* one row up */
    assert_string_equal(below, fixture_row(&f, 19));
    assert_true(fixture_shows(&f, "1 newer below"));
    fixture_key(&f, 'k');
    assert_true(strstr(fixture_row(&f, 19), "make room on it, then type :checkpoint"));
    fixture_key(&f, 'g');
    assert_true(strstr(fixture_row(&f, 14), "checkpoint 0 skipped"));
    for (int i = 0; i < 9; i++) fixture_key(&f, 'j'); /* not beyond the end */
    assert_string_equal(below, fixture_row(&f, 18));
    assert_false(fixture_shows(&f, "newer below"));
    fixture_key(&f, 'k');
    assert_true(canvas_resize(&f.canvas, 120, 40, NULL)); /* other rows: the line stays */
    assert_true(fixture_shows(&f, "checkpoint 3 skipped"));
    fixture_close(&f);
}

static void test_log_is_bounded(void **state) {
    struct history h;
    struct event e = {.type = EVENT_PROBLEM, .problem = {.text = "again"}};
    (void)state;
    history_init(&h);
    for (int i = 0; i < 2 * JOURNAL_LINES_MAX + 5; i++) history_observe(&h, &e);
    assert_true(h.journal.n_lines <= JOURNAL_LINES_MAX);
    assert_int_equal(h.journal.dropped + (int64_t)h.journal.n_lines, 2 * JOURNAL_LINES_MAX + 5);
    assert_false(h.failed);
    history_deinit(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spike_survives), cmocka_unit_test(test_smooth_before_thinning),
        cmocka_unit_test(test_windows),        cmocka_unit_test(test_zoom_holds),
        cmocka_unit_test(test_layers_mouse),   cmocka_unit_test(test_layers_scroll),
        cmocka_unit_test(test_proof),          cmocka_unit_test(test_compare_follows),
        cmocka_unit_test(test_compare_cursor), cmocka_unit_test(test_gain_glyphs),
        cmocka_unit_test(test_compare_text),   cmocka_unit_test(test_log_scroll),
        cmocka_unit_test(test_log_is_bounded), cmocka_unit_test(test_log_find),
        cmocka_unit_test(test_log_wraps),      cmocka_unit_test(test_unseen_tokens),
        cmocka_unit_test(test_own_grows_old),
    };
    return cmocka_run_group_tests_name("panels", tests, NULL, NULL);
}
