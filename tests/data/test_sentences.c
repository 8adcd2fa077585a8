#include <stdio.h>

#include "check.h"
#include "engine/data/sentences.h"
#include "tests/data/data_test.h"

static const char *spec_of(const char *kind, const char *name) {
    static char specs[2][4300];
    static int next;
    char *spec = specs[next++ % 2];
    snprintf(spec, sizeof specs[0], "%s:%s", kind, in_folder(name));
    return spec;
}

static void assert_units(const struct source_text *s, const char *want) {
    struct buf got = {0};
    for (size_t i = 0; i < s->n_units; i++) {
        buf_add(&got, s->bytes.data + s->units[i].offset, s->units[i].length);
        buf_str(&got, "|");
    }
    assert_string_equal(buf_text(&got), want);
    buf_deinit(&got);
}

static const struct sentence_case {
    const char *name, *text, *units;
} cases[] = {
    {"sentences: three marks",
     "One two three four. Five six seven eight! Nine ten eleven twelve?",
     "One two three four.|Five six seven eight!|Nine ten eleven twelve?|"},
    {"sentences: four words at least", "One two three. One two 3 4. One two three four",
     "One two three four|"},
    {"sentences: each once", "It is a dog. It is  a\ndog. It is a cat.",
     "It is a dog.|It is a cat.|"},
    {"sentences: over line ends, within a paragraph",
     "It is a\ndog. No\n\nIt is\n\na dog now then", "It is a dog.|a dog now then|"},
    {"sentences: a small letter goes on", "See e. g. this one there. A b. c d",
     "See e. g. this one there.|A b. c d|"},
    {"sentences: numbers and names hold marks", "It is 3.5 km a.b to go.",
     "It is 3.5 km a.b to go.|"},
    {"sentences: closing marks go with it", "\"It is a dog.\" (It is a cat!) Then no more.",
     "\"It is a dog.\"|(It is a cat!)|"},
};

static void test_case(void **state) {
    const struct sentence_case *c = *state;
    struct source_text s = {0};
    put_file("case.txt", c->text, strlen(c->text));
    assert_true(source_read(spec_of("sentences:text", "case.txt"), &s, NULL));
    assert_units(&s, c->units);
    for (size_t i = 0; i < s.n_units; i++)
        assert_int_equal(
            s.units[i].validation,
            unit_is_validation(s.bytes.data + s.units[i].offset, s.units[i].length));
    source_deinit(&s);
}

/* What an earlier source of the same text has is not read again. */
static void test_composed(void **state) {
    (void)state;
    struct source_text s = {0};
    put_file("a.txt", TEXT("It is a dog.\n"));
    put_file("b.txt", TEXT("It is a cat. It is a dog.\n"));
    assert_true(source_read(spec_of("sentences:text", "a.txt"), &s, NULL));
    assert_true(source_read(spec_of("sentences:text", "b.txt"), &s, NULL));
    assert_units(&s, "It is a dog.|It is a cat.|");
    source_deinit(&s);
}

/* An index without a full stop is no sentence. */
static void test_longest(void **state) {
    (void)state;
    struct source_text s = {0};
    struct buf text = {0}, want = {0};
    for (int over = 0; over < 2; over++) {
        size_t start = text.len;
        for (int i = 0; i < SENTENCE_BYTES_MAX / 5 - 1; i++)
            buf_str(&text, over ? "Fghi " : "Abcd ");
        buf_str(&text, over ? "words. " : "word. ");
        if (!over) buf_add(&want, text.data + start, text.len - start - 1);
    }
    assert_int_equal(want.len, SENTENCE_BYTES_MAX);
    buf_str(&want, "|It is a dog.|");
    buf_str(&text, "It is a dog.");
    put_file("long.txt", text.data, text.len);
    assert_true(source_read(spec_of("sentences:text", "long.txt"), &s, NULL));
    assert_units(&s, buf_text(&want));
    source_deinit(&s);
    buf_deinit(&text);
    buf_deinit(&want);
}

static void test_specs(void **state) {
    (void)state;
    char out[4300];
    struct err err = {0};
    struct source_text s = {0};
    assert_true(source_check("sentences:wordnet:law", NULL));
    assert_true(source_check("sentences:sentences:text:a", NULL));
    assert_false(source_check("sentences:", NULL));
    assert_false(source_check("sentences:a.txt", NULL));
    assert_false(source_check("sentences:wordnet:music", NULL));
    assert_true(source_absolute("sentences:text:a", out, sizeof out, NULL));
    assert_memory_equal(out, "sentences:text:/", 16);
    source_path("sentences:jsonl:a.jsonl#de", out, sizeof out);
    assert_string_equal(out, "a.jsonl");
    put_file("short.txt", TEXT("No words here.\n"));
    assert_false(source_read(spec_of("sentences:text", "short.txt"), &s, &err));
    assert_int_equal(err.code, ERR_RANGE);
    source_deinit(&s);
}

int main(void) {
    static const struct CMUnitTest others[] = {cmocka_unit_test(test_composed),
                                               cmocka_unit_test(test_longest),
                                               cmocka_unit_test(test_specs)};
    struct CMUnitTest tests[COUNT(cases) + COUNT(others)];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_case, .initial_state = (void *)&cases[i]};
    memcpy(tests + COUNT(cases), others, sizeof others);
    return cmocka_run_group_tests_name("sentences", tests, make_folder, remove_folder);
}
