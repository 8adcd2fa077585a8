#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/chart.h"

static const double steps[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
                    falling[] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
                    level[] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
                    holes[] = {10, 9, 8, NAN, 6, 5, INFINITY, 3, 2, -INFINITY, 0},
                    decades[] = {1e4, 1e4, 1e3, 1e3, 1e2, 1e2, 10, 10, 1, 1, 0};

static const struct chart_range whole = {0, 10, 0, 10, false, false, false},
                                decade = {0, 10, 1, 1e4, true, false, false};

static struct chart_series line(const double *y, size_t n, enum style style) {
    return (struct chart_series){.x = steps, .y = y, .n = n, .style = style};
}

/* ---- drawings, all of 26 x 7 cells */

static void draw(struct canvas *c, const struct chart_range *range, struct chart_series s) {
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, range, &s, 1, NULL, 0);
}

static void slope(struct canvas *c) { draw(c, &whole, line(falling, 11, STYLE_TRAIN)); }
static void empty(struct canvas *c) { draw(c, &whole, line(falling, 0, STYLE_TRAIN)); }
static void single(struct canvas *c) { draw(c, &whole, line(level, 1, STYLE_TRAIN)); }
static void gaps(struct canvas *c) { draw(c, &whole, line(holes, 11, STYLE_TRAIN)); }
static void logarithm(struct canvas *c) { draw(c, &decade, line(decades, 11, STYLE_TRAIN)); }
static void powers(struct canvas *c) { /* x from 1e-4 to 1 */
    static const double x[] = {-4, -3, -2, -1, 0};
    struct chart_range r = {-4, 0, 0, 10, false, true, false};
    struct chart_mark m = {-1, 's', STYLE_MARK, true, NULL};
    struct chart_series s = {.x = x, .y = falling, .n = 5, .style = STYLE_TRAIN};
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, &r, &s, 1, &m, 1);
}
static void
bare(struct canvas *c) { /* the curve has the rows of the axis and the letters, too */
    struct chart_range r = {0, 10, 0, 10, false, false, true};
    struct chart_mark m = {5, 'F', STYLE_FROZEN, true, NULL};
    struct chart_series s = line(falling, 11, STYLE_TRAIN);
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, &r, &s, 1, &m, 1);
}
static void dashes(struct canvas *c) {
    struct chart_series s = line(level, 11, STYLE_BASE);
    s.dashed = true;
    draw(c, &whole, s);
}
static void points(struct canvas *c) {
    struct chart_series s = line(falling, 11, STYLE_VAL);
    s.points = true;
    draw(c, &whole, s);
}
static void
letters(struct canvas *c) { /* a line with a figure here and there, and lone points */
    struct chart_series s[] = {line(level, 11, STYLE_OVERLAY_1),
                               line(falling, 11, STYLE_OVERLAY_1)};
    s[0].points = s[1].points = s[1].loose = true;
    s[0].letter = '1';
    s[0].spacing = 12;
    s[1].letter = 'a';
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, &whole, s, 2, NULL, 0);
}
static void zoomed(struct canvas *c) { /* between two points: the line still goes through */
    struct chart_range r = {4.25, 4.75, 0, 10, false, false, false};
    draw(c, &r, line(falling, 11, STYLE_TRAIN));
}
static void band(struct canvas *c) { /* eleven points in one column */
    struct chart_series s = {
        .x = level, .y = falling, .n = 11, .style = STYLE_BAND, .band = true};
    draw(c, &whole, s);
}
static void outside(struct canvas *c) {
    struct chart_range r = {0, 10, 4, 6, false, false, false};
    draw(c, &r, line(falling, 11, STYLE_TRAIN));
}
static void covered(struct canvas *c) { /* the later series stands above the earlier one */
    struct chart_series s[] = {line(falling, 11, STYLE_TRAIN), line(level, 11, STYLE_VAL)};
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, &whole, s, 2, NULL, 0);
}
static void marks(struct canvas *c) {
    struct chart_mark m[] = {{0, 'S', STYLE_MARK, true, NULL},
                             {5, 'F', STYLE_FROZEN, true, NULL},
                             {11, 'X', STYLE_MARK, true, NULL},
                             {NAN, 'N', STYLE_MARK, true, NULL}};
    chart_draw(c, (struct rect){0, 0, c->w, c->h}, &whole, NULL, 0, m, 4);
}
static void small(struct canvas *c) { /* no room for labels */
    struct chart_series s = line(falling, 11, STYLE_TRAIN);
    chart_draw(c, (struct rect){1, 1, 8, 2}, &whole, &s, 1, NULL, 0);
    chart_draw(c, (struct rect){12, 1, 1, 2}, &whole, &s, 1, NULL, 0);
    chart_draw(c, (struct rect){14, 1, 2, 1}, &whole, &s, 1, NULL, 0);
}
static void nonsense(struct canvas *c) {
    static const struct chart_range bad[] = {
        {1, 1, 0, 1, false, false, false},   {2, 1, 0, 1, false, false, false},
        {0, 1, 1, 0, false, false, false},   {0, 1, 0, 1, true, false, false},
        {NAN, 1, 0, 1, false, false, false}, {0, INFINITY, 0, 1, false, false, false}};
    for (size_t i = 0; i < COUNT(bad); i++) draw(c, &bad[i], line(falling, 11, STYLE_TRAIN));
}

static const struct drawing {
    const char *name;
    enum glyphs glyphs;
    void (*draw)(struct canvas *c);
    const char *expected;
} drawings[] = {
    {"slope, braille", GLYPHS_BRAILLE, slope,
     " 10.0 ⠑⠢⢄⡀\n"
     "         ⠈⠒⠤⣀\n"
     "             ⠑⠢⢄\n"
     " 5.00           ⠑⠢⢄\n"
     "                   ⠉⠒⠤⡀\n"
     " 0.00                 ⠈⠑⠢⢄\n"
     "      0                 10\n"},
    {"slope, blocks", GLYPHS_BLOCKS, slope,
     " 10.0 ▀▄▄\n"
     "         ▀▀▄▄\n"
     "             ▀▀▄\n"
     " 5.00           ▀▄▄\n"
     "                   ▀▀▄▄\n"
     " 0.00                  ▀▀▄\n"
     "      0                 10\n"},
    {"slope, ASCII", GLYPHS_ASCII, slope,
     " 10.0 **\n"
     "        ****\n"
     "            ****\n"
     " 5.00           ***\n"
     "                   ****\n"
     " 0.00                  ***\n"
     "      0                 10\n"},
    {"empty", GLYPHS_ASCII, empty,
     " 10.0\n"
     "\n"
     "\n"
     " 5.00\n"
     "\n"
     " 0.00\n"
     "      0                 10\n"},
    {"single point, braille", GLYPHS_BRAILLE, single,
     " 10.0\n"
     "\n"
     "\n"
     " 5.00 ⠁\n"
     "\n"
     " 0.00\n"
     "      0                 10\n"},
    {"single point, ASCII", GLYPHS_ASCII, single,
     " 10.0\n"
     "\n"
     "\n"
     " 5.00 *\n"
     "\n"
     " 0.00\n"
     "      0                 10\n"},
    {"NaN and infinity, braille", GLYPHS_BRAILLE, gaps,
     " 10.0 ⠑⠢⢄⡀  x    x     x\n"
     "         ⠈⠂\n"
     "              ⠢⢄\n"
     " 5.00           ⠁\n"
     "                   ⠈⠒⠤\n"
     " 0.00                    ⢀\n"
     "      0                 10\n"},
    {"NaN and infinity, ASCII", GLYPHS_ASCII, gaps,
     " 10.0 **    x    x     x\n"
     "        ***\n"
     "              **\n"
     " 5.00           *\n"
     "                   ***\n"
     " 0.00                    *\n"
     "      0                 10\n"},
    {"log, braille", GLYPHS_BRAILLE, logarithm,
     "      ⠉⠉⠱⡀               x\n"
     "1.00k    ⠘⠤⠤⡄\n"
     "            ⠈⢆\n"
     "  100         ⠉⠉⠱⡀\n"
     "                 ⠘⠒⠒⢄\n"
     " 1.00               ⠈⢢⣀⣀\n"
     "      0                 10\n"},
    {"powers of ten on the x axis", GLYPHS_ASCII, powers,
     " 10.0 *****         :\n"
     "           *********:\n"
     "                    ******\n"
     " 5.00               :\n"
     "                    :\n"
     " 0.00               :\n"
     "      1e-4    0.01       1\n"},
    {"without an axis", GLYPHS_ASCII, bare,
     " 10.0 **        :\n"
     "        ***     :\n"
     "           **** :\n"
     " 5.00          **\n"
     "                :***\n"
     "                :   ****\n"
     " 0.00           :       **\n"},
    {"log, ASCII", GLYPHS_ASCII, logarithm,
     "      ***                x\n"
     "1.00k    ****\n"
     "             *\n"
     "  100         ***\n"
     "                 ****\n"
     " 1.00                ***\n"
     "      0                 10\n"},
    {"dashes, braille", GLYPHS_BRAILLE, dashes,
     " 10.0\n"
     "\n"
     "\n"
     " 5.00 ⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁\n"
     "\n"
     " 0.00\n"
     "      0                 10\n"},
    {"dashes, blocks", GLYPHS_BLOCKS, dashes,
     " 10.0\n"
     "\n"
     "\n"
     " 5.00 ▀ ▀ ▀ ▀ ▀ ▀ ▀ ▀ ▀ ▀\n"
     "\n"
     " 0.00\n"
     "      0                 10\n"},
    {"dashes, ASCII", GLYPHS_ASCII, dashes,
     " 10.0\n"
     "\n"
     "\n"
     " 5.00 ====================\n"
     "\n"
     " 0.00\n"
     "      0                 10\n"},
    {"points, braille", GLYPHS_BRAILLE, points,
     " 10.0 o⠢⢄⡀\n"
     "         ⠈o⠤⣀\n"
     "             ⠑o⢄\n"
     " 5.00           ⠑o⢄\n"
     "                   ⠉⠒o⡀\n"
     " 0.00                 ⠈⠑⠢o\n"
     "      0                 10\n"},
    {"points, ASCII", GLYPHS_ASCII, points,
     " 10.0 o-\n"
     "        --o-\n"
     "            --o-\n"
     " 5.00           -o-\n"
     "                   --o-\n"
     " 0.00                  --o\n"
     "      0                 10\n"},
    {"letters, braille", GLYPHS_BRAILLE, letters,
     " 10.0 a\n"
     "          a\n"
     "              a\n"
     " 5.00 1⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉a⠉1⠉⠉⠉⠉⠉⠉\n"
     "                     a\n"
     " 0.00                    a\n"
     "      0                 10\n"},
    {"letters, ASCII", GLYPHS_ASCII, letters,
     " 10.0 a\n"
     "          a\n"
     "              a\n"
     " 5.00 11111111111a11111111\n"
     "                     a\n"
     " 0.00                    a\n"
     "      0                 10\n"},
    {"between two points", GLYPHS_ASCII, zoomed,
     " 10.0\n"
     "\n"
     "      ********************\n"
     " 5.00\n"
     "\n"
     " 0.00\n"
     "               4.5\n"},
    {"band, braille", GLYPHS_BRAILLE, band,
     " 10.0           ⡇\n"
     "                ⡇\n"
     "                ⡇\n"
     " 5.00           ⡇\n"
     "                ⡇\n"
     " 0.00           ⡇\n"
     "      0                 10\n"},
    {"band, blocks", GLYPHS_BLOCKS, band,
     " 10.0           █\n"
     "                █\n"
     "                █\n"
     " 5.00           █\n"
     "                █\n"
     " 0.00           █\n"
     "      0                 10\n"},
    {"band, ASCII", GLYPHS_ASCII, band,
     " 10.0           .\n"
     "                .\n"
     "                .\n"
     " 5.00           .\n"
     "                .\n"
     " 0.00           .\n"
     "      0                 10\n"},
    {"beyond the range", GLYPHS_BRAILLE, outside,
     " 6.00         ⢇\n"
     "              ⠘⡄\n"
     "               ⢱\n"
     " 5.00           ⢇\n"
     "                ⠘⡄\n"
     " 4.00            ⢱\n"
     "      0                 10\n"},
    {"covered", GLYPHS_ASCII, covered,
     " 10.0 **\n"
     "        ****\n"
     "            ****\n"
     " 5.00 --------------------\n"
     "                   ****\n"
     " 0.00                  ***\n"
     "      0                 10\n"},
    {"marks, braille", GLYPHS_BRAILLE, marks,
     " 10.0 ⠅         ⠅\n"
     "      ⠅         ⠅\n"
     "      ⠅         ⠅\n"
     " 5.00 ⠅         ⠅\n"
     "      ⠅         ⠅\n"
     " 0.00 ⠅         ⠅\n"
     "      0                 10\n"},
    {"marks, ASCII", GLYPHS_ASCII, marks,
     " 10.0 :         :\n"
     "      :         :\n"
     "      :         :\n"
     " 5.00 :         :\n"
     "      :         :\n"
     " 0.00 :         :\n"
     "      0                 10\n"},
    {"too small for labels", GLYPHS_BRAILLE, small,
     "\n"
     " ⠉⠒⠤⣀         ⠑⣄\n"
     "     ⠉⠒⠤⣄\n"
     "\n"
     "\n"
     "\n"
     "\n"},
    {"nonsense ranges draw nothing", GLYPHS_BRAILLE, nonsense,
     "\n"
     "\n"
     "\n"
     "\n"
     "\n"
     "\n"
     "\n"},
};

static void test_drawing(void **state) {
    const struct drawing *d = *state;
    struct canvas c;
    struct buf out = {0};
    assert_true(canvas_init(&c, 26, 7, d->glyphs, NULL));
    d->draw(&c);
    canvas_dump(&c, false, &out);
    assert_string_equal(buf_text(&out), d->expected);
    buf_deinit(&out);
    canvas_deinit(&c);
}

static void check_rows(struct canvas *c, const char *expected) {
    struct buf out = {0};
    canvas_dump(c, false, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_deinit(&out);
}

/* Letters have a row of their own, so numbers stay whole; words stand among the numbers, with
 * blanks around them; in a column the first mark wins. */
static void test_mark_rows(void **state) {
    struct canvas c;
    struct chart_mark m[] = {
        {5, ':', STYLE_BASE, true, ":BASE"},
        {5, 'F', STYLE_FROZEN, true, NULL},
        {0, 'c', STYLE_DIM, false, NULL},
        {10, 'c', STYLE_DIM, false, NULL},
        {9.5, '!', STYLE_ERROR, true, ":BASE"}}; /* no room for a word there */
    (void)state;
    assert_true(canvas_init(&c, 26, 8, GLYPHS_ASCII, NULL));
    chart_draw(&c, (struct rect){0, 0, 26, 8}, &whole, NULL, 0, m, COUNT(m));
    check_rows(&c, " 10.0           :       :\n"
                   "                :       :\n"
                   "                :       :\n"
                   " 5.00           :       :\n"
                   "                :       :\n"
                   " 0.00           :       :\n"
                   "      c         :       !c\n"
                   "      0         :BASE   10\n");
    assert_int_equal(c.cells[6 * 26 + 16].style, STYLE_BASE);
    canvas_erase(&c);
    chart_draw(&c, (struct rect){0, 0, 26, 7}, &whole, NULL, 0, m, COUNT(m)); /* too low */
    check_rows(&c, " 10.0           :       :\n"
                   "                :       :\n"
                   "                :       :\n"
                   " 5.00           :       :\n"
                   "                :       :\n"
                   " 0.00           :       :\n"
                   "      0         :BASE   10\n"
                   "\n");
    canvas_deinit(&c);
}

/* Zoomed in as far as it goes: no two numbers of an axis are the same. */
static void test_labels_differ(void **state) {
    (void)state;
    for (double width = 3; width < 3000; width *= 1.7) {
        struct canvas c;
        struct buf out = {0};
        char last[32] = "", *save = NULL;
        struct chart_range r = {1220, 1220 + width, 0, 1, false, false, false};
        assert_true(canvas_init(&c, 120, 8, GLYPHS_ASCII, NULL));
        chart_draw(&c, (struct rect){0, 0, 120, 8}, &r, NULL, 0, NULL, 0);
        canvas_dump(&c, false, &out);
        char *row = strrchr(out.data, '\n'); /* of the last row, the axis */
        *row = '\0';
        row = strrchr(out.data, '\n');
        int n = 0;
        for (char *w = strtok_r(row, " \n", &save); w; w = strtok_r(NULL, " \n", &save), n++) {
            assert_string_not_equal(w, last);
            strcpy(last, w);
        }
        assert_true(n >= 2);
        buf_deinit(&out);
        canvas_deinit(&c);
    }
}

enum { LONG = 20000 };

/* A spike that is one point of a long run survives down-sampling. */
static void test_spike(void **state) {
    (void)state;
    double *x = calloc(LONG, sizeof *x), *y = calloc(LONG, sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    for (int i = 0; i < LONG; i++) x[i] = i, y[i] = i == 7777 ? 9.0 : 1.0;
    for (int band_too = 0; band_too < 2; band_too++) {
        struct canvas c;
        struct chart_range r = {0, LONG - 1, 0, 10, false, false, false};
        struct chart_series s = {
            .x = x, .y = y, .n = LONG, .style = STYLE_BAND, .band = band_too};
        assert_true(canvas_init(&c, 46, 11, GLYPHS_ASCII, NULL));
        chart_draw(&c, (struct rect){0, 0, 46, 11}, &r, &s, 1, NULL, 0);
        int column = 6 + (int)lround(7777.0 / (LONG - 1) * 39);
        assert_int_equal(c.cells[1 * 46 + column].style, STYLE_BAND);
        canvas_deinit(&c);
    }
    free(x);
    free(y);
}

/* Any values in any rectangle: nothing outside the rectangle changes. */
static void test_stays_inside(void **state) {
    (void)state;
    struct rng rng = rng_make(5, 0, 0);
    static const double strange[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, 1e-308, -1};
    for (int round = 0; round < 3000; round++) {
        double x[40], y[40];
        for (int i = 0; i < 40; i++) {
            x[i] = i > 0 ? x[i - 1] + rng_uniform(&rng) * (i % 7 == 0 ? 1e6 : 1.0) : -3.0;
            y[i] = rng_below(&rng, 5) ? rng_normal(&rng) * 10.0 : strange[rng_below(&rng, 8)];
        }
        struct canvas c;
        assert_true(canvas_init(&c, 40, 14, (enum glyphs)rng_below(&rng, 3), NULL));
        struct rect area = {5, 3, (int)rng_below(&rng, 31), (int)rng_below(&rng, 9)};
        struct chart_range r = {rng_uniform(&rng) * 10,
                                11 + rng_uniform(&rng) * 1e6,
                                0.5,
                                20,
                                rng_below(&rng, 2),
                                rng_below(&rng, 2),
                                rng_below(&rng, 2)};
        struct chart_series s[] = {
            {.x = x, .y = y, .n = 40, .style = STYLE_BAND, .band = true},
            {.x = x, .y = y, .n = 40, .style = STYLE_VAL, .points = true}};
        struct chart_mark m = {x[20], 'M', STYLE_MARK, true, ":WORD"};
        chart_draw(&c, area, &r, s, 2, &m, 1);
        for (int i = 0; i < 40 * 14; i++) {
            int cx = i % 40, cy = i / 40;
            bool in =
                cx >= area.x && cx < area.x + area.w && cy >= area.y && cy < area.y + area.h;
            if (!in) assert_int_equal(c.cells[i].ch, ' ');
        }
        canvas_deinit(&c);
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(drawings) + 4];
    size_t n = 0;
    for (; n < COUNT(drawings); n++)
        tests[n] = (struct CMUnitTest){.name = drawings[n].name,
                                       .test_func = test_drawing,
                                       .initial_state = (void *)&drawings[n]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_mark_rows),
        cmocka_unit_test(test_labels_differ),
        cmocka_unit_test(test_spike),
        cmocka_unit_test(test_stays_inside),
    };
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
