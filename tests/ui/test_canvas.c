#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/core/text.h"
#include "ui/canvas.h"

static void text(struct canvas *c, int x, int y, const char *s) {
    canvas_text(c, x, y, STYLE_NORMAL, s, strlen(s));
}

static void field(struct canvas *c, int columns, bool pad, const char *s) {
    int used = canvas_field(c, 1, 0, columns, pad, STYLE_NORMAL, s, strlen(s));
    canvas_put(c, 1 + used, 0, '|', STYLE_NORMAL);
}

/* ---- drawings */
static void plain(struct canvas *c) { text(c, 1, 0, "ab"), text(c, 0, 1, "cdefghij"); }
static void cut_left(struct canvas *c) { text(c, -2, 0, "abcdef"); }
static void wide_fits(struct canvas *c) { text(c, 1, 0, "日本"); }
static void wide_cut_right(struct canvas *c) { text(c, 2, 0, "日本x"); }
static void wide_cut_left(struct canvas *c) { text(c, -1, 0, "日本"); }
static void wide_left_half_over(struct canvas *c) { text(c, 0, 0, "日本"), text(c, 2, 0, "x"); }
static void wide_right_half_over(struct canvas *c) {
    text(c, 0, 0, "日本"), text(c, 1, 0, "x");
}
static void wide_over_wide(struct canvas *c) { text(c, 0, 0, "日本"), text(c, 1, 0, "字"); }
static void combining(struct canvas *c) { text(c, 1, 0, "e\xCC\x81o"); }
static void combining_at_edge(struct canvas *c) { text(c, 4, 0, "e\xCC\x81o"); }
static void combining_alone(struct canvas *c) {
    text(c, 0, 0, "a"), text(c, 1, 0, "\xCC\x81x");
}
static void combining_many(struct canvas *c) { text(c, 0, 0, "e\xCC\x81\xCC\x82\xCC\x83x"); }
static void combining_overwritten(struct canvas *c) {
    text(c, 0, 0, "e\xCC\x81"), text(c, 0, 0, "u");
}
static void escapes(struct canvas *c) { text(c, 0, 0, "a\033[31m\a\x7F\tz"); }
static void c1(struct canvas *c) {
    text(c, 0, 0,
         "\xC2\x9B"
         "2J");
}
static void bidi(struct canvas *c) {
    text(c, 0, 0,
         "a\xE2\x80\xAE"
         "b");
}
static void invalid(struct canvas *c) {
    text(c, 0, 0,
         "a\xFF"
         "b");
}
static void put_control(struct canvas *c) { canvas_put(c, 1, 0, 27, STYLE_NORMAL); }
static void put_mark(struct canvas *c) { canvas_put(c, 1, 0, 0x301, STYLE_NORMAL); }
static void put_wide(struct canvas *c) { canvas_put(c, 1, 0, 0x65E5, STYLE_NORMAL); }
static void put_wide_at_edge(struct canvas *c) { canvas_put(c, 5, 0, 0x65E5, STYLE_NORMAL); }
static void clipped(struct canvas *c) {
    canvas_clip(c, (struct rect){2, 1, 3, 1});
    text(c, 0, 0, "abcdef"), text(c, -1, 0, "X"), text(c, 0, 1, "below"),
        text(c, 0, -1, "above");
}
static void clip_wide(struct canvas *c) {
    text(c, 0, 0, "日本語");
    canvas_clip(c, (struct rect){1, 0, 3, 1});
    text(c, 0, 0, "---");
}
static void clip_outside(struct canvas *c) {
    canvas_clip(c, (struct rect){4, 1, 90, 90});
    canvas_fill(c, (struct rect){-5, -5, 50, 50}, '#', STYLE_NORMAL);
}
static void clip_beyond(struct canvas *c) {
    canvas_clip(c, (struct rect){9, 9, 2, 2});
    canvas_fill(c, (struct rect){0, 0, 50, 50}, '#', STYLE_NORMAL), text(c, 0, 0, "x");
}
static void fill_wide(struct canvas *c) {
    canvas_fill(c, (struct rect){0, 0, 5, 1}, 0x65E5, STYLE_NORMAL);
}
static void formatted(struct canvas *c) {
    int x = canvas_printf(c, 0, 0, STYLE_NORMAL, "%d%s", 42, "\n");
    canvas_printf(c, x, 0, STYLE_NORMAL, "%c", '<');
}
static void field_fits(struct canvas *c) { field(c, 6, false, "abc"); }
static void field_pads(struct canvas *c) { field(c, 6, true, "abc"); }
static void field_cuts(struct canvas *c) { field(c, 6, false, "abcdefghi"); }
static void field_cuts_wide(struct canvas *c) { field(c, 5, true, "日本語"); }
static void field_one(struct canvas *c) { field(c, 1, true, "abc"); }
static void field_none(struct canvas *c) { field(c, 0, true, "abc"); }
static void field_escape(struct canvas *c) { field(c, 4, true, "a\033\033b"); }
static void frame(struct canvas *c) {
    canvas_frame(c, (struct rect){0, 0, 20, 3}, false, "1 Loss", "lin");
}
static void frame_focus(struct canvas *c) {
    canvas_frame(c, (struct rect){0, 0, 20, 3}, true, "1 Loss", "lin");
}
static void frame_narrow(struct canvas *c) {
    canvas_frame(c, (struct rect){0, 0, 10, 2}, true, "Compare", "right");
}
static void frame_tiny(struct canvas *c) {
    canvas_frame(c, (struct rect){0, 0, 2, 2}, true, "Compare", "right");
    canvas_frame(c, (struct rect){3, 0, 1, 2}, true, "none", NULL);
}
static void lines(struct canvas *c) {
    canvas_hline(c, 1, 0, 3, STYLE_FRAME), canvas_vline(c, 5, 0, 2, STYLE_FRAME);
}

static const struct drawing {
    const char *name;
    int w, h;
    enum glyphs glyphs;
    void (*draw)(struct canvas *c);
    const char *expected;
} drawings[] = {
    {"text, cut at the right edge", 6, 2, GLYPHS_BRAILLE, plain, " ab\ncdefgh\n"},
    {"text, cut at the left edge", 6, 1, GLYPHS_BRAILLE, cut_left, "cdef\n"},
    {"wide characters take two columns", 6, 1, GLYPHS_BRAILLE, wide_fits, " 日本\n"},
    {"half a wide character at the right edge is blank", 5, 1, GLYPHS_BRAILLE, wide_cut_right,
     "  日\n"},
    {"half a wide character at the left edge is blank", 5, 1, GLYPHS_BRAILLE, wide_cut_left,
     " 本\n"},
    {"overwriting a left half blanks the right one", 6, 1, GLYPHS_BRAILLE, wide_left_half_over,
     "日x\n"},
    {"overwriting a right half blanks the left one", 6, 1, GLYPHS_BRAILLE, wide_right_half_over,
     " x本\n"},
    {"a wide one over two halves", 6, 1, GLYPHS_BRAILLE, wide_over_wide, " 字\n"},
    {"a combining mark stays with its base", 6, 1, GLYPHS_BRAILLE, combining, " e\xCC\x81o\n"},
    {"a combining mark at the right edge", 5, 1, GLYPHS_BRAILLE, combining_at_edge,
     "    e\xCC\x81\n"},
    {"a combining mark does not join other text", 6, 1, GLYPHS_BRAILLE, combining_alone,
     "ax\n"},
    {"two combining marks at most", 6, 1, GLYPHS_BRAILLE, combining_many,
     "e\xCC\x81\xCC\x82x\n"},
    {"a mark goes with its overwritten base", 6, 1, GLYPHS_BRAILLE, combining_overwritten,
     "u\n"},
    {"controls are shown, not obeyed", 20, 1, GLYPHS_BRAILLE, escapes,
     "a\\e[31m\\x07\\x7f\\tz\n"},
    {"C1 controls are shown", 20, 1, GLYPHS_BRAILLE, c1, "\\x9b2J\n"},
    {"bidi controls are shown", 20, 1, GLYPHS_BRAILLE, bidi, "a\\u202eb\n"},
    {"invalid bytes are replaced", 20, 1, GLYPHS_BRAILLE, invalid,
     "a\xEF\xBF\xBD"
     "b\n"},
    {"put: a control is replaced", 4, 1, GLYPHS_BRAILLE, put_control, " \xEF\xBF\xBD\n"},
    {"put: a mark alone is replaced", 4, 1, GLYPHS_BRAILLE, put_mark, " \xEF\xBF\xBD\n"},
    {"put: a wide character", 4, 1, GLYPHS_BRAILLE, put_wide, " 日\n"},
    {"put: half a wide character is blank", 6, 1, GLYPHS_BRAILLE, put_wide_at_edge, "\n"},
    {"clip: relative and cut", 8, 3, GLYPHS_BRAILLE, clipped, "\n  abc\n\n"},
    {"clip: halves outside become blank", 6, 1, GLYPHS_BRAILLE, clip_wide, " ---語\n"},
    {"clip: larger than the canvas", 6, 2, GLYPHS_BRAILLE, clip_outside, "\n    ##\n"},
    {"clip: beyond the canvas draws nothing", 6, 1, GLYPHS_BRAILLE, clip_beyond, "\n"},
    {"fill with wide ones stays inside", 6, 1, GLYPHS_BRAILLE, fill_wide, "日日\n"},
    {"printf is sanitised, columns returned", 8, 1, GLYPHS_BRAILLE, formatted, "42\\n<\n"},
    {"field: fits", 9, 1, GLYPHS_BRAILLE, field_fits, " abc|\n"},
    {"field: padded", 9, 1, GLYPHS_BRAILLE, field_pads, " abc   |\n"},
    {"field: cut", 9, 1, GLYPHS_BRAILLE, field_cuts, " abcd..|\n"},
    {"field: cut before a wide one", 9, 1, GLYPHS_BRAILLE, field_cuts_wide, " 日 ..|\n"},
    {"field: one column", 9, 1, GLYPHS_BRAILLE, field_one, " .|\n"},
    {"field: no column", 9, 1, GLYPHS_BRAILLE, field_none, " |\n"},
    {"field: escapes count as shown", 9, 1, GLYPHS_BRAILLE, field_escape, " a\\..|\n"},
    {"frame: ASCII", 20, 3, GLYPHS_ASCII, frame,
     "+- 1 Loss --- lin -+\n|                  |\n+------------------+\n"},
    {"frame: boxes", 20, 3, GLYPHS_BRAILLE, frame,
     "┌─ 1 Loss ─── lin ─┐\n│                  │\n└──────────────────┘\n"},
    {"frame: focus is a mark too", 20, 3, GLYPHS_BLOCKS, frame_focus,
     "┌─ 1 Loss* ── lin ─┐\n│                  │\n└──────────────────┘\n"},
    {"frame: a long title is cut", 10, 2, GLYPHS_ASCII, frame_narrow,
     "+- C..* -+\n+--------+\n"},
    {"frame: two by two, and too small", 5, 2, GLYPHS_ASCII, frame_tiny, "++\n++\n"},
    {"lines", 6, 2, GLYPHS_ASCII, lines, " --- |\n     |\n"},
};

static void test_drawing(void **state) {
    const struct drawing *d = *state;
    struct canvas c;
    struct buf out = {0};
    assert_true(canvas_init(&c, d->w, d->h, d->glyphs, NULL));
    d->draw(&c);
    canvas_dump(&c, false, &out);
    assert_string_equal(buf_text(&out), d->expected);
    buf_deinit(&out);
    canvas_deinit(&c);
}

static void test_columns_used(void **state) {
    (void)state;
    struct canvas c;
    assert_true(canvas_init(&c, 10, 2, GLYPHS_BRAILLE, NULL));
    assert_int_equal(canvas_text(&c, 0, 0, STYLE_NORMAL, "日a\033", 5), 5); /* 2 + 1 + "\e" */
    assert_int_equal(canvas_text(&c, 8, 0, STYLE_NORMAL, "abc", 3), 2);
    assert_int_equal(canvas_text(&c, 10, 0, STYLE_NORMAL, "abc", 3), 0);
    assert_int_equal(canvas_text(&c, 0, 2, STYLE_NORMAL, "abc", 3), 0);
    assert_int_equal(canvas_field(&c, 0, 0, 7, true, STYLE_NORMAL, "a", 1), 7);
    assert_int_equal(canvas_field(&c, 0, 0, 7, false, STYLE_NORMAL, "a", 1), 1);
    canvas_deinit(&c);
}

static void test_styles(void **state) {
    (void)state;
    struct canvas c;
    struct buf out = {0};
    assert_true(canvas_init(&c, 6, 2, GLYPHS_BRAILLE, NULL));
    canvas_text(&c, 0, 0, STYLE_STRONG, "ab", 2);
    canvas_restyle(&c, (struct rect){1, 0, 2, 1}, STYLE_CURSOR);
    canvas_text(&c, 0, 1, STYLE_NORMAL, "cd", 2);
    assert_int_equal(c.cells[0].style, STYLE_STRONG);
    assert_int_equal(c.cells[1].ch, 'b');
    assert_int_equal(c.cells[1].style, STYLE_CURSOR);
    canvas_dump(&c, true, &out); /* a blank in reverse video is no blank */
    assert_string_equal(buf_text(&out), "\033[0;1ma\033[0;7mb \033[0m\ncd\n");
    buf_deinit(&out);
    canvas_deinit(&c);
}

static void test_size(void **state) {
    (void)state;
    struct canvas c;
    struct err err;
    assert_true(canvas_init(&c, 3, 1, GLYPHS_ASCII, NULL));
    canvas_put(&c, 2, 0, 'x', STYLE_NORMAL);
    canvas_clip(&c, (struct rect){1, 0, 1, 1});
    assert_true(canvas_resize(&c, 5, 2, &err));
    assert_int_equal(c.clip.w, 5);
    for (int i = 0; i < 10; i++) assert_int_equal(c.cells[i].ch, ' ');
    assert_false(canvas_resize(&c, 0, 2, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_false(canvas_resize(&c, 1000000, 1000000, &err));
    canvas_deinit(&c);
}

/* Whatever bytes are drawn, wherever: cells hold only characters that a terminal just shows,
 * and every right half has its left one. */
static void check_cells(const struct canvas *c) {
    for (int y = 0; y < c->h; y++)
        for (int x = 0; x < c->w; x++) {
            const struct cell *at = &c->cells[y * c->w + x];
            bool half = x + 1 < c->w && at[1].ch == 0;
            if (at->ch == 0) {
                assert_true(x > 0 && at[-1].ch != 0 && text_width(at[-1].ch) == 2);
                continue;
            }
            assert_false(at->ch < 0x20 || (at->ch >= 0x7F && at->ch < 0xA0));
            assert_int_equal(text_width(at->ch), half ? 2 : 1);
            for (int i = 0; i < 2; i++)
                if (at->mark[i])
                    assert_true(at->mark[i] >= 0x300 && text_width(at->mark[i]) == 0);
        }
}

static void test_random_bytes(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "日",           "e\xCC\x81",        "\xCC\x82", "\033[2J",
        "\xE2\x80\x8D", "\xF0\x9F\x91\xA9", "\xC2\x85", "\xE1\x84\x80\xE1\x85\xA1"};
    struct rng rng = rng_make(7, 0, 0);
    struct canvas c;
    assert_true(canvas_init(&c, 13, 4, GLYPHS_BRAILLE, NULL));
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        size_t n = 0, wanted = rng_below(&rng, 24);
        while (n < wanted) {
            const char *piece = pieces[rng_below(&rng, COUNT(pieces))];
            if (rng_below(&rng, 2)) bytes[n++] = (char)rng_below(&rng, 256);
            else memcpy(bytes + n, piece, strlen(piece)), n += strlen(piece);
        }
        int x = (int)rng_below(&rng, 20) - 4, y = (int)rng_below(&rng, 5);
        struct rect clip = {(int)rng_below(&rng, 8), 0, (int)rng_below(&rng, 13), 4};
        canvas_clip(&c, clip);
        if (rng_below(&rng, 2)) canvas_text(&c, x, y, STYLE_NORMAL, bytes, n);
        else canvas_field(&c, x, y, (int)rng_below(&rng, 9), true, STYLE_DIM, bytes, n);
        canvas_put(&c, x, y, (uint32_t)rng_below(&rng, 0x120000), STYLE_NORMAL);
        check_cells(&c);
    }
    canvas_deinit(&c);
}

int main(void) {
    struct CMUnitTest tests[COUNT(drawings) + 4];
    size_t n = 0;
    for (; n < COUNT(drawings); n++)
        tests[n] = (struct CMUnitTest){.name = drawings[n].name,
                                       .test_func = test_drawing,
                                       .initial_state = (void *)&drawings[n]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_columns_used);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_styles);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_size);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_random_bytes);
    return cmocka_run_group_tests_name("canvas", tests, NULL, NULL);
}
