#include "engine/run/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/nn/op_attention.h"

void cost_reset(struct cost_model *m) { *m = (struct cost_model){0}; }

void cost_record(struct cost_model *m, double backward, double update, double total) {
    m->backward[m->next] = backward;
    m->update[m->next] = update;
    m->total[m->next] = total;
    m->next = (m->next + 1) % COST_STEPS;
    if (m->n < COST_STEPS) m->n++;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *v, int n) {
    double sorted[COST_STEPS];
    if (n == 0) return (double)NAN;
    memcpy(sorted, v, (size_t)n * sizeof *v);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

double cost_step(const struct cost_model *m) { return median(m->total, m->n); }

/* Groups of one block, in the table's order (params.h). */
enum { ATTN, MLP, NORM, PARTS };

/* Multiply-adds a token of one block's backward pass. Handing the gradient on costs one product
 * with each matrix, a matrix that learns one more. The way stops as soon as nothing further
 * down needs it. */
static double block_backward(const struct model_config *c, const bool *learn, bool below,
                             int time) {
    double q = (double)c->heads * c->head_dim, kv = (double)c->kv_heads * c->head_dim;
    double down = (double)c->ffn * c->width, up = down;
    double proj = q * c->width, qkv = (q + 2 * kv) * c->width;
    if (family_traits[c->family].gated) up *= 2;
    double sum =
        down; /* through the activation: whatever learns here or below lies behind it */
    if (learn[MLP]) sum += down + up;
    if (!learn[ATTN] && !learn[NORM] && !below) return sum;
    struct attention_dims one = {
        .batch = 1, .time = time, .heads = c->heads, .head_dim = c->head_dim};
    sum += up + proj + 5.0 * (double)attention_product_flops(one) / 2 / time;
    if (learn[ATTN]) sum += proj + qkv;
    if (learn[NORM] || below) sum += qkv;
    return sum;
}

double cost_backward(const struct param_table *t, const bool *learn, int time) {
    const struct model_config *c = &t->config;
    bool below = learn[0]; /* something further down learns; the embedding lies below all */
    double sum = 0;
    for (int l = 0; l < c->layers; l++) {
        const bool *block = learn + 1 + PARTS * l;
        bool here = block[ATTN] || block[MLP] || block[NORM];
        if (here || below) sum += block_backward(c, block, below, time);
        below |= here;
    }
    int norm = 1 + PARTS * c->layers, head = c->tied ? 0 : norm + 1;
    double logits = (double)c->vocab * c->width;
    return sum + logits * (1 + (below || learn[norm]) + learn[head]);
}

double cost_learning(const struct param_table *t, const bool *learn) {
    double sum = 0;
    for (int g = 0; g < t->n_groups; g++) sum += learn[g] ? (double)t->groups[g].parameters : 0;
    return sum;
}

/* after/before, where nothing before means nothing to scale. */
static double ratio(double after, double before) { return before > 0 ? after / before : 1; }

double cost_predict(const struct cost_model *m, const struct param_table *t, const bool *now,
                    const bool *then, int time) {
    if (m->n == 0) return (double)NAN;
    double backward = median(m->backward, m->n), update = median(m->update, m->n);
    double rest = cost_step(m) - backward - update; /* forward, batch, bookkeeping */
    return rest + backward * ratio(cost_backward(t, then, time), cost_backward(t, now, time)) +
           update * ratio(cost_learning(t, then), cost_learning(t, now));
}
