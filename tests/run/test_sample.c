/* test_sample.c - text out of a model and a model's opinion of text, beyond one context too. */
#include "run/run_model.h"

#include <math.h>

#include "engine/run/sample.h"

enum { CONTEXT = 8, SEQUENCES = 3 };

static struct tiny_model model;
static struct transformer *tf;
static struct decoder *decoder;

static int setup(void **state) {
    struct err err = {0};
    (void)state;
    tiny_init(&model, 2, CONTEXT);
    tf = transformer_create(
        &model.table, (struct transformer_plan){.batch = 1, .time = CONTEXT}, &model.ex, &err);
    decoder = decoder_create(&model.table, SEQUENCES, &model.ex, &err);
    return tf && decoder ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    decoder_destroy(decoder);
    transformer_destroy(tf);
    tiny_deinit(&model);
    return 0;
}

/* logits[vocab] of what follows ids[0..n), n <= CONTEXT. */
static void logits_after(const int32_t *ids, size_t n, real *logits) {
    size_t vocab = (size_t)model.table.config.vocab;
    real *all = malloc(n * vocab * sizeof *all);
    assert_non_null(all);
    transformer_logits(tf, &model.weights, ids, 1, (int)n, all);
    memcpy(logits, all + (n - 1) * vocab, vocab * sizeof *logits);
    free(all);
}

/* Tokens of no particular meaning, none of them the end of a text. */
static void some_ids(int32_t *ids, size_t n) {
    struct rng r = rng_make(4, 0, 0);
    for (size_t i = 0; i < n; i++)
        ids[i] = 1 + (int32_t)rng_below(&r, (uint64_t)model.table.config.vocab - 1);
}

/* ---- prompts ---- */

static void test_prompts(void **state) {
    static const struct {
        const char *prompt, *encoded; /* what it reads like, the end-of-text in front apart */
    } cases[] = {{"the fever :", "the fever :"},
                 {"the fever :   ", "the fever :"},
                 {"  ", ""},
                 {"", ""},
                 {" a", " a"},
                 {"a\n", "a\n"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ids ids = {0}, plain = {0};
        struct err err = {0};
        assert_ok(prompt_encode(model.tokenizer, cases[i].prompt, &ids, &err), err);
        tiny_encode(&model, cases[i].encoded, &plain);
        assert_int_equal(ids.n, plain.n + 1);
        assert_int_equal(ids.data[0], tokenizer_eot(model.tokenizer));
        if (plain.n)
            assert_memory_equal(ids.data + 1, plain.data, plain.n * sizeof *plain.data);
        ids_deinit(&ids);
        ids_deinit(&plain);
    }
}

static void test_prompts_within(void **state) {
    (void)state;
    struct ids ids = {0};
    struct err err = {0};
    assert_ok(prompt_encode_within(model.tokenizer, "bcdfgh", 8, &ids, &err), err);
    assert_int_equal(ids.n, 7);
    assert_ok(prompt_encode_within(model.tokenizer, "b", 8, &ids, &err),
              err); /* behind others */
    assert_int_equal(ids.n, 9);
    assert_false(prompt_encode_within(model.tokenizer, "bcdfghj", 8, &ids, &err));
    assert_int_equal(err.code, ERR_RANGE);
    assert_says(&err, "\"bcdfghj\" has 8 tokens; 1 to 7 fit");
    ids_deinit(&ids);
}

/* ---- generation ---- */

/* Greedy, by whole forward passes: when the context is full, on from the last half. */
static void plain_greedy(const int32_t *prompt, size_t n_prompt, int tokens, int32_t *out) {
    int vocab = model.table.config.vocab;
    int32_t text[64];
    real *logits = malloc((size_t)vocab * sizeof *logits);
    assert_non_null(logits);
    assert_true(n_prompt + (size_t)tokens <= COUNT(text));
    memcpy(text, prompt, n_prompt * sizeof *text);
    size_t n = n_prompt, from = n > CONTEXT ? n - CONTEXT / 2 : 0;
    for (int i = 0; i < tokens; i++) {
        logits_after(text + from, n - from, logits);
        int best = 0;
        for (int v = 1; v < vocab; v++)
            if (logits[v] > logits[best]) best = v;
        out[i] = text[n++] = best;
        if (n - from > CONTEXT) from = n - CONTEXT / 2;
    }
    free(logits);
}

static void test_past_the_context(void **state) {
    enum { TOKENS = 30 };
    static const size_t prompts[] = {1, 5, CONTEXT - 1, CONTEXT, CONTEXT + 1, 3 * CONTEXT};
    (void)state;
    int32_t prompt[3 * CONTEXT], expected[TOKENS];
    some_ids(prompt, COUNT(prompt));
    for (size_t i = 0; i < COUNT(prompts); i++) {
        struct ids made = {0};
        struct generate_plan plan = {
            .prompt = prompt, .n_prompt = prompts[i], .tokens = TOKENS, .out = &made};
        struct err err = {0};
        assert_ok(generate(decoder, &model.weights, model.tokenizer, &plan, 1, &err), err);
        plain_greedy(prompt, prompts[i], TOKENS, expected);
        size_t ended = 0; /* the end-of-text ends it, and is not among the tokens */
        while (ended < TOKENS && expected[ended] != tokenizer_eot(model.tokenizer)) ended++;
        assert_true(ended > CONTEXT);
        assert_int_equal(made.n, ended);
        assert_memory_equal(made.data, expected, ended * sizeof *expected);
        ids_deinit(&made);
    }
}

static struct sampler drawing(uint64_t seed) {
    return (struct sampler){.temperature = 2, .top_k = 50, .rng = rng_make(seed, 0, 0)};
}

static void draw(uint64_t seed, int tokens, struct ids *made) {
    static const int32_t prompt[] = {0, 40, 41};
    struct generate_plan plan = {.prompt = prompt,
                                 .n_prompt = 3,
                                 .tokens = tokens,
                                 .sampler = drawing(seed),
                                 .out = made};
    struct err err = {0};
    made->n = 0;
    assert_ok(generate(decoder, &model.weights, model.tokenizer, &plan, 1, &err), err);
}

static void test_same_seed_same_text(void **state) {
    (void)state;
    struct ids a = {0}, b = {0};
    int different = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        draw(seed, 20, &a);
        draw(seed, 20, &b);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.data, b.data, a.n * sizeof *a.data);
        draw(seed + 100, 20, &b);
        different += a.n != b.n || memcmp(a.data, b.data, a.n * sizeof *a.data) != 0;
    }
    assert_int_equal(different, 5);
    ids_deinit(&a);
    ids_deinit(&b);
}

static bool count_down(void *ctx, int32_t id) {
    assert_true(id >= 0 && id < model.table.config.vocab);
    return --*(int *)ctx > 0;
}

/* Prompts and lengths of all kinds, more than the decoder has sequences, one given up on its
 * way: each is what it is alone, as are the calls of its `token`. */
static void test_company(void **state) {
    enum { TEXTS = 2 * SEQUENCES + 1, LONGEST = 3 * CONTEXT };
    (void)state;
    int32_t prompt[LONGEST];
    struct ids together[TEXTS] = {{0}}, alone = {0};
    struct generate_plan plans[TEXTS];
    int left[TEXTS];
    struct err err = {0};
    some_ids(prompt, LONGEST);
    for (int i = 0; i < TEXTS; i++) {
        left[i] = i == 1 ? 4 : 1000;
        plans[i] = (struct generate_plan){.prompt = prompt + i,
                                          .n_prompt = 1 + (size_t)(i * i) % (2 * CONTEXT),
                                          .tokens = i == 3 ? 0 : 3 + 9 * (i % 3),
                                          .sampler = drawing((uint64_t)i),
                                          .token = count_down,
                                          .ctx = &left[i],
                                          .out = &together[i]};
    }
    assert_ok(generate(decoder, &model.weights, model.tokenizer, plans, TEXTS, &err), err);
    assert_int_equal(together[1].n, 4);
    for (int i = 0; i < TEXTS; i++) {
        int calls = left[i];
        left[i] = i == 1 ? 4 : 1000;
        alone.n = 0;
        plans[i].out = &alone;
        assert_ok(generate(decoder, &model.weights, model.tokenizer, &plans[i], 1, &err), err);
        assert_int_equal(alone.n, together[i].n);
        if (alone.n)
            assert_memory_equal(alone.data, together[i].data, alone.n * sizeof *alone.data);
        assert_int_equal(left[i], calls);
        ids_deinit(&together[i]);
    }
    ids_deinit(&alone);
}

static void test_given_up(void **state) {
    static const int32_t prompt[] = {0, 40};
    (void)state;
    int left = 3;
    struct ids made = {0};
    struct generate_plan plans[] = {
        {.prompt = prompt, .n_prompt = 2, .tokens = 9, .out = &made},
        {.prompt = prompt, .n_prompt = 2, .tokens = 20, .out = &made}};
    struct err err = {0};
    plans[0].token = count_down;
    plans[0].ctx = &left;
    assert_ok(generate(decoder, &model.weights, model.tokenizer, plans, 1, &err), err);
    assert_int_equal(made.n, 3);
    plans[1].n_prompt = 0;
    assert_false(generate(decoder, &model.weights, model.tokenizer, plans, 2, &err));
    assert_int_equal(err.code, ERR_USAGE);
    ids_deinit(&made);
}

/* Prompt and answer fit into one context, whatever was asked for, and alone or together. */
static void test_answers_fit(void **state) {
    enum { PROMPTS = 20 };
    static const char *const texts[] = {"b", "bc", "the fever"};
    (void)state;
    for (int context = 4; context <= CONTEXT; context++) {
        struct prompt_answer answers[PROMPTS] = {{.n_prompt = 0}}, *at[PROMPTS];
        struct err err = {0};
        size_t n_prompt[PROMPTS];
        int n = 0;
        for (int i = 0; i < PROMPTS; i++) {
            answers[n].sampler = drawing((uint64_t)i);
            if (!prompt_encode_within(model.tokenizer, texts[i % 3], context, &answers[n].ids,
                                      NULL)) {
                ids_deinit(&answers[n].ids);
                continue;
            }
            n_prompt[n] = answers[n].ids.n;
            at[n] = &answers[n];
            n++;
        }
        assert_true(n >= 2 * PROMPTS / 3);
        assert_ok(
            answer_prompts(decoder, &model.weights, model.tokenizer, at, n, 50, context, &err),
            err);
        for (int i = 0; i < n; i++) {
            assert_int_equal(answers[i].n_prompt, n_prompt[i]);
            assert_true(answers[i].ids.n > n_prompt[i] && answers[i].ids.n <= (size_t)context);
            ids_deinit(&answers[i].ids);
        }
    }
}

static void test_together(void **state) {
    (void)state;
    assert_int_equal(generate_together(0), 1);
    assert_int_equal(generate_together(5), 5);
    assert_int_equal(generate_together(500), 8);
}

/* ---- scores ---- */

/* log p(ids[i] | the k tokens before it) */
static double plain_score(const int32_t *ids, size_t i, size_t k) {
    int vocab = model.table.config.vocab;
    real *logits = malloc((size_t)vocab * sizeof *logits);
    double sum = 0;
    assert_non_null(logits);
    logits_after(ids + i - k, k, logits);
    for (int v = 0; v < vocab; v++) sum += exp((double)logits[v]);
    double score = (double)logits[ids[i]] - log(sum);
    free(logits);
    return score;
}

/* Shares that grow to 1. */
static void hear(void *ctx, double share) {
    double *last = ctx;
    assert_true(share > *last && share <= 1);
    *last = share;
}

/* Within the first context each token sees all before it; later ones at least half a context,
 * and no more than a whole one. */
static void test_scores(void **state) {
    enum { LONGEST = 5 * CONTEXT };
    (void)state;
    int32_t ids[LONGEST];
    some_ids(ids, LONGEST);
    for (size_t n = 0; n <= LONGEST; n++) {
        double logprob[LONGEST + 1], told = 0;
        struct err err = {0};
        for (size_t i = 0; i <= LONGEST; i++) logprob[i] = 7;
        assert_ok(score_ids(tf, &model.weights, ids, n, CONTEXT, logprob, hear, &told, &err),
                  err);
        assert_true(told == (n > 1 ? 1 : 0));
        if (n > 0) assert_true(isnan(logprob[0]));
        assert_true(logprob[n] == 7); /* nothing is written behind the text */
        for (size_t i = 1; i < n; i++) {
            size_t least = i <= CONTEXT ? i : CONTEXT / 2, most = i <= CONTEXT ? i : CONTEXT;
            double nearest = INFINITY;
            for (size_t k = least; k <= most; k++)
                nearest = fmin(nearest, fabs(logprob[i] - plain_score(ids, i, k)));
            assert_true(nearest < 1e-5);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompts),          cmocka_unit_test(test_prompts_within),
        cmocka_unit_test(test_past_the_context), cmocka_unit_test(test_same_seed_same_text),
        cmocka_unit_test(test_given_up),         cmocka_unit_test(test_answers_fit),
        cmocka_unit_test(test_scores),           cmocka_unit_test(test_company),
        cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests_name("sample", tests, setup, teardown);
}
