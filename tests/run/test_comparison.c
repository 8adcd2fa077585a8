/* test_comparison.c - base and tuned model on one text, against the same figures computed
 * plainly. */
#include "run/run_model.h"

#include <math.h>

#include "engine/run/comparison.h"

enum { CONTEXT = 24 };

static struct tiny_model model;
static struct weights base;
static struct transformer *tf;

static int setup(void **state) {
    struct err err = {0};
    (void)state;
    tiny_init(&model, 2, CONTEXT);
    tiny_other(&model, &base, 5);
    tf = transformer_create(
        &model.table, (struct transformer_plan){.batch = 1, .time = CONTEXT}, &model.ex, &err);
    return tf ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    transformer_destroy(tf);
    weights_destroy(&base);
    tiny_deinit(&model);
    return 0;
}

/* ---- plainly ---- */

/* logp[vocab] of what follows ids[0..n). */
static void plain_logprobs(const struct weights *w, const int32_t *ids, size_t n,
                           double *logp) {
    int vocab = model.table.config.vocab;
    real *logits = malloc(n * (size_t)vocab * sizeof *logits);
    assert_non_null(logits);
    transformer_logits(tf, w, ids, 1, (int)n, logits);
    const real *last = logits + (n - 1) * (size_t)vocab;
    double sum = 0;
    for (int i = 0; i < vocab; i++) sum += exp((double)last[i]);
    for (int i = 0; i < vocab; i++) logp[i] = (double)last[i] - log(sum);
    free(logits);
}

static int plain_rank(const double *logp, int id) {
    int rank = 1;
    for (int i = 0; i < model.table.config.vocab; i++) rank += logp[i] > logp[id];
    return rank;
}

static void near(double a, double b) {
    if (!(fabs(a - b) <= 1e-5 * fmax(1, fabs(b)))) fail_msg("%.9g is not %.9g", a, b);
}

/* The listed ones are the likeliest, in order. */
static void check_top(const struct event_top *top, int n, const double *logp) {
    double after = INFINITY;
    assert_int_equal(n, COMPARISON_TOP);
    for (int k = 0; k < n; k++) {
        double best = -INFINITY;
        for (int i = 0; i < model.table.config.vocab; i++)
            if (logp[i] < after && logp[i] > best) best = logp[i];
        near(top[k].logprob, best);
        assert_non_null(top[k].text);
        after = best;
    }
}

static void check_tokens(const struct comparison *c, const struct ids *ids, size_t n_prompt,
                         bool has_base) {
    int vocab = model.table.config.vocab;
    double *a = malloc((size_t)vocab * sizeof *a), *b = malloc((size_t)vocab * sizeof *b);
    double sum = 0, gain = 0, kl = 0;
    assert_true(a && b);
    for (int i = 0; i < c->n; i++) {
        const struct event_token *t = &c->tokens[i];
        size_t at = n_prompt + (size_t)i;
        assert_int_equal(t->id, ids->data[at]);
        plain_logprobs(&model.weights, ids->data, at, a);
        near(t->logprob, a[t->id]);
        assert_int_equal(t->rank, plain_rank(a, t->id));
        check_top(t->top, t->n_top, a);
        sum += a[t->id];
        assert_true(has_base || (isnan(t->gain) && t->base_rank == 0 && t->n_base_top == 0));
        if (!has_base) continue;
        plain_logprobs(&base, ids->data, at, b);
        near(t->gain, a[t->id] - b[t->id]);
        assert_int_equal(t->base_rank, plain_rank(b, t->id));
        check_top(t->base_top, t->n_base_top, b);
        gain += a[t->id] - b[t->id];
        for (int v = 0; v < vocab; v++) kl += exp(a[v]) * (a[v] - b[v]);
    }
    near(c->mean_logprob, sum / c->n);
    if (has_base) near(c->mean_gain, gain / c->n);
    if (has_base) near(c->kl, kl / c->n);
    assert_true(has_base || (isnan(c->mean_gain) && isnan(c->kl)));
    assert_true(!has_base || c->kl > 0.01);
    free(a);
    free(b);
}

/* ---- tests ---- */

static void test_figures(void **state) {
    (void)state;
    struct ids ids = {0};
    tiny_encode(&model, "the fever is a warm thing", &ids);
    assert_true(ids.n > 8 && ids.n <= CONTEXT + 1);
    for (size_t n_prompt = 1; n_prompt < ids.n; n_prompt += 3)
        for (int with_base = 0; with_base < 2; with_base++) {
            struct comparison c;
            struct err err = {0};
            assert_ok(compare_ids((struct compared){tf, &model.weights},
                                  (struct compared){tf, with_base ? &base : NULL},
                                  model.tokenizer, ids.data, n_prompt, ids.n, &c, &err),
                      err);
            assert_int_equal(c.n, ids.n - n_prompt);
            check_tokens(&c, &ids, n_prompt, with_base);
            comparison_deinit(&c);
        }
    ids_deinit(&ids);
}

/* Of equally likely tokens the lower ids are told. */
static void test_equals(void **state) {
    (void)state;
    static const int32_t ids[] = {3, 4, 5};
    struct weights zero;
    struct comparison c;
    struct err err = {0};
    assert_ok(weights_create(&model.table, &zero, &err), err);
    assert_ok(compare_ids((struct compared){tf, &zero}, (struct compared){tf, NULL},
                          model.tokenizer, ids, 1, 3, &c, &err),
              err);
    for (int i = 0; i < c.n; i++)
        for (int k = 0; k < c.tokens[i].n_top; k++) {
            struct token_text one = {0};
            struct buf text = {0};
            token_text_push(&one, model.tokenizer, k, true, &text);
            assert_string_equal(c.tokens[i].top[k].text, buf_text(&text));
            near(c.tokens[i].top[k].logprob, -log(model.table.config.vocab));
            buf_deinit(&text);
        }
    comparison_deinit(&c);
    weights_destroy(&zero);
}

/* A model differs from itself by nothing. */
static void test_same_weights(void **state) {
    (void)state;
    struct ids ids = {0};
    struct comparison c;
    struct err err = {0};
    tiny_encode(&model, "a song", &ids);
    assert_ok(compare_ids((struct compared){tf, &base}, (struct compared){tf, &base},
                          model.tokenizer, ids.data, 1, ids.n, &c, &err),
              err);
    assert_true(c.mean_gain == 0 && c.kl == 0);
    for (int i = 0; i < c.n; i++) assert_true(c.tokens[i].gain == 0);
    comparison_deinit(&c);
    ids_deinit(&ids);
}

/* The texts joined are the text; a character stands with the token that completes it, and what
 * never becomes one is told as such. */
static void test_texts(void **state) {
    static const struct {
        const char *text, *joined;
        int first_empty; /* token without a text of its own, -1: none */
    } cases[] = {
        {"a warm song", " warm song", -1}, /* the first token is the prompt */
        {"a\xC3\xA9t\xC3\xA9", "\xC3\xA9t\xC3\xA9", 0},
        {"a\xE2\x82\xAC", "\xE2\x82\xAC", 0},
        {"a\xE2\x82", "\xEF\xBF\xBD", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ids ids = {0};
        struct comparison c;
        struct buf joined = {0};
        struct err err = {0};
        tiny_encode(&model, cases[i].text, &ids);
        assert_ok(compare_ids((struct compared){tf, &model.weights},
                              (struct compared){tf, NULL}, model.tokenizer, ids.data, 1, ids.n,
                              &c, &err),
                  err);
        for (int k = 0; k < c.n; k++) buf_str(&joined, c.tokens[k].text);
        assert_string_equal(buf_text(&joined), cases[i].joined);
        assert_string_equal(buf_text(&c.text), cases[i].joined);
        for (int k = 0; k < c.n; k++)
            if (k == cases[i].first_empty) assert_string_equal(c.tokens[k].text, "");
        comparison_deinit(&c);
        buf_deinit(&joined);
        ids_deinit(&ids);
    }
}

/* A model that ended its answer at once; and as much as fits. */
static void test_edges(void **state) {
    (void)state;
    struct comparison c;
    struct err err = {0};
    int32_t ids[CONTEXT + 1];
    for (int i = 0; i <= CONTEXT; i++) ids[i] = i;
    assert_ok(compare_ids((struct compared){tf, &model.weights}, (struct compared){tf, &base},
                          model.tokenizer, ids, 3, 3, &c, &err),
              err);
    assert_int_equal(c.n, 0);
    assert_true(isnan(c.mean_gain) && isnan(c.kl));
    comparison_deinit(&c);
    assert_ok(compare_ids((struct compared){tf, &model.weights}, (struct compared){tf, &base},
                          model.tokenizer, ids, 1, CONTEXT + 1, &c, &err),
              err);
    assert_int_equal(c.n, CONTEXT);
    comparison_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),      cmocka_unit_test(test_equals),
        cmocka_unit_test(test_same_weights), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests_name("comparison", tests, setup, teardown);
}
