/* test_canvas_dump.c - a canvas as text, ANSI and SVG, byte for byte; whatever is drawn, only
 * our own sequences and tags come out. */
#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/canvas_dump.h"

/* ---- exact */

static void draw(struct canvas *c) {
    canvas_text(c, 0, 0, STYLE_STRONG, "a<b", 3);
    canvas_text(c, 4, 0, STYLE_NORMAL, "e\xCC\x81\xE6\x97\xA5", 6); /* an accent, a wide one */
    canvas_text(c, 0, 1, STYLE_TRAIN, "\xE2\xA0\x81\xE2\xA0\x82 x", 8);
    canvas_text(c, 5, 1, STYLE_SELECTED, "  ", 2);
}

#define SVG_HEAD                                                                               \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"72\" height=\"54\" viewBox=\"0 0 72 "   \
    "54\" "                                                                                    \
    "xml:space=\"preserve\" font-size=\"15\" font-family=\"'DejaVu Sans Mono', Menlo, "        \
    "Consolas, "                                                                               \
    "monospace\">\n"
#define TEXT(x, y, w, rest) "<text x=\"" x "\" y=\"" y "\" textLength=\"" w "\" fill=" rest
#define STRETCH " lengthAdjust=\"spacingAndGlyphs\">"

static const struct form {
    const char *name;
    enum dump_form form;
    struct dump_look look;
    const char *expected;
} forms[] = {
    {"text",
     DUMP_TEXT,
     {256, false},
     "a<b e\xCC\x81\xE6\x97\xA5\n\xE2\xA0\x81\xE2\xA0\x82 x\n\n"},
    {"ANSI",
     DUMP_ANSI,
     {256, false},
     "\033[0;1ma<b\033[0m e\xCC\x81\xE6\x97\xA5\n"
     "\033[0;38;5;75m\xE2\xA0\x81\xE2\xA0\x82 x\033[0m \033[0;1;38;5;231;48;5;24m  "
     "\033[0m\n\n"},
    {"ANSI on a light background",
     DUMP_ANSI,
     {256, true},
     "\033[0;1ma<b\033[0m e\xCC\x81\xE6\x97\xA5\n"
     "\033[0;38;5;27m\xE2\xA0\x81\xE2\xA0\x82 x\033[0m \033[0;1;38;5;16;48;5;153m  "
     "\033[0m\n\n"},
    {"ANSI without colours",
     DUMP_ANSI,
     {0, false},
     "\033[0;1ma<b\033[0m e\xCC\x81\xE6\x97\xA5\n"
     "\033[0m\xE2\xA0\x81\xE2\xA0\x82 x\033[0m \033[0;7m  \033[0m\n\n"},
    {"SVG",
     DUMP_SVG,
     {256, false},
     SVG_HEAD "<rect width=\"72\" height=\"54\" fill=\"#000000\"/>\n" TEXT(
         "0", "14", "27", "\"#d0d0d0\" font-weight=\"bold\"") STRETCH
     "a&lt;b</text>\n" TEXT("36", "14", "9", "\"#d0d0d0\"") STRETCH
     "e\xCC\x81</text>\n" TEXT("45", "14", "18", "\"#d0d0d0\"") STRETCH
     "\xE6\x97\xA5</text>\n" TEXT("0", "32", "18", "\"#5fafff\"") STRETCH
     "\xE2\xA0\x81\xE2\xA0\x82</text>\n" TEXT("27", "32", "9", "\"#5fafff\"") STRETCH
     "x</text>\n"
     "<rect x=\"45\" y=\"18\" width=\"18\" height=\"18\" fill=\"#005f87\"/>\n</svg>\n"},
    {"SVG without colours, light",
     DUMP_SVG,
     {0, true},
     SVG_HEAD "<rect width=\"72\" height=\"54\" fill=\"#ffffff\"/>\n" TEXT(
         "0", "14", "27", "\"#1c1c1c\" font-weight=\"bold\"") STRETCH
     "a&lt;b</text>\n" TEXT("36", "14", "9", "\"#1c1c1c\"") STRETCH
     "e\xCC\x81</text>\n" TEXT("45", "14", "18", "\"#1c1c1c\"") STRETCH
     "\xE6\x97\xA5</text>\n" TEXT("0", "32", "18", "\"#1c1c1c\"") STRETCH
     "\xE2\xA0\x81\xE2\xA0\x82</text>\n" TEXT("27", "32", "9", "\"#1c1c1c\"") STRETCH
     "x</text>\n"
     "<rect x=\"45\" y=\"18\" width=\"18\" height=\"18\" fill=\"#1c1c1c\"/>\n</svg>\n"},
};

static void test_form(void **state) {
    const struct form *f = *state;
    struct canvas c;
    struct buf out = {0};
    assert_true(canvas_init(&c, 8, 3, GLYPHS_BRAILLE, NULL));
    draw(&c);
    canvas_dump_as(&c, f->form, f->look, &out);
    assert_string_equal(buf_text(&out), f->expected);
    buf_deinit(&out);
    canvas_deinit(&c);
}

/* ---- nothing but our own */

/* The length of the SGR sequence at s, made of what the theme may say; 0: it is none. */
static size_t own_sgr(const char *s) {
    const char *at = s + 3;
    if (strncmp(s, "\033[0", 3) != 0) return 0;
    while (*at == ';') {
        bool colour = strncmp(at, ";38;5;", 6) == 0 || strncmp(at, ";48;5;", 6) == 0;
        if (!colour && !strchr("1247", at[1])) return 0;
        at += colour ? 6 + strspn(at + 6, "0123456789") : 2;
    }
    return *at == 'm' ? (size_t)(at + 1 - s) : 0;
}

static void check_ansi(const char *s) {
    for (; *s; s++) {
        size_t n = *s == '\033' ? own_sgr(s) : 0;
        if (*s == '\033' && n == 0) fail_msg("not ours: ESC %.12s", s + 1);
        assert_true(n > 0 || *s == '\n' || ((unsigned char)*s >= 0x20 && *s != 0x7F));
        if (n > 0) s += n - 1;
    }
}

/* Text outside tags holds no '<', '>' or '&' of its own, and no control character. */
static void check_svg(const char *s) {
    static const char *const tags[] = {"<svg ", "<rect ", "<text ", "</text>", "</svg>"};
    static const char *const escapes[] = {"&amp;", "&lt;", "&gt;"};
    while (*s) {
        bool known = *s != '<' && *s != '&' && *s != '>';
        for (size_t i = 0; i < COUNT(tags); i++)
            known |= strncmp(s, tags[i], strlen(tags[i])) == 0;
        for (size_t i = 0; i < COUNT(escapes); i++)
            known |= strncmp(s, escapes[i], strlen(escapes[i])) == 0;
        if (!known) fail_msg("not ours: %.20s", s);
        assert_true(*s == '\n' || ((unsigned char)*s >= 0x20 && *s != 0x7F));
        s += *s == '<' ? strcspn(s, ">") + 1 : 1;
    }
}

static void test_only_our_own(void **state) {
    (void)state;
    static const char *const pieces[] = {"\033[2J",
                                         "\033]2;x\a",
                                         "&#27;",
                                         "<script>",
                                         "\"/>",
                                         "\xC2\x9B"
                                         "31m",
                                         "\xEF\xBF\xBE",
                                         "\xEF\xBF\xBF"};
    struct rng rng = rng_make(11, 0, 0);
    struct canvas c;
    assert_true(canvas_init(&c, 30, 4, GLYPHS_BRAILLE, NULL));
    for (int round = 0; round < 2000; round++) {
        struct buf out = {0};
        for (int i = 0; i < 8; i++) {
            const char *piece = pieces[rng_below(&rng, COUNT(pieces))];
            canvas_text(&c, (int)rng_below(&rng, 30), (int)rng_below(&rng, 4),
                        (enum style)rng_below(&rng, STYLE_COUNT), piece, strlen(piece));
            canvas_put(&c, (int)rng_below(&rng, 30), (int)rng_below(&rng, 4),
                       (uint32_t)rng_below(&rng, 0x120000), STYLE_NORMAL);
        }
        canvas_dump_as(&c, DUMP_ANSI, (struct dump_look){256, round % 2}, &out);
        check_ansi(buf_text(&out));
        buf_clear(&out);
        canvas_dump_as(&c, DUMP_SVG, (struct dump_look){256, round % 2}, &out);
        check_svg(buf_text(&out));
        assert_null(strstr(buf_text(&out), "\xEF\xBF\xBE")); /* XML forbids U+FFFE */
        assert_null(strstr(buf_text(&out), "\xEF\xBF\xBF"));
        buf_deinit(&out);
    }
    canvas_deinit(&c);
}

/* ---- endings */

static void test_endings(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int form; /* -1: refused */
    } cases[] = {
        {"a.txt", DUMP_TEXT},
        {"/tmp/x y/b.ans", DUMP_ANSI},
        {"c.tar.svg", DUMP_SVG},
        {"a.png", -1},
        {"a", -1},
        {"", -1},
        {".svg", -1},
        {"dir.svg/a", -1},
        {"a.svg/", -1},
        {"dir/.txt", -1},
        {"a.svgz", -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum dump_form form = DUMP_TEXT;
        struct err err = {0};
        bool ok = dump_form_of(cases[i].path, &form, &err);
        if (ok != (cases[i].form >= 0)) fail_msg("\"%s\"", cases[i].path);
        if (ok) assert_int_equal(form, cases[i].form);
        else assert_int_equal(err.code, ERR_USAGE);
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(forms) + 2];
    size_t n = 0;
    for (; n < COUNT(forms); n++)
        tests[n] = (struct CMUnitTest){.name = forms[n].name,
                                       .test_func = test_form,
                                       .initial_state = (void *)(uintptr_t)&forms[n]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_only_our_own);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_endings);
    return cmocka_run_group_tests_name("canvas_dump", tests, NULL, NULL);
}
