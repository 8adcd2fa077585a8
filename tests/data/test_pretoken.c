#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/core/rng.h"
#include "engine/data/pretoken.h"
#include "tests/data/data_test.h"

/* `pieces` has a | between pieces and at the end (so none of the texts has one). */
static const struct piece_case {
    const char *name, *pieces;
} cases[] = {
    {"pretoken: words take the space before", "Hello| world|,| it| is|!|"},
    {"pretoken: contractions", "I|'m| you|'re| they|'ve| we|'ll| he|'d| it|'s| don|'t|"},
    {"pretoken: capitals are no contractions", "DON|'|T|"},
    {"pretoken: digits and letters part", "abc|123|def| 3|.|14|"},
    {"pretoken: the last space of a run goes along", "a|  | b|   |"},
    {"pretoken: newlines", "a|\n|b| \n\n | c|\n\n|"},
    {"pretoken: tabs do not go along", "\t|x|\t\t|\t|y|"},
    {"pretoken: letters of any script", "na\xc3\xafve| \xe6\x97\xa5\xe6\x9c\xac|\xe3\x80\x82|"},
    {"pretoken: no-break and ideographic spaces are spaces",
     "a|\xc2\xa0|b|\xe3\x80\x80|c|\xc2\x85|d|\xe2\x80\xa8|"},
    {"pretoken: U+180E is none any more", "a| \xe1\xa0\x8e|b|"},
    {"pretoken: emoji", "x| \xf0\x9f\x98\x80\xf0\x9f\x91\x8d|y|"},
    {"pretoken: a control character is punctuation", "a|\x01\x1c|b|"},
    {"pretoken: invalid bytes are a piece", "a|\xff\xfe|b| |\x80|c|"},
    {"pretoken: a cut character is invalid", "caf|\xc3|"},
    {"pretoken: nothing", ""},
};

static void test_pieces(void **state) {
    const struct piece_case *c = *state;
    struct buf text = {0}, got = {0};
    for (const char *s = c->pieces; *s; s++)
        if (*s != '|') buf_add(&text, s, 1);
    struct pretoken *p = pretoken_create(NULL);
    assert_non_null(p);
    struct pretoken_walk walk = {.text = buf_text(&text), .n = text.len};
    for (size_t at = 0, n; (n = pretoken_next(p, &walk)); at += n) {
        buf_add(&got, buf_text(&text) + at, n);
        buf_str(&got, "|");
    }
    assert_string_equal(buf_text(&got), c->pieces);
    pretoken_destroy(p);
    buf_deinit(&text);
    buf_deinit(&got);
}

/* Whatever the bytes, the pieces are not empty and their lengths add up. */
static void assert_covered(struct pretoken *p, const char *text, size_t n) {
    struct pretoken_walk walk = {.text = text, .n = n};
    size_t sum = 0;
    for (size_t length; (length = pretoken_next(p, &walk));) {
        sum += length;
        assert_true(sum <= n);
        assert_int_equal(walk.at, sum);
    }
    assert_int_equal(sum, n);
}

static void test_random_bytes(void **state) {
    (void)state;
    struct rng rng = rng_make(1, 0, 0);
    struct pretoken *p = pretoken_create(NULL);
    char text[64];
    for (int round = 0; round < 20000; round++) {
        size_t n = rng_below(&rng, sizeof text + 1);
        for (size_t i = 0; i < n; i++) {
            static const char likely[] = " \n'a1\xc3\xa9\xe2\x80";
            text[i] = round % 2 ? (char)rng_next(&rng) : likely[rng_below(&rng, 9)];
        }
        assert_covered(p, text, n);
    }
    pretoken_destroy(p);
}

/* Runs too long for a small stack: a megabyte of one thing is at most two pieces and a rest. */
static void test_long_runs(void **state) {
    enum { N = 1 << 20 };
    (void)state;
    struct pretoken *p = pretoken_create(NULL);
    char *text = malloc(N);
    assert_non_null(text);
    for (const char *c = " a7!\n\xff"; *c; c++) {
        memset(text, *c, N);
        assert_covered(p, text, N);
        text[N - 1] = 'z';
        assert_covered(p, text, N);
    }
    free(text);
    pretoken_destroy(p);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 2];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = test_pieces,
                                       .initial_state = (void *)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest)cmocka_unit_test(test_random_bytes);
    tests[COUNT(cases) + 1] = (struct CMUnitTest)cmocka_unit_test(test_long_runs);
    return cmocka_run_group_tests_name("pretoken", tests, NULL, NULL);
}
