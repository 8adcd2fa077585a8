#include <stdio.h>

#include "check.h"
#include "engine/core/rng.h"
#include "engine/data/corpus.h"
#include "tests/data/data_test.h"

static void add(struct source_text *s, const char *text, bool validation) {
    assert_true(source_add(s, text, strlen(text), text, strlen(text), NULL));
    s->units[s->n_units - 1].validation = validation;
}

static struct source_text sample(void) {
    struct source_text s = {0};
    add(&s, "the fever\nthe body\n", false);
    add(&s, "held out", true);
    add(&s, "the temperature", false);
    return s;
}

static void assert_unit(const struct corpus *c, const struct tokenizer *t, size_t i,
                        const char *want) {
    struct ids ids = {c->tokens + c->starts[i], c->starts[i + 1] - c->starts[i] - 1, 0};
    assert_decoded(t, &ids, want, strlen(want));
    assert_int_equal(c->tokens[c->starts[i + 1] - 1], tokenizer_eot(t));
}

static void test_build(void **state) {
    (void)state;
    struct source_text s = sample();
    struct tokenizer *t = train(TEXT("the the fever the body the temperature"), 270);
    struct corpus c;
    assert_true(corpus_build(&s, SPLIT_TRAIN, t, NULL, NULL, &c, NULL));
    assert_int_equal(c.n_units, 2);
    assert_int_equal(c.n_bytes, 19 + 15);
    assert_int_equal(c.n_lines, 3);
    assert_int_equal(c.starts[0], 0);
    assert_int_equal(c.starts[2], c.n_tokens);
    assert_unit(&c, t, 0, "the fever\nthe body\n");
    assert_unit(&c, t, 1, "the temperature");
    corpus_deinit(&c);
    assert_true(corpus_build(&s, SPLIT_VAL, t, NULL, NULL, &c, NULL));
    assert_int_equal(c.n_units, 1);
    assert_unit(&c, t, 0, "held out");
    corpus_deinit(&c);
    assert_true(corpus_build(&s, SPLIT_ALL, t, NULL, NULL, &c, NULL));
    assert_int_equal(c.n_units, 3);
    corpus_deinit(&c);
    assert_null(c.tokens);
    tokenizer_destroy(t);
    source_deinit(&s);
}

static void test_nothing(void **state) {
    (void)state;
    struct source_text s = {0};
    struct tokenizer *t = train(TEXT("a"), 258);
    struct corpus c;
    struct err err = {0};
    add(&s, "only this", false);
    assert_false(corpus_build(&s, SPLIT_VAL, t, NULL, NULL, &c, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_non_null(strstr(err.msg, "none of the 1 pieces of text is for validation"));
    s.units[0].validation = true;
    assert_false(corpus_build(&s, SPLIT_TRAIN, t, NULL, NULL, &c, &err));
    assert_non_null(strstr(err.msg, "for training"));
    tokenizer_destroy(t);
    source_deinit(&s);
}

/* A vocabulary that cannot spell the text: the message is the tokenizer's, nothing is left. */
static void test_cannot_spell(void **state) {
    (void)state;
    static const char small[] =
        "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":"
        "false},\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}";
    struct source_text s = {0};
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse(TEXT(small), &err);
    assert_non_null(t);
    struct corpus c;
    add(&s, "aaa", false);
    assert_true(corpus_build(&s, SPLIT_ALL, t, NULL, NULL, &c, NULL));
    assert_int_equal(c.n_tokens, 3); /* there is no end-of-text to add */
    corpus_deinit(&c);
    add(&s, "aab", false);
    assert_false(corpus_build(&s, SPLIT_ALL, t, NULL, NULL, &c, &err));
    assert_non_null(strstr(err.msg, "0x62"));
    assert_null(c.tokens);
    assert_null(c.starts);
    tokenizer_destroy(t);
    source_deinit(&s);
}

struct reported {
    size_t calls, last, total;
};

static bool report(void *ctx, size_t done, size_t total) {
    struct reported *r = ctx;
    assert_true(done >= r->last && done <= total);
    *r = (struct reported){r->calls + 1, done, total};
    return true;
}

static bool give_up(void *ctx, size_t done, size_t total) {
    report(ctx, done, total);
    return false;
}

/* Enough text to take longer than one report's interval: reported on the way and at the end. */
static void test_progress(void **state) {
    (void)state;
    struct source_text s = {0};
    struct rng rng = rng_make(1, 0, 0);
    char text[1000];
    for (int i = 0; i < 3000; i++) {
        for (size_t k = 0; k < sizeof text; k++) text[k] = (char)('a' + rng_below(&rng, 26));
        assert_true(source_add(&s, text, sizeof text, text, sizeof text, NULL));
    }
    struct tokenizer *t = train(text, sizeof text, 400);
    struct corpus c;
    struct reported r = {0};
    assert_true(corpus_build(&s, SPLIT_ALL, t, report, &r, &c, NULL));
    assert_true(r.calls >= 2);
    assert_int_equal(r.last, 3000 * sizeof text);
    assert_int_equal(r.total, 3000 * sizeof text);
    assert_int_equal(c.n_bytes, r.total);
    corpus_deinit(&c);
    struct err err = {0};
    r = (struct reported){0};
    assert_false(corpus_build(&s, SPLIT_ALL, t, give_up, &r, &c, &err));
    assert_int_equal(r.calls, 1);
    assert_int_equal(err.code, ERR_STOPPED);
    tokenizer_destroy(t);
    source_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_cannot_spell),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests_name("corpus", tests, make_folder, remove_folder);
}
