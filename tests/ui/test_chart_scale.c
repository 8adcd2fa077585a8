#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/chart.h"

static const double steps[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
                    level[] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
                    holes[] = {10, 9, 8, NAN, 6, 5, INFINITY, 3, 2, -INFINITY, 0},
                    decades[] = {1e4, 1e4, 1e3, 1e3, 1e2, 1e2, 10, 10, 1, 1, 0};

static struct chart_series line(const double *y, size_t n, enum style style) {
    return (struct chart_series){.x = steps, .y = y, .n = n, .style = style};
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

static void test_find(void **state) {
    (void)state;
    assert_int_equal(chart_find(steps, 11, -1), 0);
    assert_int_equal(chart_find(steps, 11, 0), 0);
    assert_int_equal(chart_find(steps, 11, 3.5), 4);
    assert_int_equal(chart_find(steps, 11, 10), 10);
    assert_int_equal(chart_find(steps, 11, 11), 11);
    assert_int_equal(chart_find(NULL, 0, 1), 0);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),      cmocka_unit_test(test_number_width),
        cmocka_unit_test(test_ticks),        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_fit_outliers), cmocka_unit_test(test_find),
        cmocka_unit_test(test_sparkline),
    };
    return cmocka_run_group_tests_name("chart_scale", tests, NULL, NULL);
}
