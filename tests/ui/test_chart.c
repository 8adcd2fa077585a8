#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/core/rng.h"
#include "ui/chart.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const double steps[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
                    falling[] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
                    level[] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
                    holes[] = {10, 9, 8, NAN, 6, 5, INFINITY, 3, 2, -INFINITY, 0},
                    decades[] = {1e4, 1e4, 1e3, 1e3, 1e2, 1e2, 10, 10, 1, 1, 0};

static const struct chart_range whole = {0, 10, 0, 10, false, false},
                                decade = {0, 10, 1, 1e4, true, false};

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
    struct chart_range r = {-4, 0, 0, 10, false, true};
    struct chart_mark m = {-1, 's', STYLE_MARK, true, NULL};
    struct chart_series s = {.x = x, .y = falling, .n = 5, .style = STYLE_TRAIN};
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
    struct chart_range r = {4.25, 4.75, 0, 10, false, false};
    draw(c, &r, line(falling, 11, STYLE_TRAIN));
}
static void band(struct canvas *c) { /* eleven points in one column */
    struct chart_series s = {
        .x = level, .y = falling, .n = 11, .style = STYLE_BAND, .band = true};
    draw(c, &whole, s);
}
static void outside(struct canvas *c) {
    struct chart_range r = {0, 10, 4, 6, false, false};
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
        {1, 1, 0, 1, false, false},   {2, 1, 0, 1, false, false},
        {0, 1, 1, 0, false, false},   {0, 1, 0, 1, true, false},
        {NAN, 1, 0, 1, false, false}, {0, INFINITY, 0, 1, false, false}};
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

static const struct number_case {
    double v;
    const char *text;
} numbers[] = {
    {0, "0.00"},         {4.2, "4.20"},    {9.996, "10.0"},      {12.44, "12.4"},
    {99.96, "100"},      {123.4, "123"},   {999.4, "999"},       {999.6, "1.00k"},
    {12400, "12.4k"},    {99960, "100k"},  {1e6, "1.00M"},       {1.5e9, "1.50G"},
    {2e12, "2.00T"},     {-1.25, "-1.25"}, {-12.5, "-12.5"},     {0.01, "0.01"},
    {0.009, "9e-3"},     {1e-4, "1e-4"},   {2.1e-4, "2e-4"},     {9.9e-5, "1e-4"},
    {-1e-4, "-1e-4"},    {1e-12, "1e-12"}, {NAN, "nan"},         {INFINITY, "inf"},
    {-INFINITY, "-inf"}, {1e300, "1e300"}, {-1e-300, "-1e-300"},
};

static void test_numbers(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char text[12];
        chart_number(text, numbers[i].v);
        assert_string_equal(text, numbers[i].text);
    }
}

/* What a loss can be never needs more than five columns. */
static void test_number_width(void **state) {
    (void)state;
    struct rng rng = rng_make(3, 0, 0);
    for (int i = 0; i < 100000; i++) {
        char text[12];
        double v = pow(10.0, 20.0 * rng_uniform(&rng) - 6.0);
        chart_number(text, v);
        if (strlen(text) > 5) fail_msg("%g is %s", v, text);
        double read = strtod(text, NULL); /* k, M and so on are cut off */
        assert_true(v >= 999.0 || fabs(read - v) <= (v < 0.01 ? 0.5 : 0.006) * fmax(v, 1.0));
    }
}

static const struct tick_case {
    double v, step;
    int most;
    const char *text;
} ticks[] = {
    {100, 100, 11, "100"},       {1000, 1000, 11, "1.00k"},
    {1220, 10, 11, "1.22k"},     {1224, 2, 11, "1224"},
    {1222, 2, 11, "1222"},       {12500, 500, 11, "12.5k"},
    {2501000, 1e3, 11, "2501k"}, {2501500, 500, 11, "2501500"},
    {0, 2, 11, "0.00"},          {12.5, 0.5, 11, "12.5"},
    {12.35, 0.05, 11, "12.35"},  {1.235, 0.005, 5, "1.235"},
    {1.23, 0.005, 5, "1.230"},   {0.005, 0.005, 5, "5e-3"},
    {12.355, 0.005, 5, "12.4"},  {-1224, 2, 11, "-1224"},
    {1e300, 1e290, 11, "1e300"}, {NAN, 1, 11, "nan"},
    {5, NAN, 11, "5.00"},        {5, 0, 11, "5.00"},
};

/* As many digits as tell neighbours apart, where they have room. */
static void test_ticks(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ticks); i++) {
        char text[12];
        chart_tick(text, ticks[i].v, ticks[i].step, ticks[i].most);
        assert_string_equal(text, ticks[i].text);
    }
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
        struct chart_range r = {1220, 1220 + width, 0, 1, false, false};
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

static void test_fit(void **state) {
    (void)state;
    double y0, y1;
    struct chart_series none = line(level, 0, STYLE_TRAIN), flat = line(level, 11, STYLE_TRAIN);
    assert_false(chart_fit(&none, 1, 0, 10, false, &y0, &y1));
    assert_false(chart_fit(&flat, 1, 20, 30, false, &y0, &y1));
    assert_true(chart_fit(&flat, 1, 0, 10, false, &y0, &y1));
    assert_true(y0 < 5 && y1 > 5 && y1 - y0 < 2);
    assert_true(chart_fit(&flat, 1, 0, 10, true, &y0, &y1));
    assert_true(y0 < 5 && y1 > 5 && y0 > 4);
    struct chart_series bad = line(holes, 11, STYLE_TRAIN);
    assert_true(
        chart_fit(&bad, 1, 1, 10, false, &y0, &y1)); /* from 9 down to 0, 5 % room above */
    assert_true(y0 == 0 && fabs(y1 - 9.45) < 1e-9);
    struct chart_series zero = line(decades, 11, STYLE_TRAIN);
    assert_true(chart_fit(&zero, 1, 1, 10, true, &y0, &y1)); /* the 0 has no logarithm */
    assert_true(fabs(y0 - 1 / pow(1e4, 0.05)) < 1e-9 && fabs(y1 - 1e4 * pow(1e4, 0.05)) < 1e-6);
}

enum { LONG = 20000 };

/* A few spikes and the warm-up do not make the range; a second series is held as well. */
static void test_fit_outliers(void **state) {
    (void)state;
    double *x = calloc(LONG, sizeof *x), *y = calloc(LONG, sizeof *y), y0, y1;
    assert_non_null(x);
    assert_non_null(y);
    for (int i = 0; i < LONG; i++) {
        x[i] = i;
        y[i] = i < 5 ? 50.0 : i % 1000 == 999 ? 90.0 : 2.0 + (i % 7) * 0.15;
    }
    struct chart_series s[] = {{.x = x, .y = y, .n = LONG}, line(level, 2, STYLE_BASE)};
    assert_true(chart_fit(s, 1, 0, LONG, false, &y0, &y1));
    assert_true(y0 > 1.9 && y0 < 2.0 && y1 > 2.9 && y1 < 2.95);
    assert_true(chart_fit(s, 2, 0, LONG, false, &y0, &y1));
    assert_true(y0 < 2.0 && y1 > 5.0 && y1 < 5.3);
    free(x);
    free(y);
}

/* A spike that is one point of a long run survives down-sampling. */
static void test_spike(void **state) {
    (void)state;
    double *x = calloc(LONG, sizeof *x), *y = calloc(LONG, sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    for (int i = 0; i < LONG; i++) x[i] = i, y[i] = i == 7777 ? 9.0 : 1.0;
    for (int band_too = 0; band_too < 2; band_too++) {
        struct canvas c;
        struct chart_range r = {0, LONG - 1, 0, 10, false, false};
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
        struct chart_range r = {
            rng_uniform(&rng) * 10, 11 + rng_uniform(&rng) * 1e6, 0.5, 20, rng_below(&rng, 2),
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

static void check_sparkline(enum glyphs glyphs, int w, const double *y, size_t n,
                            const char *expected) {
    struct canvas c;
    struct buf out = {0};
    assert_true(canvas_init(&c, 12, 1, glyphs, NULL));
    chart_sparkline(&c, 0, 0, w, y, n, STYLE_TRAIN);
    canvas_dump(&c, false, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_deinit(&out);
    canvas_deinit(&c);
}

static void test_sparkline(void **state) {
    (void)state;
    static const double up[] = {0, 1, 2, 3, 4, 5, 6, 7}, some[] = {NAN, 1, INFINITY, 2};
    check_sparkline(GLYPHS_BRAILLE, 12, up, 8, "▁▂▃▄▅▆▇█\n");
    check_sparkline(GLYPHS_ASCII, 12, up, 8, "_.-=+*#@\n");
    check_sparkline(GLYPHS_BRAILLE, 4, up, 8, "▁▃▆█\n"); /* means of two */
    check_sparkline(GLYPHS_BRAILLE, 12, some, 4, "x▁x█\n");
    check_sparkline(GLYPHS_BRAILLE, 12, some, 1, "x\n");
    check_sparkline(GLYPHS_ASCII, 12, level, 5, "_____\n");
    check_sparkline(GLYPHS_ASCII, 12, up, 0, "\n");
    check_sparkline(GLYPHS_ASCII, 0, up, 8, "\n");
}

static void test_find(void **state) {
    (void)state;
    assert_int_equal(chart_find(steps, 11, -1), 0);
    assert_int_equal(chart_find(steps, 11, 0), 0);
    assert_int_equal(chart_find(steps, 11, 3.5), 4);
    assert_int_equal(chart_find(steps, 11, 10), 10);
    assert_int_equal(chart_find(steps, 11, 11), 11);
    assert_int_equal(chart_find(NULL, 0, 1), 0);
}

int main(void) {
    struct CMUnitTest tests[COUNT(drawings) + 11];
    size_t n = 0;
    for (; n < COUNT(drawings); n++)
        tests[n] = (struct CMUnitTest){.name = drawings[n].name,
                                       .test_func = test_drawing,
                                       .initial_state = (void *)&drawings[n]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_ticks),         cmocka_unit_test(test_mark_rows),
        cmocka_unit_test(test_labels_differ), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_number_width),  cmocka_unit_test(test_fit),
        cmocka_unit_test(test_fit_outliers),  cmocka_unit_test(test_spike),
        cmocka_unit_test(test_stays_inside),  cmocka_unit_test(test_sparkline),
        cmocka_unit_test(test_find),
    };
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
