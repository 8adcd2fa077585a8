/* sampler.c - from logits to the next token. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/decode.h"
#include "engine/nn/vmath.h"

/* Index of the largest; the lowest of equals. */
static int32_t most_likely(const real *logits, int vocab) {
    int best = 0;
    for (int i = 1; i < vocab; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* Logits with those of the tokens before made less likely, each once; in `to`. */
static const real *penalise(const struct sampler *s, const real *logits, int vocab,
                            const int32_t *before, size_t n, real *to) {
    memcpy(to, logits, (size_t)vocab * sizeof *to);
    for (size_t i = 0; i < n; i++) {
        real x = logits[before[i]];
        to[before[i]] = x > 0 ? x / (real)s->penalty : x * (real)s->penalty;
    }
    return to;
}

/* log of the sum of exp(logits). */
static double log_sum_exp(const real *logits, int vocab, real max, real *scratch) {
    for (int i = 0; i < vocab; i++) scratch[i] = logits[i] - max;
    vmath_exp(scratch, scratch, vocab);
    double sum = 0;
    for (int i = 0; i < vocab; i++) sum += (double)scratch[i];
    return (double)max + log(sum);
}

/* The k-th largest of x[n], 1 <= k <= n, by Hoare's selection; x is put in another order. */
static real kth_largest(real *x, int n, int k) {
    int low = 0, high = n - 1, at = k - 1;
    while (low < high) {
        real pivot = x[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (x[i] > pivot) i++;
            while (x[j] < pivot) j--;
            if (i > j) break;
            real t = x[i];
            x[i++] = x[j];
            x[j--] = t;
        }
        if (at <= j) high = j;
        else if (at >= i) low = i;
        else break;
    }
    return x[at];
}

/* shares[vocab] = exp((logit - max) / temperature), 0 for those that the cut leaves out. Of
 * equals at the edge of the cut the lower ids stay. */
static void make_shares(const struct sampler *s, const real *logits, int vocab, real max,
                        real *shares) {
    real edge = -INFINITY;
    int equals = vocab; /* how many of those at the edge may stay */
    if (s->top_k > 0 && s->top_k < vocab) {
        memcpy(shares, logits, (size_t)vocab * sizeof *shares);
        edge = kth_largest(shares, vocab, s->top_k);
        equals = s->top_k;
        for (int i = 0; i < vocab; i++) equals -= logits[i] > edge;
    }
    /* exp() underflows below -80 anyway, and the vector one wants a bounded argument. */
    for (int i = 0; i < vocab; i++) {
        double x = ((double)logits[i] - (double)max) / s->temperature;
        shares[i] = (real)(x > -80 ? x : -80);
    }
    vmath_exp(shares, shares, vocab);
    for (int i = 0; i < vocab; i++) {
        bool stays = logits[i] > edge || (logits[i] == edge && equals-- > 0);
        if (!stays) shares[i] = 0;
    }
}

static int descending(const void *a, const void *b) {
    real x = *(const real *)a, y = *(const real *)b;
    return (x < y) - (x > y);
}

/* Shares below the edge become 0, and of those at it all but the first `equals`. */
static void cut_shares(real *shares, int vocab, real edge, int equals) {
    for (int i = 0; i < vocab; i++)
        if (shares[i] < edge || (shares[i] == edge && equals-- <= 0)) shares[i] = 0;
}

/* As many of the largest as reach top_p of the sum; at least one. */
static void keep_nucleus(real *shares, int vocab, double top_p, real *sorted) {
    int n = 0, kept = 0, equals = 0;
    double sum = 0, reached = 0;
    for (int i = 0; i < vocab; i++)
        if (shares[i] > 0) sorted[n++] = shares[i], sum += (double)shares[i];
    qsort(sorted, (size_t)n, sizeof *sorted, descending);
    while (kept < n && (kept == 0 || reached < top_p * sum)) reached += (double)sorted[kept++];
    if (kept == n) return;
    for (int i = kept; i-- > 0 && sorted[i] == sorted[kept - 1];) equals++;
    cut_shares(shares, vocab, sorted[kept - 1], equals);
}

/* The likeliest's share is 1. */
static void keep_above(real *shares, int vocab, double min_p) {
    for (int i = 0; i < vocab; i++)
        if ((double)shares[i] < min_p) shares[i] = 0;
}

static int32_t draw(struct rng *rng, const real *shares, int vocab, int32_t otherwise) {
    double sum = 0;
    for (int i = 0; i < vocab; i++) sum += (double)shares[i];
    double left = rng_uniform(rng) * sum;
    for (int i = 0; i < vocab; i++) {
        left -= (double)shares[i];
        if (left < 0) return i;
    }
    return otherwise; /* rounding, or a logit that is not a number */
}

int32_t sampler_choose(struct sampler *s, const real *logits, int vocab, const int32_t *before,
                       size_t n_before, real *scratch, double *logprob) {
    const real *plain = logits;
    if (s->penalty > 0 && s->penalty != 1)
        logits = penalise(s, plain, vocab, before, n_before, scratch + vocab);
    int32_t best = most_likely(logits, vocab), chosen = best;
    if (s->temperature > 0 && s->top_k != 1) {
        make_shares(s, logits, vocab, logits[best], scratch);
        if (s->top_p > 0 && s->top_p < 1)
            keep_nucleus(scratch, vocab, s->top_p, scratch + vocab);
        if (s->min_p > 0) keep_above(scratch, vocab, s->min_p);
        chosen = draw(&s->rng, scratch, vocab, best);
    }
    if (logprob) {
        real max = plain[most_likely(plain, vocab)];
        *logprob = (double)plain[chosen] - log_sum_exp(plain, vocab, max, scratch);
    }
    return chosen;
}
