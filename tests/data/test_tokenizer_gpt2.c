#include <stdio.h>

#include "check.h"
#include "tests/data/data_test.h"

/* Ids of GPT-2's vocabulary, derived with another implementation: Python's regex module with
 * the published pattern, and the merge of the best pair over and over. */
enum { MAX_IDS = 32 };
static const struct gpt2_case {
    const char *text;
    size_t length;
    int n, ids[MAX_IDS];
} cases[] = {
    {TEXT("Hello world"), 2, {15496, 995}},
    {TEXT("Hello, world!  Two spaces"), 7, {15496, 11, 995, 0, 220, 4930, 9029}},
    {TEXT("   leading"), 3, {220, 220, 3756}},
    {TEXT("trailing   "), 5, {9535, 4386, 220, 220, 220}},
    {TEXT("tabs\011and\012\012newlines \012  x"),
     12,
     {8658, 82, 197, 392, 198, 198, 3605, 6615, 220, 198, 220, 2124}},
    {TEXT("I'm you're they've we'll he'd it's don't DON'T I'M"),
     20,
     {40,  1101, 345, 821, 484,   1053, 356, 1183, 339, 1549,
      340, 338,  836, 470, 23917, 6,    51,  314,  6,   44}},
    {TEXT("'''s 's'tx"), 7, {7061, 6, 82, 705, 82, 470, 87}},
    {TEXT("1234567890 3.14159 1,000,000"),
     13,
     {10163, 2231, 30924, 3829, 513, 13, 1415, 19707, 352, 11, 830, 11, 830}},
    {TEXT("\302\275 \302\262 \342\205\247 \331\243\331\244 x\302\262"),
     12,
     {23141, 1587, 110, 2343, 227, 100, 18923, 96, 149, 97, 2124, 31185}},
    {TEXT("na\303\257ve caf\303\251 \303\234n\303\257c\303\266d\303\251"),
     10,
     {2616, 38776, 40304, 49363, 77, 26884, 66, 9101, 67, 2634}},
    {TEXT("emoji \360\237\230\200\360\237\221\215\360\237\217\275 "
          "\360\237\221\251\342\200\215\360\237\221\251\342\200\215\360\237\221\247 x"),
     20,
     {368, 31370, 30325, 222,   41840, 235, 8582, 237,   121, 50169,
      102, 447,   235,   41840, 102,   447, 235,  41840, 100, 2124}},
    {TEXT("\346\227\245\346\234\254\350\252\236\343\201\256\343\203\206\343\202\255\343\202\271"
          "\343\203\210\343\200\201\346\274\242\345\255\227\343\200\202"),
     17,
     {33768, 98, 17312, 105, 45739, 252, 5641, 24336, 25084, 43302, 23513, 162, 120, 95, 27764,
      245, 16764}},
    {TEXT("\355\225\234\352\265\255\354\226\264 \355\205\215\354\212\244\355\212\270"),
     18,
     {47991, 250, 166, 113, 255, 168, 244, 112, 220, 169, 227, 235, 168, 232, 97, 169, 232,
      116}},
    {TEXT("\330\247\331\204\330\271\330\261\330\250\331\212\330\251 \331\206\330\265"),
     10,
     {23525, 44690, 26897, 39848, 22654, 45632, 18923, 228, 148, 113}},
    {TEXT("a\302\240b\342\200\203c\343\200\200d"),
     9,
     {64, 1849, 65, 447, 225, 66, 5099, 222, 67}},
    {TEXT("x\341\240\216y \342\200\213z"), 7, {87, 157, 254, 236, 88, 20126, 89}},
    {TEXT("\302\205\342\200\250 a"), 5, {126, 227, 447, 101, 257}},
    {TEXT("<|endoftext|> is text"), 9, {27, 91, 437, 1659, 5239, 91, 29, 318, 2420}},
    {TEXT("SolidGoldMagikarp"), 2, {46933, 42202}},
    {TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     10,
     {24794, 24794, 24794, 24794, 24794, 24794, 24794, 24794, 24794, 46071}},
    {TEXT("----====____!!!!\?\?\?\?"), 5, {650, 1421, 1427, 13896, 9805}},
    {TEXT("for (int i = 0; i < n; i++) {\012    x[i] += y;\012}"),
     27,
     {1640, 357, 600, 1312, 796,  657, 26, 1312, 1279,  299, 26, 1312, 29577, 1391,
      198,  220, 220, 220,  2124, 58,  72, 60,   15853, 331, 26, 198,  92}},
    {TEXT("\000\001\034\035\177 control"), 6, {188, 189, 216, 217, 221, 1630}},
    {TEXT("e\314\201 combining n\314\203"), 7, {68, 136, 223, 19771, 299, 136, 225}},
    {TEXT("\357\254\201 ligature \307\205 \312\260"),
     11,
     {171, 105, 223, 26106, 1300, 220, 131, 227, 220, 134, 108}},
    {TEXT("fever : a rise in the temperature of the body"),
     11,
     {69, 964, 1058, 257, 4485, 287, 262, 5951, 286, 262, 1767}},
    {TEXT("Z\303\234RICH \303\237 \341\272\236"),
     10,
     {57, 127, 250, 49, 20739, 6184, 253, 28053, 118, 252}},
    {TEXT("\015\012\015\012 \015 x"), 7, {201, 198, 201, 198, 220, 201, 2124}},
};

static struct tokenizer *load(void) {
    const char *vocab = shared("gpt2-bpe/gpt2_vocab.json"),
               *merges = shared("gpt2-bpe/gpt2_merges.txt");
    struct err err = {0};
    struct tokenizer *t = tokenizer_load_pair(vocab, merges, &err);
    if (!t) fail_msg("%s", err.msg);
    return t;
}

static void test_gpt2_ids(void **state) {
    (void)state;
    struct tokenizer *t = load();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ids ids = encode(t, cases[i].text, cases[i].length);
        assert_ids(&ids, cases[i].ids, (size_t)cases[i].n);
        assert_decoded(t, &ids, cases[i].text, cases[i].length);
        ids_deinit(&ids);
    }
    tokenizer_destroy(t);
}

static void test_gpt2_vocabulary(void **state) {
    (void)state;
    struct tokenizer *t = load();
    size_t n;
    assert_int_equal(tokenizer_vocab(t), 50257);
    assert_int_equal(tokenizer_eot(t), 50256);
    for (int id = 0; id < 50257; id++) {
        assert_int_equal(tokenizer_is_special(t, id), id == 50256);
        assert_non_null(tokenizer_bytes(t, id, &n));
    }
    tokenizer_destroy(t);
}

/* Text that is no UTF-8 has no reference; it must come back, and cost no more than its bytes.
 */
static void test_gpt2_invalid(void **state) {
    (void)state;
    struct tokenizer *t = load();
    static const char text[] = "caf\xc3 \xff\xfe\x80 ok \xed\xa0\x80\xf4\x90\x80\x80 \xe2\x82";
    struct ids ids = encode(t, TEXT(text));
    assert_true(ids.n < sizeof text);
    assert_decoded(t, &ids, TEXT(text));
    ids_deinit(&ids);
    tokenizer_destroy(t);
}

/* All 50,000 merges and every byte survive our own spelling of the file. */
static void test_gpt2_saved(void **state) {
    (void)state;
    struct tokenizer *t = load();
    struct err err = {0};
    assert_true(tokenizer_save(t, in_folder("tokenizer.json"), &err));
    struct tokenizer *back = tokenizer_load(folder, &err);
    if (!back) fail_msg("%s", err.msg);
    assert_true(tokenizer_fingerprint(back) == tokenizer_fingerprint(t));
    tokenizer_destroy(back);
    tokenizer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2_ids),
        cmocka_unit_test(test_gpt2_vocabulary),
        cmocka_unit_test(test_gpt2_invalid),
        cmocka_unit_test(test_gpt2_saved),
    };
    return cmocka_run_group_tests_name("tokenizer_gpt2", tests, make_folder, remove_folder);
}
