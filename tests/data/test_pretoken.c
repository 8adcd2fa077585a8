#include <stdio.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/data/pretoken.h"
#include "tests/data/data_test.h"

/* `pieces` has a | between pieces and at the end (so none of the texts has one). */
static const struct piece_case {
    const char *name;
    enum pretoken_kind kind;
    const char *pieces;
} cases[] = {
    {"pretoken: words take the space before", PRETOKEN_GPT2, "Hello| world|,| it| is|!|"},
    {"pretoken: contractions", PRETOKEN_GPT2,
     "I|'m| you|'re| they|'ve| we|'ll| he|'d| it|'s| don|'t|"},
    {"pretoken: capitals are no contractions", PRETOKEN_GPT2, "DON|'|T|"},
    {"pretoken: digits and letters part", PRETOKEN_GPT2, "abc|123|def| 3|.|14|"},
    {"pretoken: the last space of a run goes along", PRETOKEN_GPT2, "a|  | b|   |"},
    {"pretoken: newlines", PRETOKEN_GPT2, "a|\n|b| \n\n | c|\n\n|"},
    {"pretoken: tabs do not go along", PRETOKEN_GPT2, "\t|x|\t\t|\t|y|"},
    {"pretoken: letters of any script", PRETOKEN_GPT2,
     "na\xc3\xafve| \xe6\x97\xa5\xe6\x9c\xac|\xe3\x80\x82|"},
    {"pretoken: no-break and ideographic spaces are spaces", PRETOKEN_GPT2,
     "a|\xc2\xa0|b|\xe3\x80\x80|c|\xc2\x85|d|\xe2\x80\xa8|"},
    {"pretoken: U+180E is none any more", PRETOKEN_GPT2, "a| \xe1\xa0\x8e|b|"},
    {"pretoken: emoji", PRETOKEN_GPT2, "x| \xf0\x9f\x98\x80\xf0\x9f\x91\x8d|y|"},
    {"pretoken: a control character is punctuation", PRETOKEN_GPT2, "a|\x01\x1c|b|"},
    {"pretoken: invalid bytes are a piece", PRETOKEN_GPT2, "a|\xff\xfe|b| |\x80|c|"},
    {"pretoken: a cut character is invalid", PRETOKEN_GPT2, "caf|\xc3|"},
    {"pretoken: nothing", PRETOKEN_GPT2, ""},
    /* pieces that another regex engine makes with the published patterns */
    {"pretoken: digits: 0", PRETOKEN_DIGITS, "I|'m| DON|'|T| we|'|LL| it|'s|"},
    {"pretoken: digits: 1", PRETOKEN_DIGITS, "year| |2|0|2|4|,| |3|.|1|4|1|5|9|"},
    {"pretoken: digits: 2", PRETOKEN_DIGITS, "a| | b|   |1|2| | x|"},
    {"pretoken: digits: 3", PRETOKEN_DIGITS, "x|\n\n | y| \r\n|\t|z|  |"},
    {"pretoken: digits: 4", PRETOKEN_DIGITS, "(|foo|_|bar|)| !=| \"|baz|\";|\n|\n|}|"},
    {"pretoken: digits: 5", PRETOKEN_DIGITS, "\t|\t|return| x|;|"},
    {"pretoken: digits: 6", PRETOKEN_DIGITS,
     "na\xc3\xaf"
     "ve| \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
     "|\xe3\x80\x82"
     "|\xd9\xa1"
     "|\xd9\xa2"
     "| |\xc2\xbd"
     "|"},
    {"pretoken: digits: 7", PRETOKEN_DIGITS,
     "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d"
     "| ok|"},
    {"pretoken: digits: 8", PRETOKEN_DIGITS, "  |1|2| |3|4|"},
    {"pretoken: digits: 9", PRETOKEN_DIGITS, "end|.|  |"},
    {"pretoken: digits: 10", PRETOKEN_DIGITS,
     "\xc2\xa0"
     "|x| |\xe2\x80\xa8"
     "|y|"},
    {"pretoken: digits: 11", PRETOKEN_DIGITS, "a|.|b| c|-|d| e|/|f|"},
    {"pretoken: qwen2: 0", PRETOKEN_QWEN2, "I|'m| DON|'T| we|'LL| it|'s|"},
    {"pretoken: qwen2: 1", PRETOKEN_QWEN2, "year| |2|0|2|4|,| |3|.|1|4|1|5|9|"},
    {"pretoken: qwen2: 2", PRETOKEN_QWEN2, "a| | b|  | |1|2| | x|"},
    {"pretoken: qwen2: 3", PRETOKEN_QWEN2, "x|\n\n| | y| \r\n|\tz|  |"},
    {"pretoken: qwen2: 4", PRETOKEN_QWEN2, "(foo|_bar|)| !=| \"|baz|\";\n\n|}|"},
    {"pretoken: qwen2: 5", PRETOKEN_QWEN2, "\t|\treturn| x|;|"},
    {"pretoken: qwen2: 6", PRETOKEN_QWEN2,
     "na\xc3\xaf"
     "ve| \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
     "|\xe3\x80\x82"
     "|\xd9\xa1"
     "|\xd9\xa2"
     "| |\xc2\xbd"
     "|"},
    {"pretoken: qwen2: 7", PRETOKEN_QWEN2,
     "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d"
     "| ok|"},
    {"pretoken: qwen2: 8", PRETOKEN_QWEN2, " | |1|2| |3|4|"},
    {"pretoken: qwen2: 9", PRETOKEN_QWEN2, "end|.|  |"},
    {"pretoken: qwen2: 10", PRETOKEN_QWEN2,
     "\xc2\xa0"
     "x| |\xe2\x80\xa8"
     "y|"},
    {"pretoken: qwen2: 11", PRETOKEN_QWEN2, "a|.b| c|-d| e|/f|"},
    {"pretoken: llama3: 0", PRETOKEN_LLAMA3, "I|'m| DON|'T| we|'LL| it|'s|"},
    {"pretoken: llama3: 1", PRETOKEN_LLAMA3, "year| |202|4|,| |3|.|141|59|"},
    {"pretoken: llama3: 2", PRETOKEN_LLAMA3, "a| | b|  | |12| | x|"},
    {"pretoken: llama3: 3", PRETOKEN_LLAMA3, "x|\n\n| | y| \r\n|\tz|  |"},
    {"pretoken: llama3: 4", PRETOKEN_LLAMA3, "(foo|_bar|)| !=| \"|baz|\";\n\n|}|"},
    {"pretoken: llama3: 5", PRETOKEN_LLAMA3, "\t|\treturn| x|;|"},
    {"pretoken: llama3: 6", PRETOKEN_LLAMA3,
     "na\xc3\xaf"
     "ve| \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
     "|\xe3\x80\x82"
     "|\xd9\xa1\xd9\xa2"
     "| |\xc2\xbd"
     "|"},
    {"pretoken: llama3: 7", PRETOKEN_LLAMA3,
     "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d"
     "| ok|"},
    {"pretoken: llama3: 8", PRETOKEN_LLAMA3, " | |12| |34|"},
    {"pretoken: llama3: 9", PRETOKEN_LLAMA3, "end|.|  |"},
    {"pretoken: llama3: 10", PRETOKEN_LLAMA3,
     "\xc2\xa0"
     "x| |\xe2\x80\xa8"
     "y|"},
    {"pretoken: llama3: 11", PRETOKEN_LLAMA3, "a|.b| c|-d| e|/f|"},
};

static void test_pieces(void **state) {
    const struct piece_case *c = *state;
    struct buf text = {0}, got = {0};
    for (const char *s = c->pieces; *s; s++)
        if (*s != '|') buf_add(&text, s, 1);
    struct pretoken *p = pretoken_create(c->kind, NULL);
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
    struct pretoken *p = pretoken_create(PRETOKEN_LLAMA3, NULL);
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

/* What is found by ASCII alone is what the patterns say, of every kind: every text of up to
 * four bytes over an alphabet in which each class is there and what the patterns name, then
 * long ones. */
static void assert_as_pattern(struct pretoken *p, const char *text, size_t n) {
    struct pretoken_walk fast = {.text = text, .n = n}, slow = fast;
    for (size_t a = 1; a;) {
        size_t at = fast.at, b = pretoken_next_pattern(p, &slow);
        a = pretoken_next(p, &fast);
        if (a != b)
            fail_msg("%zu bytes instead of %zu at %zu of \"%.*s\"", a, b, at, (int)n, text);
    }
}

static void test_as_patterns(void **state) {
    static const char alphabet[] =
        "aZs7 \n\r\t'-\x01_tTrevVlLmd\xc3\xa9\xc5\xbf\xc2\x85\xd9\xa1";
    enum { N = sizeof alphabet - 1, SHORT = 16 /* letters that short texts are made of */ };
    struct rng rng = rng_make(2, 0, 0);
    char text[48];
    (void)state;
    for (int kind = 0; kind < PRETOKEN_COUNT; kind++) {
        struct pretoken *p = pretoken_create((enum pretoken_kind)kind, NULL);
        assert_non_null(p);
        for (int i = 0; i < SHORT * SHORT * SHORT * SHORT; i++) {
            for (int k = 0, rest = i; k < 4; k++, rest /= SHORT)
                text[k] = alphabet[rest % SHORT];
            assert_as_pattern(p, text, 4);
        }
        for (int round = 0; round < 100000; round++) {
            size_t n = rng_below(&rng, sizeof text + 1);
            for (size_t i = 0; i < n; i++)
                text[i] = alphabet[rng_below(&rng, round % 3 ? N : SHORT)];
            assert_as_pattern(p, text, n);
        }
        for (int c = 0; c < 128; c++) {
            char all[] = {' ', (char)c, (char)c, 'a', (char)c, '1', (char)c};
            assert_as_pattern(p, all, sizeof all);
        }
        pretoken_destroy(p);
    }
}

/* Runs too long for a small stack: a megabyte of one thing is at most two pieces and a rest. */
static void test_long_runs(void **state) {
    enum { N = 1 << 20 };
    (void)state;
    struct pretoken *p = pretoken_create(PRETOKEN_LLAMA3, NULL);
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
    struct CMUnitTest tests[COUNT(cases) + 3];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = test_pieces,
                                       .initial_state = (void *)&cases[i]};
    tests[COUNT(cases)] = (struct CMUnitTest)cmocka_unit_test(test_random_bytes);
    tests[COUNT(cases) + 1] = (struct CMUnitTest)cmocka_unit_test(test_long_runs);
    tests[COUNT(cases) + 2] = (struct CMUnitTest)cmocka_unit_test(test_as_patterns);
    return cmocka_run_group_tests_name("pretoken", tests, NULL, NULL);
}
