/* test_fortunes.c - sayings out of the fortune program's files. */
#include <stdio.h>

#include "check.h"
#include "engine/data/fortunes.h"
#include "tests/data/source_test.h"

static const struct fortune_case {
    const char *name, *text, *units;
} cases[] = {
    {"fortunes: sayings", "One\nline.\n%\nTwo.\n", "One line.|Two.|"},
    {"fortunes: who said it",
     "Be brief.\n\t\t-- A. Writer,\n\t\t   in a book\n%\nTwo.\n\t--Me\n%\n", "Be brief.|Two.|"},
    {"fortunes: blanks", "\n\n  One \t\r\n\n   two.\n% \n\n%\n", "One two.|"},
    {"fortunes: a picture", "  /\\_/\\\n ( o.o )\n%\nA cat.\n", "A cat.|"},
    {"fortunes: a sign in a line", "100% of the time,\n%50 too\n",
     "100% of the time, %50 too|"},
    {"fortunes: what a terminal would obey", "Bell\a and \x1b[2J no.\n", "Bell and [2J no.|"},
    {"fortunes: a mark without an end", "%", ""},
    {"fortunes: nothing", "", ""},
};

static void test_text(void **state) {
    const struct fortune_case *c = *state;
    assert_units_of(fortunes_add, c->text, c->units);
}

static void test_files(void **state) {
    char spec[4300];
    (void)state;
    assert_true(files_make_dirs(in_folder("games"), 0700, NULL));
    put_file("games/b", TEXT("second\n%\n"));
    put_file("games/b.dat", TEXT("\0\0\0\2"));
    put_file("games/b.u8", TEXT("second\n%\n"));
    put_file("games/a", TEXT("first\n"));
    snprintf(spec, sizeof spec, "fortunes:%s", in_folder("games"));
    assert_lines(spec, "first\nsecond\n");
    snprintf(spec, sizeof spec, "fortunes:%s", in_folder("games/b.dat"));
    assert_error(spec, ERR_RANGE, "b.dat: it is empty");
    put_file("games/c", TEXT("na\xefve\n"));
    snprintf(spec, sizeof spec, "fortunes:%s", in_folder("games"));
    assert_error(spec, ERR_PARSE, "not valid UTF-8");
}

int main(void) {
    static const struct CMUnitTest others[] = {cmocka_unit_test(test_files)};
    struct CMUnitTest tests[COUNT(cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_text, .initial_state = (void *)&cases[i]};
    memcpy(tests + COUNT(cases), others, sizeof others);
    return cmocka_run_group_tests_name("fortunes", tests, make_folder, remove_folder);
}
