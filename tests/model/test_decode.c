/* test_decode.c - token by token against the whole sequence at once; the choice of tokens. */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/model/decode.h"

enum { MAX_VOCAB = 16, CONTEXT = FIXTURE_TIME + 2 };

/* logits of a decoder with `threads` threads, fed with `tokens`. */
static void decode_all(const struct model_case *c, int threads, const int32_t *tokens,
                       real logits[CONTEXT][MAX_VOCAB]) {
    struct fixture f;
    fixture_init(&f, c, threads);
    size_t bytes = (size_t)f.table.config.vocab * sizeof(real);
    struct decoder *d = decoder_create(&f.table, &f.ex, NULL);
    assert_non_null(d);
    for (int t = 0; t < CONTEXT; t++) {
        assert_int_equal(decoder_length(d), t);
        const real *got = decoder_feed(d, &f.w, tokens[t]);
        assert_non_null(got);
        memcpy(logits[t], got, bytes);
    }
    assert_null(decoder_feed(d, &f.w, 0)); /* the context is full */
    decoder_reset(d);
    for (int t = 0; t < 2; t++)
        assert_memory_equal(decoder_feed(d, &f.w, tokens[t]), logits[t], bytes);
    decoder_destroy(d);
    fixture_deinit(&f);
}

static void test_equals_transformer(void **state) {
    struct fixture f;
    int32_t tokens[CONTEXT] = {3, 1, 4, 1, 5, 9, 2};
    real whole[CONTEXT * MAX_VOCAB], one[CONTEXT][MAX_VOCAB], three[CONTEXT][MAX_VOCAB];
    fixture_init(&f, *state, 1);
    int vocab = f.table.config.vocab;
    struct transformer *tf = transformer_create(
        &f.table, (struct transformer_plan){.batch = 1, .time = CONTEXT}, &f.ex, NULL);
    assert_non_null(tf);
    transformer_logits(tf, &f.w, tokens, 1, CONTEXT, whole);
    decode_all(*state, 1, tokens, one);
    decode_all(*state, 3, tokens, three);
    for (int t = 0; t < CONTEXT; t++) {
        assert_memory_equal(one[t], three[t], (size_t)vocab * sizeof(real));
        for (int i = 0; i < vocab; i++)
            assert_true(fabs((double)one[t][i] - (double)whole[t * vocab + i]) <= 1e-4);
    }
    transformer_destroy(tf);
    fixture_deinit(&f);
}

/* ---- the sampler ---- */

static const real logits[] = {1, 3, -2, 3, 0.5f, 2, -50};
enum { VOCAB = (int)COUNT(logits) };

static double log_softmax(int i) {
    double sum = 0;
    for (int j = 0; j < VOCAB; j++) sum += exp((double)logits[j]);
    return (double)logits[i] - log(sum);
}

static void test_greedy(void **state) {
    (void)state;
    real scratch[VOCAB];
    double logprob;
    struct sampler greedy = {.temperature = 0};
    struct sampler one = {.temperature = 2, .top_k = 1, .rng = rng_make(1, 0, 0)};
    assert_int_equal(sampler_choose(&greedy, logits, VOCAB, scratch, &logprob), 1);
    assert_true(fabs(logprob - log_softmax(1)) < 1e-6);
    for (int i = 0; i < 20; i++)
        assert_int_equal(sampler_choose(&one, logits, VOCAB, scratch, NULL), 1);
}

/* Shares after the temperature among the k likeliest (of equal ones the lower ids), checked
 * against counts of many draws: within 5 standard deviations of what a binomial gives. */
static const struct sampling_case {
    const char *name;
    double temperature;
    int top_k;
    bool stays[VOCAB];
} sampling_cases[] = {
    {"plain softmax", 1, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"hot", 3, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"cold", 0.3, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"the three likeliest", 1, 3, {0, 1, 0, 1, 0, 1, 0}},
    {"a cut among equals keeps the lower id", 1, 1, {0, 1, 0, 0, 0, 0, 0}},
    {"a cut above the vocabulary", 1, 99, {1, 1, 1, 1, 1, 1, 1}},
};

static void test_sampling(void **state) {
    enum { DRAWS = 20000 };
    const struct sampling_case *c = *state;
    struct sampler s = {c->temperature, c->top_k, rng_make(5, 6, 7)};
    real scratch[VOCAB];
    int count[VOCAB] = {0};
    double sum = 0, logprob;
    for (int i = 0; i < VOCAB; i++)
        if (c->stays[i]) sum += exp((double)logits[i] / c->temperature);
    for (int n = 0; n < DRAWS; n++) {
        int32_t id = sampler_choose(&s, logits, VOCAB, scratch, &logprob);
        assert_true(id >= 0 && id < VOCAB);
        assert_true(fabs(logprob - log_softmax(id)) < 1e-5);
        count[id]++;
    }
    for (int i = 0; i < VOCAB; i++) {
        double p = c->stays[i] ? exp((double)logits[i] / c->temperature) / sum : 0;
        double deviation = sqrt(DRAWS * p * (1 - p));
        assert_true(fabs(count[i] - DRAWS * p) <= 5 * deviation + 1e-9);
    }
}

/* Greater ties at the edge of a cut: with all equal, the k lowest ids share evenly. */
static void test_cut_of_equals(void **state) {
    (void)state;
    enum { N = 300, K = 7 };
    real flat[N] = {0}, scratch[N];
    struct sampler s = {1, K, rng_make(1, 2, 3)};
    int count[N] = {0};
    for (int i = 0; i < 2000; i++) count[sampler_choose(&s, flat, N, scratch, NULL)]++;
    for (int i = 0; i < N; i++) assert_true(i < K ? count[i] > 150 : count[i] == 0);
}

/* A model whose weights broke must not lead outside the vocabulary. */
static void test_not_a_number(void **state) {
    (void)state;
    real bad[4] = {(real)NAN, 1, (real)NAN, 2}, scratch[4];
    for (int k = 0; k < 5; k++) {
        struct sampler s = {0.8, k, rng_make(1, 2, 3)};
        int32_t id = sampler_choose(&s, bad, 4, scratch, NULL);
        assert_true(id >= 0 && id < 4);
    }
}

int main(void) {
    struct CMUnitTest tests[COUNT(model_cases) + COUNT(sampling_cases)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(model_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = model_cases[i].name,
                                         .test_func = test_equals_transformer,
                                         .initial_state = (void *)&model_cases[i]};
    for (size_t i = 0; i < COUNT(sampling_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = sampling_cases[i].name,
                                         .test_func = test_sampling,
                                         .initial_state = (void *)&sampling_cases[i]};
    const struct CMUnitTest others[] = {cmocka_unit_test(test_greedy),
                                        cmocka_unit_test(test_cut_of_equals),
                                        cmocka_unit_test(test_not_a_number)};
    int failed = cmocka_run_group_tests_name("decode", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("sampler", others, NULL, NULL);
}
