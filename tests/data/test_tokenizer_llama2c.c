#include <stdio.h>

#include "check.h"
#include "engine/core/json.h"
#include "tests/data/data_test.h"

static struct tokenizer *load(void) {
    struct err err = {0};
    struct tokenizer *t = tokenizer_load_llama2c(shared("stories260k/tok512.bin"), 512, &err);
    if (!t) fail_msg("%s", err.msg);
    return t;
}

/* The ids of a real model's greedy story, from a file. Owner: the caller. */
static struct ids reference_ids(void) {
    struct buf text = {0};
    struct ids ids = {0};
    assert_true(files_read(shared("stories260k/reference.json"), 1 << 20, &text, NULL));
    struct json *root = json_parse(text.data, text.len, NULL);
    const struct json *list = json_get(root, "ids_greedy_from_BOS");
    for (size_t i = 0; i < json_size(list); i++)
        assert_true(ids_push(&ids, (int32_t)json_int(json_at(list, i), -1), NULL));
    json_destroy(root);
    buf_deinit(&text);
    assert_int_equal(ids.n, 65);
    return ids;
}

static struct buf decode(const struct tokenizer *t, const struct ids *ids) {
    struct buf out = {0};
    struct token_text s = {0};
    for (size_t i = 0; i < ids->n; i++)
        token_text_push(&s, t, ids->data[i], i + 1 == ids->n, &out);
    return out;
}

/* The story's ids decode to its text, and its text encodes to its ids. */
static void test_story(void **state) {
    (void)state;
    struct tokenizer *t = load();
    struct ids want = reference_ids();
    struct buf expected = {0}, text;
    assert_true(
        files_read(shared("stories260k/expected_greedy_200.txt"), 1 << 20, &expected, NULL));
    assert_int_equal(want.data[0], tokenizer_eot(t));
    text = decode(t, &want);
    assert_memory_equal(text.data, "<s> ", 4);
    assert_true(text.len > 100);
    assert_memory_equal(text.data + 4, expected.data, text.len - 4);

    struct ids got = encode(t, text.data + 4, text.len - 4);
    assert_int_equal(got.n, want.n - 1);
    assert_memory_equal(got.data, want.data + 1, got.n * sizeof *got.data);
    ids_deinit(&got);
    ids_deinit(&want);
    buf_deinit(&text);
    buf_deinit(&expected);
    tokenizer_destroy(t);
}

static void test_vocabulary(void **state) {
    (void)state;
    struct tokenizer *t = load();
    assert_int_equal(tokenizer_vocab(t), 512);
    assert_int_equal(tokenizer_eot(t), 1);
    for (int id = 0; id < 512; id++) assert_int_equal(tokenizer_is_special(t, id), id < 3);
    size_t n;
    assert_memory_equal(tokenizer_bytes(t, 2, &n), "</s>", 4);
    assert_int_equal(n, 4);
    assert_memory_equal(tokenizer_bytes(t, 3 + 'A', &n), "A", 1);
    assert_int_equal(n, 1);
    tokenizer_destroy(t);
}

/* What has no piece is spelled in bytes; any bytes come back behind the leading space. */
static void test_fallback(void **state) {
    (void)state;
    struct tokenizer *t = load();
    static const char text[] = "caf\xc3\xa9 \xf0\x9f\x98\x80 \xff\x80\n<s> <0x41>";
    struct ids ids = encode(t, TEXT(text));
    for (size_t i = 0; i < ids.n; i++) assert_false(tokenizer_is_special(t, ids.data[i]));
    char want[sizeof text + 1] = " ";
    memcpy(want + 1, text, sizeof text);
    assert_decoded(t, &ids, want, sizeof text);
    ids_deinit(&ids);
    ids = encode(t, TEXT("\xf0\x9f\x98\x80"));
    size_t n = ids.n;
    assert_int_equal(ids.data[n - 4], 3 + 0xf0);
    assert_int_equal(ids.data[n - 1], 3 + 0x80);
    ids_deinit(&ids);
    ids = encode(t, TEXT(""));
    assert_int_equal(ids.n, 0);
    ids_deinit(&ids);
    tokenizer_destroy(t);
}

/* A run's checkpoint holds it as tokenizer.json: it must come back the same. */
static void test_saved(void **state) {
    (void)state;
    struct tokenizer *t = load();
    struct err err = {0};
    assert_true(tokenizer_save(t, in_folder("tokenizer.json"), &err));
    struct tokenizer *back = tokenizer_load(folder, &err);
    if (!back) fail_msg("%s", err.msg);
    assert_true(tokenizer_fingerprint(back) == tokenizer_fingerprint(t));
    assert_int_equal(tokenizer_eot(back), 1);
    static const char text[] =
        "Once upon a time, caf\xc3\xa9 \xf0\x9f\x98\x80 aaaaaaa hahahaha";
    struct ids a = encode(t, TEXT(text)), b = encode(back, TEXT(text));
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n * sizeof *a.data);
    ids_deinit(&a);
    ids_deinit(&b);
    tokenizer_destroy(back);
    tokenizer_destroy(t);
}

/* ---- files made by hand ---- */

static void put_token(struct buf *b, float score, const char *bytes, size_t n) {
    int32_t length = (int32_t)n;
    buf_add(b, &score, 4);
    buf_add(b, &length, 4);
    buf_add(b, bytes, n);
}

/* <unk>, <s>, </s> and what `pieces` lists, later ones with lower scores. */
static struct buf small_file(const char *const *pieces, size_t n) {
    static const char *const specials[] = {"<unk>", "\n<s>\n", "\n</s>\n"};
    struct buf b = {0};
    buf_add(&b, "\x08\0\0\0", 4);
    for (int i = 0; i < 3; i++) put_token(&b, 0, specials[i], strlen(specials[i]));
    for (size_t i = 0; i < n; i++) put_token(&b, -(float)i, pieces[i], strlen(pieces[i]));
    return b;
}

/* The better score merges first, wherever it stands; equal pieces go from the left. */
static void test_scores(void **state) {
    (void)state;
    static const char *const pieces[] = {" ", "a", "b", "c", "bc", "ab", "abc", "aa"};
    static const int abc[] = {3, 9}, aaa[] = {3, 10, 4}, abab[] = {3, 8, 8};
    struct buf file = small_file(pieces, COUNT(pieces));
    struct err err = {0};
    const char *path = put_file("tok.bin", file.data, file.len);
    struct tokenizer *t = tokenizer_load_llama2c(path, 11, &err);
    if (!t) fail_msg("%s", err.msg);
    struct ids ids = encode(t, TEXT("abc"));
    assert_ids(&ids, abc, COUNT(abc)); /* b c first, then a bc */
    ids_deinit(&ids);
    ids = encode(t, TEXT("aaa"));
    assert_ids(&ids, aaa, COUNT(aaa));
    ids_deinit(&ids);
    ids = encode(t, TEXT("abab"));
    assert_ids(&ids, abab, COUNT(abab));
    ids_deinit(&ids);
    tokenizer_destroy(t);
    buf_deinit(&file);
}

static void assert_refused(const struct buf *file, int vocab, const char *says) {
    struct err err = {0};
    assert_null(
        tokenizer_load_llama2c(put_file("bad.bin", file->data, file->len), vocab, &err));
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
    assert_non_null(strstr(err.msg, "bad.bin"));
}

static void test_refused(void **state) {
    (void)state;
    static const char *const pieces[] = {"a", "b"}, *const twice[] = {"a", "a"};
    struct buf file = small_file(pieces, 2), again = small_file(twice, 2), bad = {0};
    assert_refused(&file, 6, "ends inside token 5");
    assert_refused(&file, 4, "9 bytes follow after 4 tokens");
    assert_refused(&file, 0, "a vocabulary of 0 tokens");
    assert_refused(&again, 5, "token 4 repeats token 3");
    for (size_t n = file.len; n-- > 4;) {
        file.len = n;
        assert_refused(&file, 5, "ends inside token");
    }
    file.len = 0;
    assert_refused(&file, 5, "is empty");
    buf_add(&bad, "\x08\0\0\0\0\0\xc0\x7f\1\0\0\0a", 13); /* a score that is no number */
    assert_refused(&bad, 5, "token 0 is not a text with a score");
    buf_clear(&bad);
    buf_add(&bad, "\x08\0\0\0\0\0\0\0\xff\xff\xff\xff", 12); /* a length of -1 */
    assert_refused(&bad, 5, "ends inside token 0");
    buf_deinit(&file);
    buf_deinit(&again);
    buf_deinit(&bad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),    cmocka_unit_test(test_vocabulary),
        cmocka_unit_test(test_fallback), cmocka_unit_test(test_saved),
        cmocka_unit_test(test_scores),   cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("tokenizer_llama2c", tests, make_folder, remove_folder);
}
