#include <stdio.h>

#include "check.h"
#include "engine/data/pairs.h"
#include "tests/data/source_test.h"

static const char *spec_of(const char *rest) {
    static char spec[4300];
    snprintf(spec, sizeof spec, "pairs:%s", in_folder(rest));
    return spec;
}

static void assert_pairs(const char *spec, const char *want) {
    struct source_text s = {0};
    struct err err = {0};
    struct buf got = {0};
    if (!source_read(spec, &s, &err)) fail_msg("%s", err.msg);
    for (size_t i = 0; i < s.n_units; i++) {
        const struct unit *u = &s.units[i];
        const char *text = s.bytes.data + u->offset;
        assert_memory_equal(text + u->answer - 3, " => ",
                            4); /* the answer begins with its blank */
        buf_add(&got, text, u->length);
        buf_str(&got, "\n");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
    source_deinit(&s);
}

/* ---- word lists ---- */

static const struct list_case {
    const char *name, *line, *pairs;
} cases[] = {
    {"pairs: one word", "Haus {n} :: house", "Haus => house\n"},
    {"pairs: parts belong together", "Haus {n} | H\xc3\xa4user {pl} :: house | houses",
     "Haus => house\nH\xc3\xa4user => houses\n"},
    {"pairs: synonyms take the first", "Haus {n}; Heim {n} :: house; home",
     "Haus => house\nHeim => house\n"},
    {"pairs: remarks go",
     "(altes) Haus {n} <H\xc3\xa4user> /HS/ [arch.] :: old (dear) house [Br.] /H/",
     "Haus => old house\n"},
    {"pairs: alternatives are left out", "das/ein Haus | Heim :: the/a house | home",
     "Heim => home\n"},
    {"pairs: gaps are left out", "zum ... kommen | Heim :: to come to ... | home",
     "Heim => home\n"},
    {"pairs: more parts on one side", "Haus | Heim :: house", "Haus => house\n"},
    {"pairs: what is long is left out",
     "ein Haus so gro\xc3\x9f wie eine Stadt und so alt wie das Land | Heim :: x | home",
     "Heim => home\n"},
    {"pairs: nothing but remarks", "{n} | Heim :: house | home", "Heim => home\n"},
    {"pairs: the first of one left side", "Haus :: house\nHaus :: building", "Haus => house\n"},
    {"pairs: comments and blank lines", "# by :: us\n\nHaus :: house\r\n", "Haus => house\n"},
    {"pairs: an open bracket", "Haus (n | Heim :: house | home",
     "Haus (n => house\nHeim => home\n"},
};

static void test_list(void **state) {
    const struct list_case *c = *state;
    put_file("list", c->line, strlen(c->line));
    assert_pairs(spec_of("list"), c->pairs);
}

static void test_domains(void **state) {
    (void)state;
    put_file(
        "list",
        TEXT("# v1\nHaus :: house\nArzt [med.] :: doctor\nArm [anat.] | Arme :: arm | arms\n"
             "Salbe :: ointment [pharm.]\nKlage {f} [jur.] :: action\nGericht [cook.] :: "
             "dish\n"));
    assert_pairs(spec_of("list:general"), "Haus => house\nGericht => dish\n");
    assert_pairs(spec_of("list:medical"),
                 "Arzt => doctor\nArm => arm\nArme => arms\nSalbe => ointment\n");
    assert_pairs(spec_of("list:legal"), "Klage => action\n");
    put_file("none", TEXT("Haus :: house\n"));
    assert_error(spec_of("none:legal"), ERR_RANGE,
                 "none: there is no pair in it of that domain");
}

/* ---- tabs ---- */

static void test_columns(void **state) {
    (void)state;
    put_file(
        "tabs.tsv",
        TEXT("Guten Tag.\tGood day.\tsomebody\r\n# a remark\nIch gehe :: weg.\tI leave.\n"));
    assert_pairs(spec_of("tabs.tsv"),
                 "Guten Tag. => Good day.\nIch gehe :: weg. => I leave.\n");
    assert_error(spec_of("tabs.tsv:legal"), ERR_USAGE, "has no tags");
    put_file("bad.tsv", TEXT("a\tb\nc\n"));
    assert_error(spec_of("bad.tsv"), ERR_PARSE,
                 "bad.tsv:2: a line must have two texts with a tab");
    put_file("bad.tsv", TEXT("a\tb\n\tc\n"));
    assert_error(spec_of("bad.tsv"), ERR_PARSE, "bad.tsv:2: ");
    put_file("bad.tsv", TEXT("a\tb\nc\t\xff\n"));
    assert_error(spec_of("bad.tsv"), ERR_PARSE, "bad.tsv:2: this is not UTF-8");
    put_file("empty.tsv", TEXT("# nothing\n"));
    assert_error(spec_of("empty.tsv"), ERR_RANGE, "empty.tsv: there is no pair");
    put_file("empty.tsv", TEXT(""));
    assert_error(spec_of("empty.tsv"), ERR_RANGE, "empty.tsv: there is no pair");
}

static void test_specs(void **state) {
    (void)state;
    char out[4300];
    static const char *const right[] = {"pairs:de-en", "pairs:de-en:medical", "pairs:a.tsv",
                                        "pairs:a/de-en:legal"};
    static const char *const wrong[] = {"pairs:", "pairs:de-en:other", "pairs::legal"};
    for (size_t i = 0; i < COUNT(right); i++) assert_true(source_check(right[i], NULL));
    for (size_t i = 0; i < COUNT(wrong); i++) assert_false(source_check(wrong[i], NULL));
    assert_true(source_absolute("pairs:de-en:legal", out, sizeof out, NULL));
    assert_string_equal(out, "pairs:de-en:legal");
    assert_true(source_absolute("pairs:a.tsv:legal", out, sizeof out, NULL));
    assert_memory_equal(out, "pairs:/", 7);
    assert_non_null(strstr(out, "/a.tsv:legal"));
    source_path("pairs:a.tsv:legal", out, sizeof out);
    assert_string_equal(out, "a.tsv");
    source_path("pairs:de-en", out, sizeof out);
    assert_string_equal(out, "");
}

/* ---- the real one, where it is installed ---- */

static void test_real(void **state) {
    (void)state;
    if (!files_exists("/usr/share/trans/de-en")) {
        print_message("skipped: trans-de-en is not installed\n");
        skip();
    }
    static const struct {
        const char *spec;
        size_t low, high;
    } sizes[] = {{"pairs:de-en:general", 300000, 450000},
                 {"pairs:de-en:medical", 20000, 30000},
                 {"pairs:de-en:legal", 6000, 11000}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct source_text s = {0};
        assert_true(source_read(sizes[i].spec, &s, NULL));
        assert_in_range(s.n_units, sizes[i].low, sizes[i].high);
        source_deinit(&s);
    }
}

int main(void) {
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_domains), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_specs), cmocka_unit_test(test_real)};
    struct CMUnitTest tests[COUNT(cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_list, .initial_state = (void *)&cases[i]};
    memcpy(tests + COUNT(cases), others, sizeof others);
    return cmocka_run_group_tests_name("pairs", tests, make_folder, remove_folder);
}
