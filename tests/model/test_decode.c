/* test_decode.c - token by token, in groups and in company, against the whole sequence at once;
 * the choice of tokens. */
#include "model/model_fixture.h"

#include <math.h>

#include "engine/model/decode.h"

enum { MAX_VOCAB = 16, CONTEXT = FIXTURE_TIME + 2 };

/* ---- the decoder ---- */

static struct decoder *make_decoder(struct fixture *f, int sequences) {
    struct decoder *d = decoder_create(&f->table, sequences, &f->ex, NULL);
    assert_non_null(d);
    assert_int_equal(decoder_sequences(d), sequences);
    return d;
}

static const real *feed_one(struct decoder *d, const struct weights *w, int sequence,
                            int32_t id) {
    return decoder_feed(d, w, &(struct decoder_token){sequence, id}, 1)
               ? decoder_logits(d, sequence)
               : NULL;
}

/* logits of a decoder with `threads` threads, fed with `tokens` one by one. */
static void decode_all(const struct model_case *c, int threads, const int32_t *tokens,
                       real logits[CONTEXT][MAX_VOCAB]) {
    struct fixture f;
    fixture_init(&f, c, threads);
    size_t bytes = (size_t)f.table.config.vocab * sizeof(real);
    struct decoder *d = make_decoder(&f, 1);
    for (int t = 0; t < CONTEXT; t++) {
        assert_int_equal(decoder_length(d, 0), t);
        const real *got = feed_one(d, &f.w, 0, tokens[t]);
        assert_non_null(got);
        memcpy(logits[t], got, bytes);
    }
    assert_null(feed_one(d, &f.w, 0, 0)); /* the context is full */
    assert_int_equal(decoder_length(d, 0), CONTEXT);
    decoder_reset(d, 0);
    for (int t = 0; t < 2; t++)
        assert_memory_equal(feed_one(d, &f.w, 0, tokens[t]), logits[t], bytes);
    decoder_destroy(d);
    fixture_deinit(&f);
}

static const int32_t text[CONTEXT] = {3, 1, 4, 1, 5, 9, 2};

static void test_equals_transformer(void **state) {
    struct fixture f;
    real whole[CONTEXT * MAX_VOCAB], one[CONTEXT][MAX_VOCAB], three[CONTEXT][MAX_VOCAB];
    fixture_init(&f, *state, 1);
    int vocab = f.table.config.vocab;
    struct transformer *tf = transformer_create(
        &f.table, (struct transformer_plan){.batch = 1, .time = CONTEXT}, &f.ex, NULL);
    assert_non_null(tf);
    transformer_logits(tf, &f.w, text, 1, CONTEXT, whole);
    decode_all(*state, 1, text, one);
    decode_all(*state, 3, text, three);
    for (int t = 0; t < CONTEXT; t++) {
        assert_memory_equal(one[t], three[t], (size_t)vocab * sizeof(real));
        for (int i = 0; i < vocab; i++)
            assert_true(fabs((double)one[t][i] - (double)whole[t * vocab + i]) <= 1e-4);
    }
    transformer_destroy(tf);
    fixture_deinit(&f);
}

/* One for shorter texts than the model could read makes the same of them, and takes no longer.
 */
static void test_short(void **state) {
    struct fixture f;
    enum { SHORT = CONTEXT - 3 };
    real one[CONTEXT][MAX_VOCAB];
    decode_all(*state, 1, text, one);
    fixture_init(&f, *state, 1);
    struct decoder *d = decoder_create_short(&f.table, 2, SHORT, &f.ex, NULL);
    assert_non_null(d);
    for (int s = 1; s >= 0; s--)
        for (int t = 0; t < SHORT; t++)
            assert_memory_equal(feed_one(d, &f.w, s, text[t]), one[t],
                                (size_t)f.table.config.vocab * sizeof(real));
    assert_null(feed_one(d, &f.w, 0, 0));
    decoder_destroy(d);
    fixture_deinit(&f);
}

/* However a text is cut into calls, what follows it is the same bits. */
static void test_prompt_at_once(void **state) {
    struct fixture f;
    real one[CONTEXT][MAX_VOCAB];
    decode_all(*state, 1, text, one);
    fixture_init(&f, *state, 2);
    struct decoder *d = make_decoder(&f, 1);
    size_t bytes = (size_t)f.table.config.vocab * sizeof(real);
    struct decoder_token tokens[CONTEXT + 1];
    for (int t = 0; t <= CONTEXT; t++) tokens[t] = (struct decoder_token){0, text[t % CONTEXT]};
    for (int first = 1; first < CONTEXT; first++) {
        decoder_reset(d, 0);
        assert_true(decoder_feed(d, &f.w, tokens, first));
        assert_memory_equal(decoder_logits(d, 0), one[first - 1], bytes);
        assert_false(decoder_feed(d, &f.w, tokens + first, CONTEXT + 1 - first));
        assert_int_equal(decoder_length(d, 0), first); /* nothing was fed */
        assert_true(decoder_feed(d, &f.w, tokens + first, CONTEXT - first));
        assert_memory_equal(decoder_logits(d, 0), one[CONTEXT - 1], bytes);
    }
    decoder_destroy(d);
    fixture_deinit(&f);
}

/* Texts that begin at different times, in whatever order, are what each is alone. */
static void test_company(void **state) {
    enum { SEQUENCES = 5 };
    struct fixture f;
    int32_t other[SEQUENCES][CONTEXT];
    real alone[SEQUENCES][CONTEXT][MAX_VOCAB];
    for (int s = 0; s < SEQUENCES; s++) {
        for (int t = 0; t < CONTEXT; t++) other[s][t] = (text[t] + s * (t + 1)) % 11;
        decode_all(*state, 1, other[s], alone[s]);
    }
    fixture_init(&f, *state, 2);
    struct decoder *d = make_decoder(&f, SEQUENCES);
    size_t bytes = (size_t)f.table.config.vocab * sizeof(real);
    for (int step = 0; step < CONTEXT + SEQUENCES; step++) {
        struct decoder_token tokens[SEQUENCES];
        int n = 0;
        for (int k = 0; k < SEQUENCES; k++) {
            int s = (k + step) % SEQUENCES, t = step - s; /* s begins at step s */
            if (t >= 0 && t < CONTEXT) tokens[n++] = (struct decoder_token){s, other[s][t]};
        }
        assert_true(decoder_feed(d, &f.w, tokens, n));
        for (int i = 0; i < n; i++) {
            int s = tokens[i].sequence;
            assert_memory_equal(decoder_logits(d, s), alone[s][step - s], bytes);
        }
    }
    decoder_destroy(d);
    fixture_deinit(&f);
}

/* More tokens than pass through the layers at once, of several prompts, mixed. */
static void test_long_prompts(void **state) {
    enum { LONG = 50, SEQUENCES = 3 };
    struct model_case c = *(const struct model_case *)*state;
    struct fixture f;
    struct decoder_token mixed[SEQUENCES * LONG];
    c.config.context = LONG;
    fixture_init(&f, &c, 2);
    int vocab = f.table.config.vocab;
    struct decoder *d = make_decoder(&f, SEQUENCES), *one = make_decoder(&f, 1);
    int n[SEQUENCES] = {0}, total = 0;
    for (int i = 0; i < SEQUENCES * LONG; i++) {
        int s = i * i % 7 % SEQUENCES;
        if (n[s]++ < LONG) mixed[total++] = (struct decoder_token){s, (i * 5 + s) % vocab};
    }
    assert_true(total > 96);
    assert_true(decoder_feed(d, &f.w, mixed, total));
    for (int s = 0; s < SEQUENCES; s++) {
        const real *logits = NULL;
        decoder_reset(one, 0);
        for (int i = 0; i < total; i++)
            if (mixed[i].sequence == s) logits = feed_one(one, &f.w, 0, mixed[i].id);
        assert_non_null(logits);
        assert_memory_equal(decoder_logits(d, s), logits, (size_t)vocab * sizeof(real));
    }
    decoder_destroy(d);
    decoder_destroy(one);
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
    real scratch[2 * VOCAB];
    double logprob;
    struct sampler greedy = {.temperature = 0};
    struct sampler one = {.temperature = 2, .top_k = 1, .rng = rng_make(1, 0, 0)};
    assert_int_equal(sampler_choose(&greedy, logits, VOCAB, NULL, 0, scratch, &logprob), 1);
    assert_true(fabs(logprob - log_softmax(1)) < 1e-6);
    for (int i = 0; i < 20; i++)
        assert_int_equal(sampler_choose(&one, logits, VOCAB, NULL, 0, scratch, NULL), 1);
}

/* Shares after the temperature among the k likeliest (of equal ones the lower ids), checked
 * against counts of many draws: within 5 standard deviations of what a binomial gives. */
static const struct sampling_case {
    const char *name;
    double temperature;
    int top_k;
    double top_p, min_p;
    bool stays[VOCAB];
} sampling_cases[] = {
    {"plain softmax", 1, 0, 0, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"hot", 3, 0, 0, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"cold", 0.3, 0, 0, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"the three likeliest", 1, 3, 0, 0, {0, 1, 0, 1, 0, 1, 0}},
    {"a cut among equals keeps the lower id", 1, 1, 0, 0, {0, 1, 0, 0, 0, 0, 0}},
    {"a cut above the vocabulary", 1, 99, 0, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"half of all: two equals have it", 1, 0, 0.5, 0, {0, 1, 0, 1, 0, 0, 0}},
    {"a third: the first of two equals", 1, 0, 0.33, 0, {0, 1, 0, 0, 0, 0, 0}},
    {"nine tenths", 1, 0, 0.9, 0, {0, 1, 0, 1, 0, 1, 0}},
    {"all of them", 1, 0, 1, 0, {1, 1, 1, 1, 1, 1, 1}},
    {"a third of the likeliest's share", 1, 0, 0, 0.33, {0, 1, 0, 1, 0, 1, 0}},
    {"hot, a third of the likeliest's", 3, 0, 0, 0.33, {1, 1, 0, 1, 1, 1, 0}},
    {"two thirds of the three likeliest", 1, 3, 0.66, 0, {0, 1, 0, 1, 0, 0, 0}},
};

static void test_sampling(void **state) {
    enum { DRAWS = 20000 };
    const struct sampling_case *c = *state;
    struct sampler s = {.temperature = c->temperature,
                        .top_k = c->top_k,
                        .rng = rng_make(5, 6, 7),
                        .top_p = c->top_p,
                        .min_p = c->min_p};
    real scratch[2 * VOCAB];
    int count[VOCAB] = {0};
    double sum = 0, logprob;
    for (int i = 0; i < VOCAB; i++)
        if (c->stays[i]) sum += exp((double)logits[i] / c->temperature);
    for (int n = 0; n < DRAWS; n++) {
        int32_t id = sampler_choose(&s, logits, VOCAB, NULL, 0, scratch, &logprob);
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
    real flat[N] = {0}, scratch[2 * N];
    struct sampler s = {.temperature = 1, .top_k = K, .rng = rng_make(1, 2, 3)};
    int count[N] = {0};
    for (int i = 0; i < 2000; i++) count[sampler_choose(&s, flat, N, NULL, 0, scratch, NULL)]++;
    for (int i = 0; i < N; i++) assert_true(i < K ? count[i] > 150 : count[i] == 0);
}

/* What was there before is less likely, once however often it was, and its log-probability is
 * still its own. */
static void test_penalty(void **state) {
    (void)state;
    static const int32_t before[] = {3, 1, 1, 1, 6};
    real scratch[2 * VOCAB];
    double logprob;
    struct sampler s = {.temperature = 0, .penalty = 1.2};
    assert_int_equal(sampler_choose(&s, logits, VOCAB, before, 1, scratch, NULL), 1);
    s.penalty = 1.4; /* 3 / 1.4 = 2.14 is still above 2 */
    assert_int_equal(sampler_choose(&s, logits, VOCAB, before, 5, scratch, NULL), 1);
    s.penalty = 1.6;
    assert_int_equal(sampler_choose(&s, logits, VOCAB, before, 5, scratch, &logprob), 5);
    assert_true(fabs(logprob - log_softmax(5)) < 1e-6);
    const real below[] = {-1, -2, -3}; /* a logit below 0 moves down too */
    const int32_t first[] = {0};
    s.penalty = 2.5;
    assert_int_equal(sampler_choose(&s, below, 3, first, 1, scratch, NULL), 1);
}

/* A model whose weights broke must not lead outside the vocabulary. */
static void test_not_a_number(void **state) {
    (void)state;
    real bad[4] = {(real)NAN, 1, (real)NAN, 2}, scratch[8];
    for (int k = 0; k < 5; k++) {
        struct sampler s = {.temperature = 0.8,
                            .top_k = k,
                            .rng = rng_make(1, 2, 3),
                            .top_p = k % 2 ? 0.5 : 0,
                            .min_p = k % 3 ? 0.1 : 0};
        int32_t id = sampler_choose(&s, bad, 4, NULL, 0, scratch, NULL);
        assert_true(id >= 0 && id < 4);
    }
}

int main(void) {
    static void (*const decoder_tests[])(void **) = {test_equals_transformer, test_short,
                                                     test_prompt_at_once, test_company,
                                                     test_long_prompts};
    struct CMUnitTest tests[COUNT(decoder_tests) * COUNT(model_cases) + COUNT(sampling_cases)];
    size_t n = 0;
    for (size_t k = 0; k < COUNT(decoder_tests); k++)
        for (size_t i = 0; i < COUNT(model_cases); i++)
            tests[n++] = (struct CMUnitTest){.name = model_cases[i].name,
                                             .test_func = decoder_tests[k],
                                             .initial_state = (void *)&model_cases[i]};
    for (size_t i = 0; i < COUNT(sampling_cases); i++)
        tests[n++] = (struct CMUnitTest){.name = sampling_cases[i].name,
                                         .test_func = test_sampling,
                                         .initial_state = (void *)&sampling_cases[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_greedy), cmocka_unit_test(test_cut_of_equals),
        cmocka_unit_test(test_penalty), cmocka_unit_test(test_not_a_number)};
    int failed = cmocka_run_group_tests_name("decode", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("sampler", others, NULL, NULL);
}
