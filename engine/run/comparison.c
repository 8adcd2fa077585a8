#include "engine/run/comparison.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One model's view of one position. */
struct view {
    const real *logits; /* [vocab] */
    double log_z;       /* log sum exp of the logits */
};

static struct view view_of(const real *logits, int vocab) {
    double most = -INFINITY, sum = 0;
    for (int i = 0; i < vocab; i++)
        if ((double)logits[i] > most) most = (double)logits[i];
    for (int i = 0; i < vocab; i++) sum += exp((double)logits[i] - most);
    return (struct view){logits, most + log(sum)};
}

static double logprob_of(struct view v, int32_t id) { return (double)v.logits[id] - v.log_z; }

static int rank_of(struct view v, int vocab, int32_t id) {
    int rank = 1;
    for (int i = 0; i < vocab; i++) rank += v.logits[i] > v.logits[id];
    return rank;
}

/* KL(p || q) in nats. */
static double kl_of(struct view p, struct view q, int vocab) {
    double sum = 0;
    for (int i = 0; i < vocab; i++) {
        double lp = logprob_of(p, i);
        sum += exp(lp) * (lp - logprob_of(q, i));
    }
    return sum;
}

/* Keep a text for as long as the comparison. NULL when out of memory. */
static const char *keep(struct comparison *c, const char *s) {
    char *copy = strdup(s);
    if (copy) c->strings[c->n_strings++] = copy;
    return copy;
}

/* The n likeliest into best[n], in order; the lower of equals first. One look at each logit. */
static void find_likeliest(const real *logits, int vocab, int32_t *best, int n) {
    int found = 0;
    for (int i = 0; i < vocab; i++) {
        if (found == n && !(logits[i] > logits[best[n - 1]])) continue;
        int k = found < n ? found++ : n - 1;
        for (; k > 0 && logits[i] > logits[best[k - 1]]; k--) best[k] = best[k - 1];
        best[k] = i;
    }
}

static bool top_of(struct comparison *c, struct view v, int vocab, const struct tokenizer *t,
                   struct event_top *top) {
    int32_t best[COMPARISON_TOP];
    int n = vocab < COMPARISON_TOP ? vocab : COMPARISON_TOP;
    find_likeliest(v.logits, vocab, best, n);
    for (int k = 0; k < n; k++) {
        struct buf text = {0};
        struct token_text state = {0};
        token_text_push(&state, t, best[k], true, &text);
        top[k] = (struct event_top){keep(c, buf_text(&text)), logprob_of(v, best[k])};
        buf_deinit(&text);
        if (!top[k].text) return false;
    }
    return true;
}

static bool take_memory(struct comparison *c, size_t n, struct err *err) {
    c->tokens = calloc(n + 1, sizeof *c->tokens);
    c->tops = calloc((n + 1) * 2 * COMPARISON_TOP, sizeof *c->tops);
    c->strings = calloc((n + 1) * (1 + 2 * COMPARISON_TOP), sizeof *c->strings);
    if (c->tokens && c->tops && c->strings) return true;
    return err_set(err, ERR_NOMEM, "no memory to compare %zu tokens", n);
}

/* Token i of the comparison: what tuned (and base) thought of it at its position. */
static bool describe(struct comparison *c, int i, int32_t id, struct view tuned,
                     struct view base, bool has_base, int vocab, const struct tokenizer *t,
                     bool last, struct token_text *state) {
    struct event_token *k = &c->tokens[i];
    struct event_top *top = c->tops + (size_t)i * 2 * COMPARISON_TOP;
    int n_top = vocab < COMPARISON_TOP ? vocab : COMPARISON_TOP;
    struct buf text = {0};
    token_text_push(state, t, id, last, &text);
    bool ok = buf_add(&c->text, text.data, text.len);
    *k = (struct event_token){.id = id,
                              .text = keep(c, buf_text(&text)),
                              .logprob = logprob_of(tuned, id),
                              .gain = NAN,
                              .rank = rank_of(tuned, vocab, id),
                              .top = top,
                              .n_top = n_top};
    buf_deinit(&text);
    if (!ok || !k->text || !top_of(c, tuned, vocab, t, top)) return false;
    c->mean_logprob += k->logprob;
    if (!has_base) return true;
    k->gain = k->logprob - logprob_of(base, id);
    k->base_rank = rank_of(base, vocab, id);
    k->base_top = top + COMPARISON_TOP;
    k->n_base_top = n_top;
    c->mean_gain += k->gain;
    c->kl += kl_of(tuned, base, vocab);
    return top_of(c, base, vocab, t, top + COMPARISON_TOP);
}

bool compare_ids(struct compared tuned, struct compared base, const struct tokenizer *t,
                 const int32_t *ids, size_t n_prompt, size_t n, struct comparison *out,
                 struct err *err) {
    int vocab = tuned.weights->table->config.vocab;
    bool has_base = base.weights != NULL;
    assert(!has_base || base.weights->table->config.vocab == vocab);
    *out = (struct comparison){.n = (int)(n - n_prompt)};
    size_t cells = (n > 0 ? n - 1 : 0) * (size_t)vocab;
    real *logits = malloc((2 * cells + 1) * sizeof(real));
    bool ok = logits ? take_memory(out, n - n_prompt, err)
                     : err_set(err, ERR_NOMEM, "no memory to compare %zu tokens", n);
    if (ok && out->n > 0) {
        transformer_logits(tuned.transformer, tuned.weights, ids, 1, (int)n - 1, logits);
        if (has_base)
            transformer_logits(base.transformer, base.weights, ids, 1, (int)n - 1,
                               logits + cells);
    }
    struct token_text state = {0};
    for (int i = 0; ok && i < out->n; i++) {
        size_t at = (n_prompt + (size_t)i - 1) * (size_t)vocab;
        struct view a = view_of(logits + at, vocab);
        struct view b = has_base ? view_of(logits + cells + at, vocab) : a;
        ok = describe(out, i, ids[n_prompt + (size_t)i], a, b, has_base, vocab, t,
                      i + 1 == out->n, &state) ||
             err_set(err, ERR_NOMEM, "no memory to compare %zu tokens", n);
    }
    double count = out->n > 0 ? out->n : 1;
    out->mean_logprob /= count;
    out->mean_gain = has_base && out->n > 0 ? out->mean_gain / count : (double)NAN;
    out->kl = has_base && out->n > 0 ? out->kl / count : (double)NAN;
    free(logits);
    if (!ok) comparison_deinit(out);
    return ok;
}

void comparison_deinit(struct comparison *c) {
    for (size_t i = 0; i < c->n_strings; i++) free(c->strings[i]);
    free(c->strings);
    free(c->tops);
    free(c->tokens);
    buf_deinit(&c->text);
    *c = (struct comparison){0};
}
