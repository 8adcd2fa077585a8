#include <stdio.h>

#include "check.h"
#include "engine/data/permute.h"
#include "tests/data/data_test.h"

/* One cycle of all letters: none stays, none comes twice, and 26 steps lead back. */
static void test_alphabet(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        char to[PERMUTE_LETTERS];
        int at = 0, steps = 0;
        permute_alphabet(seed, to);
        do {
            assert_in_range(to[at], 'a', 'z');
            assert_int_not_equal(to[at] - 'a', at);
            at = to[at] - 'a';
        } while (++steps < PERMUTE_LETTERS && at != 0);
        assert_int_equal(at, 0);
        assert_int_equal(steps, PERMUTE_LETTERS);
    }
}

/* The same on every machine, for ever: a lesson's run can be made again. */
static void test_one_seed_one_alphabet(void **state) {
    char one[PERMUTE_LETTERS], again[PERMUTE_LETTERS], other[PERMUTE_LETTERS];
    (void)state;
    permute_alphabet(1, one);
    permute_alphabet(1, again);
    permute_alphabet(2, other);
    assert_memory_equal(one, again, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
    assert_memory_equal(one, "snofkmaylbuxvtwizjqpghrdec", sizeof one);
}

static const char text[] = "A bed.\n\nbad, \xc3\xa9 42 ZEBRA\n\nabc xyz\n";

/* The text is the plain one, letter by letter, with its units and their split. */
static void test_text(void **state) {
    char spec[4300], to[PERMUTE_LETTERS];
    struct source_text plain = {0}, s = {0};
    (void)state;
    put_file("plain.txt", text, sizeof text - 1);
    snprintf(spec, sizeof spec, "permute:7:text:%s", in_folder("plain.txt"));
    assert_true(source_read(spec + strlen("permute:7:"), &plain, NULL));
    assert_true(source_read(spec + strlen("permute:7:"), &s, NULL)); /* and in front of it */
    assert_true(source_read(spec, &s, NULL));
    permute_alphabet(7, to);
    size_t n = plain.bytes.len;
    assert_int_equal(s.bytes.len, 2 * n);
    assert_memory_equal(s.bytes.data, plain.bytes.data, n);
    for (size_t i = 0; i < n; i++) {
        char c = plain.bytes.data[i], got = s.bytes.data[n + i];
        if (c >= 'a' && c <= 'z') assert_int_equal(got, to[c - 'a']);
        else if (c >= 'A' && c <= 'Z') assert_int_equal(got - 'A', to[c - 'A'] - 'a');
        else assert_int_equal(got, c);
    }
    assert_int_equal(s.n_units, 2 * plain.n_units);
    for (size_t i = 0; i < plain.n_units; i++) {
        assert_int_equal(s.units[plain.n_units + i].length, plain.units[i].length);
        assert_int_equal(s.units[plain.n_units + i].validation, plain.units[i].validation);
    }
    source_deinit(&plain);
    source_deinit(&s);
}

static void test_specs(void **state) {
    static const char *const good[] = {"permute:0:wordnet:law", "permute:9:sentences:text:a",
                                       "sentences:permute:1:text:a",
                                       "permute:1:permute:2:text:a"};
    static const char *const bad[] = {"permute:",
                                      "permute:1",
                                      "permute:1:",
                                      "permute:x:text:a",
                                      "permute::text:a",
                                      "permute:-1:text:a",
                                      "permute:1:a.txt",
                                      "permute:1:wordnet:music",
                                      "permute:1234567890123456:text:a"};
    char out[4300];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(source_check(good[i], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        assert_false(source_check(bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    assert_true(source_absolute("permute:12:text:a", out, sizeof out, NULL));
    assert_memory_equal(out, "permute:12:text:/", 17);
    source_path("sentences:permute:1:jsonl:a.jsonl#de", out, sizeof out);
    assert_string_equal(out, "a.jsonl");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alphabet), cmocka_unit_test(test_one_seed_one_alphabet),
        cmocka_unit_test(test_text), cmocka_unit_test(test_specs)};
    return cmocka_run_group_tests_name("permute", tests, make_folder, remove_folder);
}
