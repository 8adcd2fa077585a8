#include <stdio.h>

#include "check.h"
#include "engine/data/packages.h"
#include "tests/data/data_test.h"

static const struct file_case {
    const char *name, *text, *units;
} cases[] = {
    {"packages: one line", "Package: hello\nVersion: 1\nDescription: says it\nHomepage: x\n",
     "hello : says it|"},
    {"packages: paragraphs",
     "Package: hello\nDescription-md5: 0\nDescription-en: says it\n It greets\n you.\n .\n And "
     "goes.\n",
     "hello : says it|It greets you.|And goes.|"},
    {"packages: lists and code are left out",
     "Package: a\nDescription: b\n It has:\n  * one\n - two\n  code\n No more.\n",
     "a : b|It has:|No more.|"},
    {"packages: two", "Package: a\nDescription: b\n\nPackage: c\nDescription: d\n e\n",
     "a : b|c : d|e|"},
    {"packages: other fields go on, too", "Package: a\nDepends: x,\n y\nDescription: b\n",
     "a : b|"},
    {"packages: line ends of Windows", "Package: a\r\nDescription: b\r\n c\r\n", "a : b|c|"},
    {"packages: no name", "Description: b\n c\n", "c|"},
    {"packages: other languages", "Package: a\nDescription-de: b\n c\nDescription-en: d\n",
     "a : d|"},
};

static const char *spec_of(const char *name) {
    static char spec[4300];
    snprintf(spec, sizeof spec, "packages:%s", in_folder(name));
    return spec;
}

static void test_file(void **state) {
    const struct file_case *c = *state;
    struct source_text s = {0};
    struct err err = {0};
    struct buf got = {0};
    put_file("list", c->text, strlen(c->text));
    if (!source_read(spec_of("list"), &s, &err)) fail_msg("%s", err.msg);
    for (size_t i = 0; i < s.n_units; i++) {
        buf_add(&got, s.bytes.data + s.units[i].offset, s.units[i].length);
        buf_str(&got, "|");
    }
    assert_string_equal(buf_text(&got), c->units);
    buf_deinit(&got);
    source_deinit(&s);
}

/* Of a folder only what apt calls so; all of a package is on one side. */
static void test_folder(void **state) {
    (void)state;
    struct source_text s = {0};
    struct err err = {0};
    assert_true(files_make_dirs(in_folder("lists"), 0700, NULL));
    put_file("lists/x_InRelease", TEXT("\xff"));
    put_file("lists/x_Packages", TEXT("Package: a\nDescription: b\n c\n"));
    put_file("lists/x_i18n_Translation-en", TEXT("Package: d\nDescription-en: e\n"));
    if (!source_read(spec_of("lists"), &s, &err)) fail_msg("%s", err.msg);
    assert_int_equal(s.n_units, 3);
    for (int i = 0; i < 2; i++)
        assert_int_equal(s.units[i].validation, unit_is_validation("a", 1));
    source_deinit(&s);
    put_file("empty", TEXT("Package: a\n"));
    assert_false(source_read(spec_of("empty"), &s, &err));
    assert_int_equal(err.code, ERR_RANGE);
    source_deinit(&s);
}

int main(void) {
    static const struct CMUnitTest others[] = {cmocka_unit_test(test_folder)};
    struct CMUnitTest tests[COUNT(cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_file, .initial_state = (void *)&cases[i]};
    memcpy(tests + COUNT(cases), others, sizeof others);
    return cmocka_run_group_tests_name("packages", tests, make_folder, remove_folder);
}
