#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/data/take.h"
#include "tests/data/data_test.h"

enum { LINES = 400, SPEC = 4300 };

/* A text of 400 lines of ten bytes or so; most are to learn from. */
static int make_text(void **state) {
    struct buf text = {0};
    if (make_folder(state) != 0) return -1;
    for (int i = 0; i < LINES; i++) buf_printf(&text, "line %05d\n", i);
    put_file("lines.txt", text.data, text.len);
    buf_deinit(&text);
    return 0;
}

static void read_take(const char *before, struct source_text *out) {
    char spec[SPEC];
    struct err err = {0};
    snprintf(spec, sizeof spec, "%stext:%s", before, in_folder("lines.txt"));
    if (!source_read(spec, out, &err)) fail_msg("%s", err.msg);
}

static size_t count(const struct source_text *s, bool validation) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_units; i++) n += s->units[i].validation == validation;
    return n;
}

/* Whether unit i of `s` stands somewhere in `in`. */
static bool holds(const struct source_text *in, const struct source_text *s, size_t i) {
    const struct unit *u = &s->units[i];
    for (size_t k = 0; k < in->n_units; k++)
        if (in->units[k].length == u->length &&
            memcmp(in->bytes.data + in->units[k].offset, s->bytes.data + u->offset,
                   u->length) == 0)
            return true;
    return false;
}

/* As much as was asked for, in the source's order, spread over all of it; held out stays. */
static void test_amount(void **state) {
    struct source_text all = {0}, some = {0};
    (void)state;
    read_take("", &all);
    read_take("take:1:", &some);
    struct source_counts c = source_count(&some, SPLIT_TRAIN);
    assert_in_range(c.bytes, 990, 1000);
    assert_int_equal(count(&some, true), count(&all, true));
    assert_true(count(&all, true) > 0);
    int thirds[3] = {0}, last = -1;
    for (size_t i = 0; i < some.n_units; i++) {
        int line = atoi(some.bytes.data + some.units[i].offset + strlen("line "));
        assert_true(line > last);
        last = line;
        thirds[line * 3 / LINES]++;
    }
    for (int i = 0; i < 3; i++) assert_in_range(thirds[i], 15, 70);
    source_deinit(&all);
    source_deinit(&some);
}

/* The smaller is part of the larger, and a take of more than there is takes all. */
static void test_nested(void **state) {
    struct source_text one = {0}, two = {0}, all = {0}, most = {0};
    (void)state;
    read_take("take:1:", &one);
    read_take("take:2:", &two);
    read_take("", &all);
    read_take("take:9999999:", &most);
    assert_true(one.n_units < two.n_units);
    for (size_t i = 0; i < one.n_units; i++) assert_true(holds(&two, &one, i));
    assert_int_equal(most.n_units, all.n_units);
    source_deinit(&one);
    source_deinit(&two);
    source_deinit(&all);
    source_deinit(&most);
}

/* What stands in front stays whole, and a piece larger than asked for is one all the same. */
static void test_beside_others(void **state) {
    struct source_text s = {0};
    char spec[SPEC];
    char large[5000];
    (void)state;
    read_take("", &s);
    memset(large, 'x', sizeof large);
    put_file("large.txt", large, sizeof large);
    snprintf(spec, sizeof spec, "take:1:text:%s", in_folder("large.txt"));
    assert_true(source_read(spec, &s, NULL));
    assert_int_equal(s.n_units, LINES + 1);
    source_deinit(&s);
}

static void test_specs(void **state) {
    static const char *const good[] = {"take:1:wordnet:law", "take:30:permute:9:text:a",
                                       "sentences:take:9999999:text:a"};
    static const char *const bad[] = {"take:",
                                      "take:1",
                                      "take:1:",
                                      "take:x:text:a",
                                      "take::text:a",
                                      "take:-1:text:a",
                                      "take:0:text:a",
                                      "take:1:a.txt",
                                      "take:1:wordnet:music",
                                      "take:10000000:text:a"};
    char out[SPEC];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(source_check(good[i], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        assert_false(source_check(bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    assert_true(source_absolute("take:12:text:a", out, sizeof out, NULL));
    assert_memory_equal(out, "take:12:text:/", 14);
    source_path("take:1:permute:1:jsonl:a.jsonl#de", out, sizeof out);
    assert_string_equal(out, "a.jsonl");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amount), cmocka_unit_test(test_nested),
        cmocka_unit_test(test_beside_others), cmocka_unit_test(test_specs)};
    return cmocka_run_group_tests_name("take", tests, make_text, remove_folder);
}
