/* test_spelling.c - distances by hand, and which known word a message names. */
#include <string.h>

#include "check.h"
#include "engine/core/spelling.h"

static void test_distance(void **state) {
    static const struct {
        const char *a, *b;
        int distance;
    } cases[] = {{"", "", 0},
                 {"", "abc", 3},
                 {"abc", "", 3},
                 {"step", "step", 0},
                 {"step", "steps", 1},
                 {"setps", "steps", 2},
                 {"kitten", "sitting", 3}};
    (void)state;
    for (int i = 0; i < (int)COUNT(cases); i++) {
        assert_int_equal(spelling_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(spelling_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void test_long_words(void **state) {
    char word[SPELLING_MAX + 2];
    (void)state;
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(spelling_distance("x", word), SPELLING_MAX);
    assert_int_equal(spelling_distance(word, "x"), SPELLING_MAX); /* of so many, one stays */
}

static void test_nearest(void **state) {
    static const char *const known[] = {"title", "minutes", "text", "steps"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {{"titel", "title"}, {"minute", "minutes"}, {"tex", "text"},
                 {"step", "steps"},  {"elephant", NULL},    {"", NULL}};
    (void)state;
    for (int i = 0; i < (int)COUNT(cases); i++) {
        const char *nearest = spelling_nearest(cases[i].word, known, (int)COUNT(known));
        if (cases[i].nearest) assert_string_equal(nearest, cases[i].nearest);
        else assert_null(nearest);
    }
    assert_null(spelling_nearest("text", known, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distance),
                                       cmocka_unit_test(test_long_words),
                                       cmocka_unit_test(test_nearest)};
    return cmocka_run_group_tests_name("spelling", tests, NULL, NULL);
}
