#include <stdio.h>

#include "check.h"
#include "engine/core/json.h"
#include "engine/core/rng.h"
#include "tests/data/data_test.h"

static void read_file(const char *path, struct buf *out) {
    struct err err = {0};
    if (!files_read(path, 64 << 20, out, &err)) fail_msg("%s", err.msg);
}

static struct json *read_json(const char *path) {
    struct buf text = {0};
    struct err err = {0};
    read_file(path, &text);
    struct json *root = json_parse(text.data, text.len, &err);
    if (!root) fail_msg("%s: %s", path, err.msg);
    buf_deinit(&text);
    return root;
}

/* Every id and every merge of a reference that others made with other code. */
static void test_reference(void **state) {
    (void)state;
    const char *corpus = shared("bpe-train-reference/corpus.en");
    struct json *want = read_json(shared("bpe-train-reference/train-bpe-reference-vocab.json"));
    struct buf text = {0}, merges = {0};
    read_file(corpus, &text);
    read_file(shared("bpe-train-reference/train-bpe-reference-merges.txt"), &merges);

    struct tokenizer *t = train(text.data, text.len, 500);
    const char *path = in_folder("tokenizer.json");
    assert_true(tokenizer_save(t, path, NULL));
    struct json *got = read_json(path);
    const struct json *model = json_get(got, "model"), *vocab = json_get(model, "vocab");
    assert_int_equal(json_size(vocab), json_size(want));
    for (const void *it = json_first(want); it; it = json_next(want, it))
        assert_int_equal(json_int(json_get(vocab, json_key(it)), -1),
                         json_int(json_value(it), -2));

    size_t n = 0;
    for (char *line = strtok(merges.data, "\n"); line; line = strtok(NULL, "\n"), n++)
        assert_string_equal(json_str(json_at(json_get(model, "merges"), n), ""), line);
    assert_int_equal(n, 500 - 257);
    assert_int_equal(json_size(json_get(model, "merges")), n);
    json_destroy(got);
    json_destroy(want);
    tokenizer_destroy(t);
    buf_deinit(&text);
    buf_deinit(&merges);
}

static void assert_token(const struct tokenizer *t, int id, const char *want) {
    size_t n;
    const char *bytes = tokenizer_bytes(t, id, &n);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(bytes, want, n);
}

/* The order of the first 257 is a contract: files in the world have it. */
static void test_first_ids(void **state) {
    (void)state;
    struct tokenizer *t = train("", 0, 1000);
    assert_int_equal(tokenizer_vocab(t), 257);
    assert_int_equal(tokenizer_eot(t), 0);
    assert_true(tokenizer_is_special(t, 0));
    assert_false(tokenizer_is_special(t, 1));
    assert_token(t, 0, "<|endoftext|>");
    assert_token(t, 1, "!");
    assert_token(t, 94, "~");
    assert_token(t, 95, "\xa1");
    assert_token(t, 188, "\xff");
    assert_token(t, 190, "\x01");
    assert_token(t, 221, " ");
    assert_token(t, 222, "\x7f");
    assert_token(t, 256, "\xad");
    tokenizer_destroy(t);
}

/* Equal counts go to the greater pair: compared by the first part, then by the second. */
static void test_ties(void **state) {
    (void)state;
    struct tokenizer *t = train(TEXT("ab\ncd\nce\n"), 259);
    assert_token(t, 257, "ce");
    assert_token(t, 258, "cd");
    tokenizer_destroy(t);
    t = train(TEXT("aaa\nbb\nbb\n"), 259); /* aa occurs twice in aaa */
    assert_token(t, 257, "bb");
    assert_token(t, 258, "aa");
    tokenizer_destroy(t);
}

/* When all words are whole, there is nothing to learn. */
static void test_runs_out(void **state) {
    (void)state;
    struct tokenizer *t = train(TEXT("abc abc"), 5000);
    assert_int_equal(tokenizer_vocab(t), 257 + 3);
    assert_token(t, 257, "bc");
    assert_token(t, 258, "abc");
    assert_token(t, 259, " abc");
    tokenizer_destroy(t);
}

/* 257: nothing is merged, however often it occurs. */
static void test_bytes_alone(void **state) {
    (void)state;
    struct tokenizer *t = train("abababab", 8, 257);
    assert_int_equal(tokenizer_vocab(t), 257);
    tokenizer_destroy(t);
}

static void test_range(void **state) {
    (void)state;
    struct bpe_trainer *trainer = bpe_trainer_create(NULL);
    static const int bad[] = {-1, 0, 256, 1000001};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        assert_null(bpe_trainer_finish(trainer, bad[i], NULL, NULL, &err));
        assert_int_equal(err.code, ERR_RANGE);
        assert_non_null(strstr(err.msg, "257 to 1000000"));
    }
    bpe_trainer_destroy(trainer);
}

/* ---- against the plainest way: count all pairs again before every merge ---- */

enum { MAX_WORDS = 64, MAX_LENGTH = 16, MAX_TOKENS = 300 };

struct naive {
    int words[MAX_WORDS][MAX_LENGTH], lengths[MAX_WORDS], n_words;
    char tokens[MAX_TOKENS][MAX_LENGTH + 1]; /* letters only, so strcmp orders them */
    int n_tokens;
};

static int count_pair(const struct naive *s, int left, int right) {
    int n = 0;
    for (int w = 0; w < s->n_words; w++)
        for (int i = 0; i + 1 < s->lengths[w]; i++)
            n += s->words[w][i] == left && s->words[w][i + 1] == right;
    return n;
}

static bool naive_best(const struct naive *s, int *left, int *right) {
    int best = 0;
    for (int a = 0; a < s->n_tokens; a++)
        for (int b = 0; b < s->n_tokens; b++) {
            int n = count_pair(s, a, b);
            if (n == 0 || n < best) continue;
            int order = best ? strcmp(s->tokens[a], s->tokens[*left]) : 1;
            if (best && order == 0) order = strcmp(s->tokens[b], s->tokens[*right]);
            if (n == best && order <= 0) continue;
            best = n;
            *left = a;
            *right = b;
        }
    return best > 0;
}

static void naive_merge(struct naive *s, int left, int right) {
    size_t n = strlen(s->tokens[left]);
    memcpy(s->tokens[s->n_tokens], s->tokens[left], n);
    memcpy(s->tokens[s->n_tokens] + n, s->tokens[right], strlen(s->tokens[right]));
    for (int w = 0; w < s->n_words; w++) {
        int *word = s->words[w], kept = 0;
        for (int i = 0; i < s->lengths[w]; i++) {
            bool here = i + 1 < s->lengths[w] && word[i] == left && word[i + 1] == right;
            word[kept++] = here ? s->n_tokens : word[i];
            i += here;
        }
        s->lengths[w] = kept;
    }
    s->n_tokens++;
}

/* Words over {a, b, c}, each on a line of its own, so that newline stays apart from them. */
static void random_words(struct naive *s, struct buf *text, struct rng *rng) {
    memset(s, 0, sizeof *s);
    for (s->n_tokens = 0; s->n_tokens < 3; s->n_tokens++)
        s->tokens[s->n_tokens][0] = (char)('a' + s->n_tokens);
    s->n_words = 1 + (int)rng_below(rng, 12);
    for (int w = 0; w < s->n_words; w++) {
        s->lengths[w] = 1 + (int)rng_below(rng, 8);
        for (int i = 0; i < s->lengths[w]; i++) {
            s->words[w][i] = (int)rng_below(rng, 3);
            buf_add(text, s->tokens[s->words[w][i]], 1);
        }
        buf_str(text, "\n");
    }
}

static void test_naive(void **state) {
    (void)state;
    struct naive *s = calloc(1, sizeof *s);
    assert_non_null(s);
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct buf text = {0};
        struct rng rng = rng_make(seed, 0, 0);
        random_words(s, &text, &rng);
        struct tokenizer *t = train(text.data, text.len, 400);
        int left = 0, right = 0;
        while (naive_best(s, &left, &right)) {
            naive_merge(s, left, right);
            assert_token(t, 257 + s->n_tokens - 4, s->tokens[s->n_tokens - 1]);
        }
        assert_int_equal(tokenizer_vocab(t), 257 + s->n_tokens - 3);
        tokenizer_destroy(t);
        buf_deinit(&text);
    }
    free(s);
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

static void test_progress(void **state) {
    (void)state;
    struct rng rng = rng_make(3, 0, 0);
    struct bpe_trainer *trainer = bpe_trainer_create(NULL);
    struct reported r = {0};
    for (int i = 0; i < 500; i++) {
        char word[12];
        for (size_t k = 0; k < sizeof word; k++) word[k] = (char)('a' + rng_below(&rng, 26));
        assert_true(bpe_trainer_add(trainer, word, sizeof word, NULL));
    }
    struct tokenizer *t = bpe_trainer_finish(trainer, 600, report, &r, NULL);
    assert_int_equal(tokenizer_vocab(t), 600);
    assert_true(r.calls >= 10);
    assert_int_equal(r.last, 600);
    assert_int_equal(r.total, 600);
    tokenizer_destroy(t);
    struct err err = {0};
    r = (struct reported){0};
    assert_null(bpe_trainer_finish(trainer, 600, give_up, &r, &err));
    assert_int_equal(r.calls, 1);
    assert_int_equal(err.code, ERR_STOPPED);
    bpe_trainer_destroy(trainer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),   cmocka_unit_test(test_first_ids),
        cmocka_unit_test(test_ties),        cmocka_unit_test(test_runs_out),
        cmocka_unit_test(test_bytes_alone), cmocka_unit_test(test_range),
        cmocka_unit_test(test_naive),       cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests_name("bpe_train", tests, make_folder, remove_folder);
}
