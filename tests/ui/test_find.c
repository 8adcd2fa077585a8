

#include "check.h"
#include "ui/find.h"

static const char *const lines[] = {"Freeze", "thaw", "a freeze", "end"};

static bool holds(const void *of, int64_t line, const char *text) {
    return find_in(((const char *const *)of)[line], text);
}

static void test_next(void **state) {
    static const struct {
        const char *text;
        int64_t from;
        int by;
        int64_t line;
    } cases[] = {
        {"freeze", -1, 1, 0}, {"freeze", 0, 1, 2},  {"freeze", 2, 1, 0}, /* goes round */
        {"freeze", 3, -1, 2}, {"freeze", 0, -1, 2}, {"freeze", -1, -1, 2},
        {"THAW", 1, 1, 1}, /* the line itself comes last */
        {"THAW", 1, -1, 1},   {"end", -1, -1, 3},   {"nothing", 0, 1, -1},
        {"", 0, 1, 1},
    };
    (void)state;
    const struct find_lines of = {4, holds, lines};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(find_next(&of, cases[i].text, cases[i].from, cases[i].by),
                         cases[i].line);
}

static void test_none(void **state) {
    const struct find_lines of = {0, holds, lines};
    (void)state;
    assert_int_equal(find_next(&of, "x", -1, 1), -1);
    assert_int_equal(find_next(&of, "x", 5, -1), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_next),
                                       cmocka_unit_test(test_none)};
    return cmocka_run_group_tests_name("find", tests, NULL, NULL);
}
