#include <math.h>

#include "check.h"
#include "ui/theme.h"

static const enum theme coloured[] = {THEME_DARK, THEME_LIGHT, THEME_COLOUR_BLIND,
                                      THEME_COLOUR_BLIND_LIGHT};
static const int depths[] = {0, 8, 16, 256, 1 << 24};

static void test_indexes(void **state) {
    (void)state;
    for (int style = 0; style < STYLE_COUNT; style++)
        for (size_t d = 0; d < COUNT(depths); d++)
            for (int theme = 0; theme < THEME_COUNT; theme++) {
                struct look look = theme_look((enum style)style, depths[d], (enum theme)theme);
                int limit = depths[d] < 256 ? depths[d] : 256;
                assert_true(look.fg >= THEME_DEFAULT && look.fg < limit);
                assert_true(look.bg >= THEME_DEFAULT && look.bg < limit);
            }
}

/* Nothing is drawn in the colour of the background. */
static void test_visible(void **state) {
    (void)state;
    for (int style = 0; style < STYLE_COUNT; style++)
        for (int colours = 8; colours <= 16; colours += 8) {
            for (size_t i = 0; i < COUNT(coloured); i++) {
                int fg = theme_look((enum style)style, colours, coloured[i]).fg;
                if (!theme_is_light(coloured[i])) assert_int_not_equal(fg, 0);
                else assert_true(fg != 7 && fg != 15);
            }
        }
}

/* Without colours what matters still stands out. */
static void test_mono(void **state) {
    (void)state;
    static const enum style loud[] = {STYLE_ACTIVE, STYLE_SELECTED, STYLE_CURSOR,
                                      STYLE_ERROR,  STYLE_WARNING,  STYLE_CHANGED,
                                      STYLE_STRONG, STYLE_KEY,      STYLE_FRAME_FOCUS};
    for (size_t i = 0; i < COUNT(loud); i++) {
        struct look look = theme_look(loud[i], 0, THEME_DARK);
        assert_true(look.bold || look.reverse || look.underline);
    }
    for (int style = 0; style < STYLE_COUNT; style++) { /* however many colours there are */
        struct look mono = theme_look((enum style)style, 256, THEME_MONO);
        struct look none = theme_look((enum style)style, 0, THEME_DARK);
        assert_int_equal(mono.fg, THEME_DEFAULT);
        assert_int_equal(mono.bg, THEME_DEFAULT);
        assert_int_equal(mono.bold, none.bold);
        assert_int_equal(mono.reverse, none.reverse);
    }
    for (size_t d = 0; d < COUNT(depths); d++) {
        struct look look = theme_look(STYLE_SELECTED, depths[d], THEME_DARK);
        assert_true(look.reverse || look.bg != THEME_DEFAULT);
        assert_true(theme_look(STYLE_CURSOR, depths[d], THEME_LIGHT).reverse);
    }
}

static void test_palette(void **state) {
    (void)state;
    assert_int_equal(theme_rgb(16), 0x000000);
    assert_int_equal(theme_rgb(231), 0xFFFFFF);
    assert_int_equal(theme_rgb(196), 0xFF0000);
    assert_int_equal(theme_rgb(67), 0x5F87AF);
    assert_int_equal(theme_rgb(232), 0x080808);
    assert_int_equal(theme_rgb(255), 0xEEEEEE);
    assert_int_equal(theme_rgb(-1), 0);
    assert_int_equal(theme_rgb(256), 0);
}

/* Linear light of the three channels, 0 to 1 (IEC 61966-2-1). */
static void linear_rgb(int index, double out[3]) {
    for (int k = 0; k < 3; k++) {
        double v = (theme_rgb(index) >> (16 - 8 * k) & 0xFF) / 255.0;
        out[k] = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
    }
}

/* Contrast of two palette entries, 1 to 21 (WCAG 2.1, relative luminance). */
static double contrast(int a, int b) {
    double la[3], lb[3];
    linear_rgb(a, la);
    linear_rgb(b, lb);
    double ya = 0.2126 * la[0] + 0.7152 * la[1] + 0.0722 * la[2] + 0.05;
    double yb = 0.2126 * lb[0] + 0.7152 * lb[1] + 0.0722 * lb[2] + 0.05;
    return ya > yb ? ya / yb : yb / ya;
}

static void test_contrast(void **state) {
    (void)state;
    for (int style = 0; style < STYLE_COUNT; style++)
        for (size_t i = 0; i < COUNT(coloured); i++) {
            bool light = theme_is_light(coloured[i]);
            struct look look = theme_look((enum style)style, 256, coloured[i]);
            if (look.fg == THEME_DEFAULT || style == STYLE_FRAME || style == STYLE_BAND)
                continue;
            int back = look.bg != THEME_DEFAULT ? look.bg : light ? 231 : 16;
            if (contrast(look.fg, back) < 4.5)
                fail_msg("style %d, theme %d: contrast %.2f", style, (int)coloured[i],
                         contrast(look.fg, back));
        }
}

/* How far apart two palette entries are for someone without the cones of `kind` (0: all three
 * kinds): distance in L*a*b*. Matrices: Machado, Oliveira, Fernandes, "A Physiologically-based
 * Model for Simulation of Color Vision Deficiency", IEEE TVCG 15 (2009), severity 1. */
static const double blindness[4][3][3] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
    {{0.152286, 1.052583, -0.204868},
     {0.114503, 0.786281, 0.099216},
     {-0.003882, -0.048116, 1.051998}},
    {{0.367322, 0.860646, -0.227968},
     {0.280085, 0.672501, 0.047413},
     {-0.011820, 0.042940, 0.968881}},
    {{1.255528, -0.076749, -0.178779},
     {-0.078411, 0.930809, 0.147602},
     {0.004733, 0.691367, 0.303900}},
};

static double lab_curve(double t) { return t > 0.008856 ? cbrt(t) : t / 0.128419 + 4.0 / 29.0; }

static void to_lab(int index, int kind, double lab[3]) {
    double rgb[3], seen[3];
    linear_rgb(index, rgb);
    for (int r = 0; r < 3; r++) {
        seen[r] = 0.0;
        for (int k = 0; k < 3; k++) seen[r] += blindness[kind][r][k] * rgb[k];
        seen[r] = fmin(fmax(seen[r], 0.0), 1.0);
    }
    double x = (0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.9505;
    double y = 0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2];
    double z = (0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.089;
    lab[0] = 116.0 * lab_curve(y) - 16.0;
    lab[1] = 500.0 * (lab_curve(x) - lab_curve(y));
    lab[2] = 200.0 * (lab_curve(y) - lab_curve(z));
}

static double distance(int a, int b, int kind) {
    double la[3], lb[3], sum = 0.0;
    to_lab(a, kind, la);
    to_lab(b, kind, lb);
    for (int k = 0; k < 3; k++) sum += (la[k] - lb[k]) * (la[k] - lb[k]);
    return sqrt(sum);
}

/* The same for whichever eye tells them apart least. */
static double least_distance(int a, int b) {
    double least = INFINITY;
    for (int kind = 0; kind < 4; kind++) least = fmin(least, distance(a, b, kind));
    return least;
}

static void check_apart(enum style one, enum style other, int colours, enum theme theme,
                        double wanted) {
    struct look a = theme_look(one, colours, theme), b = theme_look(other, colours, theme);
    double apart = least_distance(a.fg, b.fg);
    if (apart < wanted)
        fail_msg("styles %d and %d, theme %d, %d colours: %.1f", one, other, (int)theme,
                 colours, apart);
}

static const enum style curves[] = {STYLE_TRAIN,    STYLE_VAL,       STYLE_DOMAIN,
                                    STYLE_BASE,     STYLE_OVERLAY_1, STYLE_OVERLAY_2,
                                    STYLE_OVERLAY_3};
enum { PLAIN_CURVES = 4 }; /* of a run without others over it */

/* What stands side by side: all curves, and some pairs. 20 is about ten times what can just be
 * noticed; the colour-blind themes have more. */
static void test_colour_blindness(void **state) {
    (void)state;
    static const enum style pairs[][2] = {{STYLE_TRAIN, STYLE_BAND},
                                          {STYLE_GAIN, STYLE_LOSS},
                                          {STYLE_FROZEN, STYLE_LEARN},
                                          {STYLE_ACTIVE, STYLE_DONE}};
    for (size_t t = 0; t < COUNT(coloured); t++) {
        bool blind = coloured[t] >= THEME_COLOUR_BLIND;
        for (size_t i = 0; i < COUNT(pairs); i++)
            check_apart(pairs[i][0], pairs[i][1], 256, coloured[t], 20);
        for (size_t i = 0; i < COUNT(curves); i++)
            for (size_t k = 0; k < i; k++)
                check_apart(curves[i], curves[k], 256, coloured[t], blind ? 27 : 20);
    }
}

/* Where there are few colours, with xterm's own: the curves of a plain run. */
static void test_colour_blind_few(void **state) {
    (void)state;
    for (int colours = 8; colours <= 16; colours += 8)
        for (int i = 0; i < PLAIN_CURVES; i++)
            for (int k = 0; k < i; k++) {
                check_apart(curves[i], curves[k], colours, THEME_COLOUR_BLIND, 23);
                check_apart(curves[i], curves[k], colours, THEME_COLOUR_BLIND_LIGHT, 23);
            }
}

static void test_background(void **state) {
    static const struct {
        const char *said;
        enum theme theme;
    } cases[] = {
        {NULL, THEME_DARK},         {"", THEME_DARK},     {"15;0", THEME_DARK},
        {"0;15", THEME_LIGHT},      {"0;7", THEME_LIGHT}, {"12;default;15", THEME_LIGHT},
        {"15;default", THEME_DARK}, {"15", THEME_DARK},   {";", THEME_DARK}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(theme_of_background(cases[i].said), cases[i].theme);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_visible),
        cmocka_unit_test(test_mono),
        cmocka_unit_test(test_palette),
        cmocka_unit_test(test_contrast),
        cmocka_unit_test(test_colour_blindness),
        cmocka_unit_test(test_colour_blind_few),
        cmocka_unit_test(test_background),
    };
    return cmocka_run_group_tests_name("theme", tests, NULL, NULL);
}
