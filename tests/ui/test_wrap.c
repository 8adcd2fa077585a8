#include <string.h>

#include "check.h"
#include "engine/core/rng.h"
#include "ui/wrap.h"

enum { W = 20 };

static const struct wrap_case {
    const char *name, *text;
    int columns, rows;
    const char *drawn; /* into 4 rows */
} cases[] = {
    {"nothing is one row", "", 10, 1, "\n\n\n\n"},
    {"what fits is one row", "ten wide..", 10, 1, "ten wide..\n\n\n\n"},
    {"broken at a blank", "the quick brown fox", 10, 2, "the quick\nbrown fox\n\n\n"},
    {"the blank needs no column", "twelve wides and", 12, 2, "twelve wides\nand\n\n\n"},
    {"all blanks at a break go", "one    two", 5, 2, "one\ntwo\n\n\n"},
    {"a long word is cut", "abcdefghij", 4, 3, "abcd\nefgh\nij\n\n"},
    {"a long word after a short one", "a bcdefghij", 4, 4, "a\nbcde\nfghi\nj\n"},
    {"wide characters are not cut", "\u4e2d\u6587\u4e2d", 3, 3, "\u4e2d\n\u6587\n\u4e2d\n\n"},
    {"an escape is as wide as shown", "ab\ncd", 3, 3, "ab\n\\nc\nd\n\n"},
    {"more than there is room for", "a b c d e f", 1, 6, "a\nb\nc\n.\n"},
    {"the last row is marked as cut", "one two three four five six", 5, 6,
     "one\ntwo\nthree\nfou..\n"},
};

static void test_case(void **state) {
    const struct wrap_case *k = *state;
    struct canvas c;
    struct buf out = {0};
    size_t n = strlen(k->text);
    assert_int_equal(wrap_rows(k->text, n, k->columns), k->rows);
    assert_true(canvas_init(&c, W, 4, GLYPHS_ASCII, NULL));
    wrap_draw(&c, (struct rect){0, 0, k->columns, 4}, STYLE_NORMAL, k->text, n);
    canvas_dump(&c, false, &out);
    assert_string_equal(buf_text(&out), k->drawn);
    buf_deinit(&out);
    canvas_deinit(&c);
}

/* Whatever the text, its rows together are all of it, blanks aside, and none is too wide. */
static void test_nothing_is_lost(void **state) {
    struct rng r = rng_make(7, 0, 0);
    (void)state;
    for (int round = 0; round < 500; round++) {
        char text[61] = "", got[128] = "", expected[64] = "";
        int n = (int)rng_below(&r, 60), columns = 1 + (int)rng_below(&r, W - 1);
        for (int i = 0; i < n; i++) text[i] = rng_below(&r, 4) ? (char)('a' + i % 26) : ' ';
        for (int i = 0; i < n; i++)
            if (text[i] != ' ') expected[strlen(expected)] = text[i];
        int rows = wrap_rows(text, (size_t)n, columns);
        for (int row = 0; row < rows; row++) {
            struct canvas c;
            assert_true(canvas_init(&c, W, 1, GLYPHS_ASCII, NULL));
            int used = wrap_put(&c, 0, 0, columns, STYLE_NORMAL, text, (size_t)n, row);
            assert_true(used <= columns);
            for (int x = 0; x < used; x++)
                if (c.cells[x].ch != ' ') got[strlen(got)] = (char)c.cells[x].ch;
            canvas_deinit(&c);
        }
        assert_string_equal(got, expected);
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = test_case,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    tests[COUNT(cases)] =
        (struct CMUnitTest){.name = "nothing is lost", .test_func = test_nothing_is_lost};
    return cmocka_run_group_tests_name("wrap", tests, NULL, NULL);
}
