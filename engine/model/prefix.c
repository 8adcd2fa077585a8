/* prefix.c - what lies below the lowest group that learns: embedding and blocks [0, cut).
 *
 * Its output for a sequence depends on nothing but the sequence's tokens, so it may come from
 * an earlier step. For that it must be the same bits whatever it is computed with, and a
 * product of 32 sequences' rows is cut into other tiles than one of 3. So a sequence is always
 * computed by itself: as many at a time as there are threads, each on one of them with a
 * sequence's memory that stays in its core's cache, and the last few one after the other on all
 * threads. How a product is cut follows from its shape alone, so both ways give the same bits.
 */
#include <string.h>

#include "engine/model/transformer_impl.h"
#include "engine/nn/op_embedding.h"

struct prefix_job {
    const struct pass *p;
    const struct prefix *prefix; /* NULL: nothing is known or kept */
    real *to;                    /* [batch, time, width] input of block `cut` */
    const int *todo;             /* sequences that are not known */
};

static size_t sequence_reals(const struct pass *p) {
    return (size_t)p->time * (size_t)p->tf->width.model;
}

static real *kept_row(const struct prefix *prefix, int sequence) {
    return prefix ? prefix->rows[sequence] : NULL;
}

static bool is_known(const struct prefix *prefix, int sequence) {
    return kept_row(prefix, sequence) && prefix->known[sequence];
}

static void fetch_sequence(void *ctx, int sequence, int worker) {
    (void)worker;
    const struct prefix_job *job = ctx;
    size_t n = sequence_reals(job->p);
    if (is_known(job->prefix, sequence))
        memcpy(job->to + (size_t)sequence * n, job->prefix->rows[sequence], n * sizeof(real));
}

static void compute_sequence(void *ctx, int i, int worker) {
    const struct prefix_job *job = ctx;
    const struct pass *p = job->p;
    struct transformer *alone = &p->tf->sequences[worker];
    int sequence = job->todo[i];
    struct pass q = {.tf = alone,
                     .w = p->w,
                     .tokens = p->tokens + (size_t)sequence * (size_t)p->time,
                     .batch = 1,
                     .time = p->time,
                     .rows = p->time,
                     .kept_from = p->tf->table->config.layers,
                     .top = alone->blocks[0].x};
    embed_forward(&q);
    blocks_forward(&q, 0, p->kept_from);
    size_t n = sequence_reals(p);
    real *keep = kept_row(job->prefix, sequence);
    memcpy(job->to + (size_t)sequence * n, q.top, n * sizeof(real));
    if (keep) memcpy(keep, q.top, n * sizeof(real));
}

/* Sequences first to n - 1 of the job, on `pool` inside each. */
static void compute_with(struct prefix_job *job, int first, int n, struct pool *pool) {
    struct transformer *tf = job->p->tf;
    for (int i = 0; i < tf->n_sequences; i++)
        *tf->sequences[i].ex = (struct exec){.pool = pool};
    struct prefix_job rest = *job;
    rest.todo += first;
    pool_run(pool ? NULL : tf->ex->pool, n - first, compute_sequence, &rest);
    for (int i = 0; i < tf->n_sequences; i++) tf->ex->flops += tf->sequences[i].ex->flops;
}

void prefix_forward(const struct pass *p, const struct prefix *prefix) {
    struct transformer *tf = p->tf;
    struct prefix_job job = {
        .p = p, .prefix = prefix, .to = block_input(p, p->kept_from), .todo = tf->todo};
    int n = 0;
    for (int i = 0; i < p->batch; i++)
        if (!is_known(prefix, i)) tf->todo[n++] = i;
    pool_run(tf->ex->pool, n < p->batch ? p->batch : 0, fetch_sequence, &job);
    int side_by_side = tf->n_sequences > 1 ? n - n % tf->n_sequences : 0;
    compute_with(&job, 0, side_by_side, NULL);
    compute_with(&job, side_by_side, n, tf->ex->pool);
}

int transformer_cut(const struct param_table *t, const bool *learn) {
    int cut = t->config.layers;
    for (int g = 0; g < t->n_groups; g++) {
        if (learn && !learn[g]) continue;
        if (g == 0) return 0; /* the embedding's lookup lies below all blocks */
        if (t->groups[g].layer >= 0 && t->groups[g].layer < cut) cut = t->groups[g].layer;
    }
    return cut;
}
