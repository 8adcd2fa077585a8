#include <stdio.h>

#include "check.h"
#include "engine/core/rng.h"
#include "tests/data/data_test.h"

static const char sample[] =
    "the fever is a rise in the temperature of the body; the temperature rises in the fever\n"
    "na\xc3\xafve caf\xc3\xa9s and \xf0\x9f\x98\x80 \xf0\x9f\x98\x80 \xf0\x9f\x98\x81\n";

static int setup(void **state) {
    *state = train(TEXT(sample), 340);
    return tokenizer_vocab(*state) > 300 ? 0 : -1;
}

static int teardown(void **state) {
    tokenizer_destroy(*state);
    return 0;
}

static void assert_round_trip(struct tokenizer *t, const char *text, size_t n) {
    struct ids ids = encode(t, text, n);
    assert_decoded(t, &ids, text, n);
    ids_deinit(&ids);
}

static void test_round_trip(void **state) {
    struct rng rng = rng_make(2, 0, 0);
    char text[200];
    assert_round_trip(*state, TEXT(sample));
    assert_round_trip(*state, TEXT(""));
    assert_round_trip(*state, TEXT("a\0b\0\0c"));
    for (int round = 0; round < 5000; round++) {
        size_t n = rng_below(&rng, sizeof text + 1);
        for (size_t i = 0; i < n; i++)
            text[i] = round % 2 ? (char)rng_next(&rng) : sample[rng_below(&rng, sizeof sample)];
        assert_round_trip(*state, text, n);
    }
}

/* A megabyte that is one pre-token: what it costs must not grow with its square. */
static void test_long_pretoken(void **state) {
    enum { N = 1 << 20 };
    char *text = malloc(N);
    assert_non_null(text);
    for (size_t i = 0; i < N; i++) text[i] = "the"[i % 3];
    assert_round_trip(*state, text, N);
    memset(text, 'e', N);
    assert_round_trip(*state, text, N);
    free(text);
}

/* Encoding appends, a second time (from the cache) gives the same. */
static void test_appends(void **state) {
    struct ids ids = {0};
    assert_true(tokenizer_encode(*state, TEXT("the fever"), &ids, NULL));
    size_t n = ids.n;
    assert_true(n > 0 && n < 9);
    assert_true(tokenizer_encode(*state, TEXT("the fever"), &ids, NULL));
    assert_int_equal(ids.n, 2 * n);
    assert_memory_equal(ids.data, ids.data + n, n * sizeof *ids.data);
    ids_deinit(&ids);
}

/* The name of a special token in a text is text. */
static void test_special_is_text(void **state) {
    struct ids ids = encode(*state, TEXT("a<|endoftext|>b"));
    for (size_t i = 0; i < ids.n; i++) assert_int_not_equal(ids.data[i], tokenizer_eot(*state));
    assert_decoded(*state, &ids, TEXT("a<|endoftext|>b"));
    ids_deinit(&ids);
}

static void test_out_of_range(void **state) {
    struct tokenizer *t = *state;
    static const int32_t bad[] = {-1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i <= COUNT(bad); i++) {
        int32_t id = i < COUNT(bad) ? bad[i] : tokenizer_vocab(t);
        size_t n = 7;
        assert_null(tokenizer_bytes(t, id, &n));
        assert_int_equal(n, 0);
        assert_false(tokenizer_is_special(t, id));
    }
}

static void test_save_and_load(void **state) {
    struct tokenizer *t = *state, *other = train(TEXT("other words make other merges"), 300);
    struct err err = {0};
    assert_true(tokenizer_save(t, in_folder("tokenizer.json"), &err));
    struct tokenizer *back = tokenizer_load(folder, &err);
    if (!back) fail_msg("%s", err.msg);
    assert_int_equal(tokenizer_vocab(back), tokenizer_vocab(t));
    assert_int_equal(tokenizer_eot(back), tokenizer_eot(t));
    assert_true(tokenizer_fingerprint(back) == tokenizer_fingerprint(t));
    assert_true(tokenizer_fingerprint(other) != tokenizer_fingerprint(t));
    struct ids a = encode(t, TEXT(sample)), b = encode(back, TEXT(sample));
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n * sizeof *a.data);
    ids_deinit(&a);
    ids_deinit(&b);
    tokenizer_destroy(back);
    tokenizer_destroy(other);
}

static void test_save_fails(void **state) {
    struct err err = {0};
    assert_false(tokenizer_save(*state, in_folder("no/such/folder/tokenizer.json"), &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.msg, "no/such/folder"));
}

/* ---- the text that each token shows ---- */

static void assert_token_texts(const struct tokenizer *t, const char *text, size_t n,
                               const char *want) {
    struct token_text s = {0};
    struct buf out = {0};
    for (size_t i = 0; i < n; i++) { /* byte by byte: every id is a single byte's */
        int32_t id = 1;
        size_t length;
        while (*tokenizer_bytes(t, id, &length) != text[i] || length != 1) id++;
        token_text_push(&s, t, id, i + 1 == n, &out);
        buf_str(&out, "|");
    }
    assert_string_equal(buf_text(&out), want);
    buf_deinit(&out);
}

static void test_token_text(void **state) {
    assert_token_texts(*state, TEXT("ab"), "a|b|");
    assert_token_texts(*state, TEXT("\xc3\xa9!"), "|\xc3\xa9|!|");
    assert_token_texts(*state, TEXT("\xf0\x9f\x98\x80"), "|||\xf0\x9f\x98\x80|");
    assert_token_texts(*state, TEXT("\x80z"), "\xef\xbf\xbd|z|");
    assert_token_texts(*state, TEXT("\xe2\x82z"), "||\xef\xbf\xbdz|");
    assert_token_texts(*state, TEXT("\xf0\x9f\xc3\xa9"), "||\xef\xbf\xbd|\xc3\xa9|");
    assert_token_texts(*state, TEXT("a\xe2\x82"), "a||\xef\xbf\xbd|");
    assert_token_texts(*state, TEXT("\xed\xa0\x80"), "|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd|");
}

/* Valid text comes back whole, however its tokens cut it. */
static void test_token_text_joins(void **state) {
    struct ids ids = encode(*state, TEXT(sample));
    struct token_text s = {0};
    struct buf out = {0};
    for (size_t i = 0; i < ids.n; i++)
        token_text_push(&s, *state, ids.data[i], i + 1 == ids.n, &out);
    assert_string_equal(buf_text(&out), sample);
    token_text_push(&s, *state, 0, true, &out);
    assert_string_equal(buf_text(&out) + sizeof sample - 1, "<|endoftext|>");
    buf_deinit(&out);
    ids_deinit(&ids);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW(test_round_trip),      ROW(test_long_pretoken), ROW(test_appends),
        ROW(test_special_is_text), ROW(test_out_of_range),  ROW(test_save_and_load),
        ROW(test_save_fails),      ROW(test_token_text),    ROW(test_token_text_joins),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, make_folder, remove_folder);
}
