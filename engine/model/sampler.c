/* sampler.c - from logits to the next token. */
#include <math.h>
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

int32_t sampler_choose(struct sampler *s, const real *logits, int vocab, real *scratch,
                       double *logprob) {
    int32_t best = most_likely(logits, vocab), chosen = best;
    real max = logits[best];
    if (s->temperature > 0 && s->top_k != 1) {
        make_shares(s, logits, vocab, max, scratch);
        chosen = draw(&s->rng, scratch, vocab, best);
    }
    if (logprob) *logprob = (double)logits[chosen] - log_sum_exp(logits, vocab, max, scratch);
    return chosen;
}
