#include <stdio.h>

#include "check.h"
#include "engine/data/pretoken.h"
#include "tests/data/data_test.h"

/* A whole tokenizer.json; the cases below replace a piece of it. */
static const char good[] =
    "{\"added_tokens\":[{\"id\":5,\"content\":\"<|endoftext|>\",\"special\":true}],"
    "\"normalizer\":null,"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"post_processor\":{\"type\":\"ByteLevel\",\"trim_offsets\":false},"
    "\"decoder\":{\"type\":\"ByteLevel\"},"
    "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"vocab\":{\"a\":0,\"b\":1,\"\xc4\xa0\":2,"
    "\"ab\":3,\"\xc4\xa0"
    "ab\":4},\"merges\":[\"a b\",\"\xc4\xa0 ab\"]}}";

#define BYTE_STEP "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
#define SPLIT(regex, behavior)                                                                 \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"    \
    "\"" regex "\"},\"behavior\":\"" behavior                                                  \
    "\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"                 \
    "\"use_regex\":false}]}"

/* `good` with the first `was` replaced. Owner: the caller. */
static struct buf changed(const char *was, const char *now) {
    struct buf b = {0};
    const char *at = strstr(good, was);
    if (!at) fail_msg("the file has no %s", was);
    buf_add(&b, good, (size_t)(at - good));
    buf_str(&b, now);
    buf_str(&b, at + strlen(was));
    return b;
}

/* ---- what is refused, and by what name ---- */

static const struct refusal {
    const char *name, *was, *now, *says;
} refusals[] = {
    {"json: no JSON", "{", "[", "line 1"},
    {"json: model WordPiece", "\"BPE\"", "\"WordPiece\"", "model type \"WordPiece\""},
    {"json: model Unigram", "\"BPE\"", "\"Unigram\"", "model type \"Unigram\""},
    {"json: no model", "\"model\"", "\"mode\"", "no \"model\""},
    {"json: normalizer", "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFKC\"}",
     "normalizer \"NFKC\""},
    {"json: a pattern of its own", BYTE_STEP, SPLIT("a+", "Isolated"), "Split pattern \"a+\""},
    {"json: a split that drops", BYTE_STEP, SPLIT("a+", "Removed"),
     "Split behavior \"Removed\""},
    {"json: digits together", BYTE_STEP,
     "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"}," BYTE_STEP "]}",
     "individual_digits false"},
    {"json: one step in a sequence", BYTE_STEP,
     "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_STEP "]}", "a pre_tokenizer of 1 steps"},
    {"json: other pre-tokenizer", "\"ByteLevel\"", "\"Metaspace\"",
     "Metaspace with setting \"split\""},
    {"json: no pre-tokenizer", "\"pre_tokenizer\"", "\"pre\"", "no \"pre_tokenizer\""},
    {"json: prefix space", "space\":false", "space\":true", "\"add_prefix_space\""},
    {"json: no regex", "regex\":true", "regex\":false", "\"use_regex false\""},
    {"json: decoder", "\"decoder\":{\"type\":\"ByteLevel\"",
     "\"decoder\":{\"type\":\"WordPiece\"", "decoder \"WordPiece\""},
    {"json: dropout", "\"dropout\":null", "\"dropout\":0.1", "\"dropout\""},
    {"json: byte fallback", "\"dropout\":null", "\"byte_fallback\":true", "\"byte_fallback\""},
    {"json: prefix", "\"dropout\":null", "\"continuing_subword_prefix\":\"##\"",
     "\"continuing_subword_prefix\""},
    {"json: suffix", "\"dropout\":null", "\"end_of_word_suffix\":\"</w>\"",
     "\"end_of_word_suffix\""},
    {"json: no vocab", "\"vocab\"", "\"voca\"", "no \"vocab\""},
    {"json: no merges", "\"merges\"", "\"merge\"", "no list \"merges\""},
    {"json: one id twice", "\"b\":1", "\"b\":0", "same id 0"},
    {"json: an added token's id is taken", "\"id\":5", "\"id\":4", "same id 4"},
    {"json: an id left out", "\"b\":1", "\"<|endoftext|>\":5", "no token with id 1"},
    {"json: id too large", "\"b\":1", "\"b\":7000000000", "\"b\": its id is not a number"},
    {"json: id negative", "\"b\":1", "\"b\":-1", "\"b\": its id is not a number"},
    {"json: id no number", "\"b\":1", "\"b\":\"1\"", "\"b\": its id is not a number"},
    {"json: empty token", "\"b\":1", "\"\":1", "token 1 is empty"},
    {"json: not byte-level", "\"b\":1", "\"\xe6\x97\xa5\":1", "not spelled"},
    {"json: token twice", "\"b\":1", "\"a\":1", "duplicate"},
    {"json: added without content", "\"content\"", "\"contents\"",
     "added token 0 has no content"},
    {"json: merge of one", "\"a b\"", "\"ab\"", "merge 0: \"ab\" is not two tokens"},
    {"json: merge of three", "\"a b\"", "\"a b a\"", "merge 0: \"a b a\" is not two tokens"},
    {"json: merge of nothing", "\"a b\"", "\" b\"", "merge 0"},
    {"json: merge of a number", "\"a b\"", "17", "merge 0"},
    {"json: unknown part", "\"a b\"", "\"a z\"", "merge 0: \"z\" is not in the vocabulary"},
    {"json: unknown result", "\"a b\"", "\"b a\"", "merge 0: \"ba\" is not in the vocabulary"},
    {"json: merge twice", "\"a b\"", "\"a b\",\"a b\"", "merge 1 repeats merge 0"},
    {"json: merge with a special", "\"a b\"", "\"a <|endoftext|>\"",
     "merge 0: \"<|endoftext|>\""},
};

static void test_refusal(void **state) {
    const struct refusal *r = *state;
    struct err err = {0};
    struct buf text = changed(r->was, r->now);
    assert_null(tokenizer_parse(text.data, text.len, &err));
    assert_true(err.code == ERR_PARSE);
    if (!strstr(err.msg, r->says)) fail_msg("\"%s\" does not say %s", err.msg, r->says);
    put_file("tokenizer.json", text.data, text.len);
    assert_null(tokenizer_load(folder, &err));
    assert_non_null(strstr(err.msg, in_folder("tokenizer.json")));
    assert_non_null(strstr(err.msg, r->says));
    buf_deinit(&text);
}

/* ---- what is accepted ---- */

static void assert_same_as_good(const char *was, const char *now) {
    static const int want[] = {3, 4, 2, 0};
    struct err err = {0};
    struct buf text = changed(was, now);
    struct tokenizer *t = tokenizer_parse(text.data, text.len, &err);
    if (!t) fail_msg("%s", err.msg);
    assert_int_equal(tokenizer_vocab(t), 6);
    assert_int_equal(tokenizer_eot(t), 5);
    struct ids ids = encode(t, TEXT("ab ab a"));
    assert_ids(&ids, want, COUNT(want));
    ids_deinit(&ids);
    tokenizer_destroy(t);
    buf_deinit(&text);
}

static void test_accepted(void **state) {
    (void)state;
    assert_same_as_good("a", "a");
    assert_same_as_good("\"a b\"", "[\"a\",\"b\"]");
    assert_same_as_good("\"type\":\"BPE\",", "");
    assert_same_as_good(",\"use_regex\":true", "");
    assert_same_as_good("\"normalizer\":null,", "\"padding\":{\"strategy\":\"Fixed\"},");
    assert_same_as_good("{\"type\":\"ByteLevel\",\"trim_offsets\":false}",
                        "{\"type\":\"TemplateProcessing\"}");
    assert_same_as_good("\"special\":true", "\"special\":false");
    assert_same_as_good("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}");
    assert_same_as_good(BYTE_STEP,
                        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\","
                        "\"individual_digits\":true}," BYTE_STEP "]}");
    assert_same_as_good("\"a\":0,",
                        "\"<|endoftext|>\":5,\"a\":0,"); /* in both lists, as GPT-2's */
}

/* How each way to cut is written in a file, as published; it is read back after saving. */
static void test_ways(void **state) {
    (void)state;
    static const char *const ways[PRETOKEN_COUNT] = {
        [PRETOKEN_GPT2] = BYTE_STEP,
        [PRETOKEN_DIGITS] = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\","
                            "\"individual_digits\":true}," BYTE_STEP "]}",
        [PRETOKEN_QWEN2] = SPLIT(
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?"
            "[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+",
            "Isolated"),
        [PRETOKEN_LLAMA3] = SPLIT(
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}"
            "| ?"
            "[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+",
            "Isolated")};
    static const char *const names[] = {"gpt-2", "smollm", "qwen2", "llama-bpe"};
    uint64_t prints[PRETOKEN_COUNT];
    for (int k = 0; k < PRETOKEN_COUNT; k++) {
        struct err err = {0};
        struct buf text = changed(BYTE_STEP, ways[k]);
        struct tokenizer *t = tokenizer_parse(text.data, text.len, &err);
        if (!t) fail_msg("%s", err.msg);
        assert_string_equal(tokenizer_gguf_pre(t), names[k]);
        assert_true(tokenizer_save(t, in_folder("tokenizer.json"), &err));
        struct tokenizer *again = tokenizer_load(folder, &err);
        if (!again) fail_msg("%s", err.msg);
        prints[k] = tokenizer_fingerprint(t);
        assert_true(tokenizer_fingerprint(again) == prints[k]);
        for (int i = 0; i < k; i++) assert_true(prints[i] != prints[k]);
        tokenizer_destroy(again);
        tokenizer_destroy(t);
        buf_deinit(&text);
    }
}

/* With "ab" no longer merged, it is still found whole; what is no token is merged as ever. */
static void test_ignore_merges(void **state) {
    (void)state;
    static const int whole[] = {3}, apart[] = {0, 1, 0};
    struct err err = {0};
    struct buf text = changed("\"merges\":[\"a b\",\"\xc4\xa0 ab\"]",
                              "\"ignore_merges\":true,\"merges\":[\"\xc4\xa0 ab\"]");
    struct tokenizer *t = tokenizer_parse(text.data, text.len, &err);
    if (!t) fail_msg("%s", err.msg);
    for (int round = 0; round < 2; round++) { /* the second time from the cache */
        struct ids ids = encode(t, TEXT("ab"));
        assert_ids(&ids, whole, COUNT(whole));
        ids_deinit(&ids);
        ids = encode(t, TEXT("aba"));
        assert_ids(&ids, apart, COUNT(apart));
        ids_deinit(&ids);
    }
    tokenizer_destroy(t);
    buf_deinit(&text);
}

/* e and a combining acute become the one letter, whose two bytes are c3 a9; a byte that is no
 * text stays. */
static void test_composes(void **state) {
    (void)state;
    static const int want[] = {1, 2, 3, 0};
    static const char json[] =
        "{\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":" BYTE_STEP
        ",\"model\":{\"vocab\":{"
        "\"a\":0,\"\xc3\x83\":1,\"\xc2\xa9\":2,\"\xc3\xbf\":3},\"merges\":[]}}";
    struct err err = {0};
    struct tokenizer *t = tokenizer_parse(TEXT(json), &err);
    if (!t) fail_msg("%s", err.msg);
    struct ids ids = encode(t, TEXT("e\xcc\x81\xff"
                                    "a"));
    assert_ids(&ids, want, COUNT(want));
    ids_deinit(&ids);
    tokenizer_destroy(t);
}

/* A vocabulary without all bytes says which one it lacks. */
static void test_lacks_bytes(void **state) {
    (void)state;
    struct err err = {0};
    struct ids ids = {0};
    struct tokenizer *t = tokenizer_parse(TEXT(good), &err);
    assert_non_null(t);
    assert_true(ids_push(&ids, 7, &err));
    assert_false(tokenizer_encode(t, TEXT("ab Q"), &ids, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_non_null(strstr(err.msg, "0x51"));
    assert_int_equal(ids.n, 1); /* as it was */
    ids_deinit(&ids);
    tokenizer_destroy(t);
}

/* Llama 2's kind, in the spellings of its time and of today: what stands in front of a text. */
#define SPACE "\xe2\x96\x81"
#define PREPEND                                                                                \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","            \
    "\"prepend\":\"" SPACE                                                                     \
    "\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" SPACE            \
    "\"}]},\"pre_tokenizer\":null"
#define METASPACE(more)                                                                        \
    "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"" SPACE   \
    "\"," more "}"

static const struct front_case {
    const char *name, *steps;
    int two_words[2], with_space[2], n_with_space; /* "ab a"; " a" */
    int byte[2], n_byte;                           /* "A" */
} front_cases[] = {
    {"json: Prepend", PREPEND, {9, 7}, {4, 7}, 2, {4, 3}, 2},
    {"json: Metaspace first",
     METASPACE("\"prepend_scheme\":\"first\",\"split\":false"),
     {9, 7},
     {7},
     1,
     {4, 3},
     2},
    {"json: Metaspace always",
     METASPACE("\"add_prefix_space\":true,\"split\":false"),
     {9, 7},
     {7},
     1,
     {4, 3},
     2},
    {"json: Metaspace never",
     METASPACE("\"prepend_scheme\":\"never\",\"split\":false"),
     {8, 7},
     {7},
     1,
     {3},
     1},
};

static struct tokenizer *front_tokenizer(const struct front_case *c) {
    struct err err = {0};
    struct buf text = {0};
    buf_printf(
        &text,
        "{%s,\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":true}],\"model\":"
        "{\"type\":\"BPE\",\"byte_fallback\":true,\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</s>\":2,"
        "\"<0x41>\":3,\"" SPACE "\":4,\"a\":5,\"b\":6,\"" SPACE "a\":7,\"ab\":8,\"" SPACE
        "ab\":9},\"merges\":[\"a b\",\"" SPACE " ab\",\"" SPACE " a\"]}}",
        c->steps);
    struct tokenizer *t = tokenizer_parse(buf_text(&text), text.len, &err);
    if (!t) fail_msg("%s", err.msg);
    buf_deinit(&text);
    return t;
}

static void assert_front(struct tokenizer *t, const struct front_case *c) {
    struct ids words = encode(t, TEXT("ab a")), space = encode(t, TEXT(" a"));
    struct ids byte = encode(t, TEXT("A"));
    assert_ids(&words, c->two_words, 2);
    assert_ids(&space, c->with_space, (size_t)c->n_with_space);
    assert_ids(&byte, c->byte, (size_t)c->n_byte);
    ids_deinit(&words);
    ids_deinit(&space);
    ids_deinit(&byte);
}

static void test_front(void **state) {
    const struct front_case *c = *state;
    struct err err = {0};
    struct tokenizer *t = front_tokenizer(c);
    files_remove_tree(in_folder("front"), NULL);
    assert_true(files_make_dirs(in_folder("front"), 0700, &err));
    assert_front(t, c);
    assert_true(tokenizer_save(t, in_folder("front/tokenizer.json"), &err));
    struct tokenizer *again = tokenizer_load(in_folder("front"), &err);
    if (!again) fail_msg("%s", err.msg);
    assert_front(again, c);
    assert_int_equal(tokenizer_puts_space(again), c->n_byte == 2);
    assert_true(tokenizer_fingerprint(again) == tokenizer_fingerprint(t));
    tokenizer_destroy(again);
    tokenizer_destroy(t);
}

static void test_folders(void **state) {
    (void)state;
    struct err err = {0};
    files_remove_tree(in_folder("empty"), NULL);
    assert_true(files_make_dirs(in_folder("empty"), 0700, &err));
    assert_null(tokenizer_load(in_folder("empty"), &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.msg, "no tokenizer.json, and no vocab.json with merges.txt"));
}

static void assert_pair_fails(const char *vocab, const char *merges, const char *says) {
    struct err err = {0};
    const char *v = put_file("vocab.json", vocab, strlen(vocab)),
               *m = put_file("merges.txt", merges, strlen(merges));
    assert_null(tokenizer_load_pair(v, m, &err));
    if (!strstr(err.msg, says)) fail_msg("\"%s\" does not say %s", err.msg, says);
}

static void test_pair_errors(void **state) {
    (void)state;
    assert_pair_fails("{", "", "vocab.json: line 1");
    assert_pair_fails("[]", "", "vocab.json: there is no \"vocab\"");
    assert_pair_fails("{\"a\":1}", "", "vocab.json: token \"a\": its id");
    assert_pair_fails("{\"a\":0,\"aa\":1}", "#version: 0.2\na a\na b\n",
                      "merges.txt:3: merge 1");
    assert_pair_fails("{\"a\":0,\"aa\":1}", "a a\naa\n", "merges.txt:2: merge 1");
    struct err err = {0};
    assert_null(tokenizer_load_pair(in_folder("vocab.json"), in_folder("none"), &err));
    assert_non_null(strstr(err.msg, "none"));
}

/* Line ends of either kind, blank lines, no version line, specials found by their looks. */
static void test_pair(void **state) {
    (void)state;
    static const char vocab[] =
        "{\"a\":0,\"<\":1,\">\":2,\"<a\":3,\"<a>\":4,\"<s>\":5,\"</s>\":6}";
    struct err err = {0};
    const char *v = put_file("vocab.json", TEXT(vocab)),
               *m = put_file("merges.txt", TEXT("< a\r\n\n<a >"));
    struct tokenizer *t = tokenizer_load_pair(v, m, &err);
    if (!t) fail_msg("%s", err.msg);
    assert_true(tokenizer_is_special(t, 5) && tokenizer_is_special(t, 6));
    assert_false(tokenizer_is_special(t, 4)); /* a merge makes it */
    assert_int_equal(tokenizer_eot(t), 6);
    tokenizer_destroy(t);
}

/* A real folder of the older layout, whose vocabulary has 21 tokens. */
static void test_tiny_gpt2(void **state) {
    (void)state;
    shared("tiny-gpt2/vocab.json");
    struct err err = {0};
    struct tokenizer *t = tokenizer_load(shared("tiny-gpt2"), &err);
    if (!t) fail_msg("%s", err.msg);
    assert_int_equal(tokenizer_vocab(t), 21);
    assert_int_equal(tokenizer_eot(t), 20);
    assert_true(tokenizer_is_special(t, 19) && tokenizer_is_special(t, 20));
    static const int want[] = {14, 15, 10, 9, 3, 2, 14, 3, 5, 6};
    struct ids ids = encode(t, TEXT(" lower new lowest"));
    assert_ids(&ids, want, COUNT(want));
    assert_false(tokenizer_encode(t, TEXT("Hello"), &ids, &err));
    assert_non_null(strstr(err.msg, "0x48 (\"H\")"));
    ids_deinit(&ids);
    tokenizer_destroy(t);
}

int main(void) {
    struct CMUnitTest tests[COUNT(refusals) + COUNT(front_cases) + 9];
    size_t n = 0;
    for (; n < COUNT(refusals); n++)
        tests[n] = (struct CMUnitTest){.name = refusals[n].name,
                                       .test_func = test_refusal,
                                       .initial_state = (void *)&refusals[n]};
    for (size_t i = 0; i < COUNT(front_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = front_cases[i].name,
                                         .test_func = test_front,
                                         .initial_state = (void *)&front_cases[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_accepted);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_ways);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_ignore_merges);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_composes);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_lacks_bytes);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_folders);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_pair_errors);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_pair);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_tiny_gpt2);
    return cmocka_run_group_tests_name("tokenizer_json", tests, make_folder, remove_folder);
}
