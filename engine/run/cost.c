#include "engine/run/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/nn/op_attention.h"

void cost_begin(struct cost_model *m, struct cost_shape shape) {
    *m = (struct cost_model){.shape = shape};
}

void cost_reset(struct cost_model *m) { cost_begin(m, m->shape); }

void cost_record(struct cost_model *m, const struct cost_sample *step) {
    m->steps[m->next] = *step;
    m->next = (m->next + 1) % COST_STEPS;
    if (m->n < COST_STEPS) m->n++;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* NaN of none. Sorts v. */
static double median(double *v, int n) {
    if (n == 0) return (double)NAN;
    qsort(v, (size_t)n, sizeof *v, ascending);
    return v[n / 2];
}

/* Median of what `part` tells of a step; of those of which it tells a number. */
static double median_of(const struct cost_model *m,
                        double (*part)(const struct cost_sample *step)) {
    double v[COST_STEPS];
    int n = 0;
    for (int i = 0; i < m->n; i++) {
        v[n] = part(&m->steps[i]);
        if (!isnan(v[n])) n++;
    }
    return median(v, n);
}

static double forward_of(const struct cost_sample *s) { return s->times.forward; }
static double backward_of(const struct cost_sample *s) { return s->times.backward; }
static double update_of(const struct cost_sample *s) { return s->update; }
static double total_of(const struct cost_sample *s) { return s->total; }
static double work_of(const struct cost_sample *s) { return s->work; }
/* Seconds of a multiply-add a token; of a step that multiplied anything. */
static double rate_of(const struct cost_sample *s) {
    return s->work > 0 ? s->times.forward / s->work : (double)NAN;
}

double cost_step(const struct cost_model *m) { return median_of(m, total_of); }

/* Groups of one block, in the table's order (params.h). */
enum { ATTN, MLP, NORM, LORA };

/* Multiply-adds a token of a block's products: with each matrix, of the queries with all keys,
 * and with the adapters' A and B at each map. */
struct products {
    double qkv, proj, up, down, attention;
    double A[ADAPTER_SITES], B[ADAPTER_SITES], adapters; /* of all together */
};

static void count_adapters(const struct model_config *c, int layer, struct products *p) {
    struct adapter_target targets[ADAPTER_TARGETS];
    int n = c->adapter.rank > 0 ? adapter_targets(c, targets) : 0;
    for (int i = 0; i < n; i++) {
        if (!(c->adapter.targets[layer] >> i & 1)) continue;
        p->A[targets[i].site] += (double)c->adapter.rank * targets[i].in;
        p->B[targets[i].site] += (double)c->adapter.rank * targets[i].out;
        p->adapters += (double)c->adapter.rank * (targets[i].in + targets[i].out);
    }
}

static struct products products_of(const struct cost_shape *s, int layer) {
    const struct model_config *c = &s->table->config;
    double q = (double)c->heads * c->head_dim, kv = (double)c->kv_heads * c->head_dim;
    double ffn = (double)c->ffn * c->width;
    struct attention_dims one = {
        .batch = 1, .time = s->time, .heads = c->heads, .head_dim = c->head_dim};
    struct products p = {.qkv = (q + 2 * kv) * c->width,
                         .proj = q * c->width,
                         .up = family_traits[c->family].gated ? 2 * ffn : ffn,
                         .down = ffn,
                         .attention = (double)attention_product_flops(one) / 2 / s->time};
    count_adapters(c, layer, &p);
    return p;
}

/* Of one block's backward pass. Handing the gradient on costs one product with each matrix, a
 * matrix that learns one more. The way stops as soon as nothing further down needs it. */
static double block_backward(const struct products *p, const bool *learn, bool lora,
                             bool below) {
    const double *A = p->A, *B = p->B;
    /* through the activation: whatever learns here or below lies behind it */
    double sum = p->down + B[SITE_DOWN] + A[SITE_DOWN] + B[SITE_UP];
    bool attention = lora && A[SITE_QKV] + A[SITE_PROJ] > 0;
    if (learn[MLP]) sum += p->down + p->up;
    if (lora) sum += p->adapters;
    if (!learn[ATTN] && !learn[NORM] && !attention && !below) return sum;
    sum += p->up + A[SITE_UP] + p->proj + B[SITE_PROJ] + A[SITE_PROJ] + B[SITE_QKV];
    sum += 5 * p->attention;
    if (learn[ATTN]) sum += p->proj + p->qkv;
    if (learn[NORM] || below) sum += p->qkv + A[SITE_QKV];
    return sum;
}

/* What a block keeps for its backward pass. */
static double block_remake(const struct products *p) {
    double last = p->A[SITE_DOWN] + p->B[SITE_DOWN];
    return p->qkv + 2 * p->attention + p->proj + p->up + p->adapters - last;
}

double cost_forward(const struct cost_shape *s, const bool *learn, double known) {
    int cut = transformer_cut(s->table, learn);
    double sum = 0;
    for (int l = 0; l < s->table->config.layers; l++) {
        struct products p = products_of(s, l);
        double block = block_remake(&p) + p.down + p.A[SITE_DOWN] + p.B[SITE_DOWN];
        sum += block * (l < cut ? 1 - known : 1);
    }
    return sum;
}

double cost_backward(const struct cost_shape *s, const bool *learn) {
    const struct model_config *c = &s->table->config;
    bool below = learn[0]; /* something further down learns; the embedding lies below all */
    double sum = 0;
    for (int l = 0; l < c->layers; l++) {
        struct products p = products_of(s, l);
        int first = s->table->blocks[l];
        const bool *block = learn + first;
        bool lora = s->table->blocks[l + 1] - first > LORA && block[LORA];
        bool here = block[ATTN] || block[MLP] || block[NORM] || lora;
        if (here || below) sum += block_backward(&p, block, lora, below);
        below |= here;
        if (below && s->recompute && l < c->layers - 1)
            sum += block_remake(&p) + (lora ? p.A[SITE_DOWN] : 0);
    }
    int norm = s->table->blocks[c->layers], head = c->tied ? 0 : norm + 1;
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

bool cost_settled(const struct cost_model *m, const bool *learn, double kept) {
    double settled = cost_forward(&m->shape, learn, kept);
    return m->n == COST_STEPS && median_of(m, work_of) <= settled * 1.05;
}

double cost_predict(const struct cost_model *m, const bool *now, const bool *then,
                    double kept) {
    const struct param_table *t = m->shape.table;
    if (m->n == 0) return (double)NAN;
    double forward = median_of(m, forward_of), backward = median_of(m, backward_of);
    double update = median_of(m, update_of), rate = median_of(m, rate_of);
    double rest = cost_step(m) - forward - backward - update;         /* batch, bookkeeping */
    if (isnan(rate)) rate = backward / cost_backward(&m->shape, now); /* nothing to go by */
    if (transformer_cut(t, now) != transformer_cut(t, then))
        forward = rate * cost_forward(&m->shape, then, kept);
    return rest + forward +
           backward * ratio(cost_backward(&m->shape, then), cost_backward(&m->shape, now)) +
           update * ratio(cost_learning(t, then), cost_learning(t, now));
}
