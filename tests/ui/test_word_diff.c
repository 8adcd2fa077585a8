#include <string.h>

#include "check.h"
#include "engine/core/buf.h"
#include "ui/word_diff.h"

static const struct diff_case {
    const char *name, *base, *tuned, *marked;
} cases[] = {
    {"the same", "a rise in heat", "a rise in heat", "a rise in heat"},
    {"a word in the middle", "a rise in heat", "a rise in temperature",
     "a rise in [temperature]"},
    {"all new", "one two", "three four", "[three] [four]"},
    {"against nothing", "", "a word", "[a] [word]"},
    {"nothing", "a word", "", ""},
    {"order counts", "b a", "a b", "a [b]"},
    {"signs are never marked", "x", "y ; z", "[y] ; [z]"},
    {"signs stay with their word", "the body", "the body; often", "the body; [often]"},
    {"letters beyond ASCII", "caf\xc3\xa9 noir", "caf\xc3\xa9 cr\xc3\xa8me",
     "caf\xc3\xa9 [cr\xc3\xa8me]"},
    {"blanks of all kinds", "a\tb\nc", "a  b c", "a b c"},
    {"control bytes are signs", "a", "a\x1b[2J b", "a\x1b[[2J] [b]"},
};

static void test_case(void **state) {
    const struct diff_case *k = *state;
    struct word a[WORDS_MAX], b[WORDS_MAX];
    struct buf out = {0};
    int n_a = words_split(k->base, a), n_b = words_split(k->tuned, b);
    words_diff(a, n_a, b, n_b);
    for (int i = 0; i < n_b; i++) {
        if (b[i].space && i > 0) buf_str(&out, " ");
        buf_printf(&out, b[i].changed ? "[%.*s]" : "%.*s", (int)b[i].n, b[i].text);
    }
    assert_string_equal(buf_text(&out), k->marked);
    buf_deinit(&out);
}

/* Longer texts than are compared: cut, not overrun. */
static void test_long(void **state) {
    static char text[8 * WORDS_MAX];
    struct word a[WORDS_MAX], b[WORDS_MAX];
    (void)state;
    for (int i = 0; i < 2 * WORDS_MAX; i++) memcpy(text + 3 * i, i % 2 ? "ab " : "c  ", 3);
    int n = words_split(text, a);
    assert_int_equal(n, WORDS_MAX);
    words_split(text, b);
    words_diff(a, n, b, n);
    for (int i = 0; i < n; i++) assert_false(b[i].changed);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_case, .initial_state = (void *)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest){.name = "long texts", .test_func = test_long};
    return cmocka_run_group_tests_name("word_diff", tests, NULL, NULL);
}
