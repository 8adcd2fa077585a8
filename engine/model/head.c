/* head.c - the top of the stream on its way down: loss, head, final norm; and its end, the
 * embedding. */
#include <string.h>

#include "engine/model/backward.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/tiling.h"

/* For what is added to from the start: zeros, where nothing of it holds. */
static void begin_gradient(const struct pass *p, real *d, size_t reals) {
    if (d && p->overwrite) memset(d, 0, reals * sizeof *d);
}

struct head_task head_of(const struct pass *p, const struct weights *grads, const bool *learn,
                         const struct train_part *part, bool below) {
    const struct transformer *tf = p->tf;
    double counted = (double)targets_counted(part->targets, (size_t)p->rows);
    struct head_task h = {.w = weights_outer(p->w, NULL),
                          .d = weights_outer(grads, learn),
                          .targets = part->targets,
                          .below = below};
    h.factored = tf->plan.factors && part->whole && h.d.head;
    h.dims = (struct loss_dims){.rows = p->rows,
                                .width = tf->width.model,
                                .vocab = tf->table->config.vocab,
                                .overwrite = p->overwrite,
                                .keep = h.factored || (tf->head_in_shares && h.d.head),
                                .scale = counted > 0 ? (real)(part->weight / counted) : R(0.0)};
    if (h.factored) h.d.head = NULL;
    return h;
}

/* Losses of some rows, and their gradients of d and, where something below learns, of the last
 * block's output. d_norm: [rows, model] of scratch. */
static void head_rows(struct exec *ex, const struct pass *p, const struct head_task *h,
                      struct span rows, struct outer_view d, real *d_norm, real *logits) {
    const struct transformer *tf = p->tf;
    struct loss_dims dims = h->dims;
    size_t at = (size_t)rows.from * (size_t)dims.width;
    real *d_out = stream_gradient(tf, tf->table->config.layers);
    bool onward = h->below || d.norm;
    dims.rows = rows.to - rows.from;
    loss_head(ex, tf->nll + rows.from, NULL, onward ? d_norm : NULL, d.head, tf->normed + at,
              h->w.head, h->targets + rows.from, logits, dims);
    if (onward)
        norm_backward(ex, &tf->table->config, dims.rows, h->below ? d_out + at : NULL, NULL,
                      d.norm, d.norm_bias, d_norm, p->top + at,
                      tf->top_mean ? tf->top_mean + rows.from : NULL, tf->top_rstd + rows.from,
                      h->w.norm);
}

void head_pass(const struct pass *p, const struct head_task *h) {
    struct transformer *tf = p->tf;
    size_t width = (size_t)tf->width.model;
    begin_gradient(p, h->d.norm, width);
    begin_gradient(p, h->d.norm_bias, width);
    head_rows(tf->ex, p, h, (struct span){0, p->rows}, h->d, tf->d_norm, tf->logits);
}

void head_share(const struct share *s, const struct head_task *h) {
    const struct transformer *tf = s->p->tf;
    int width = tf->width.model;
    real *sums = share_sums(tf, s->first / tf->share);
    memset(sums, 0, 2 * (size_t)width * sizeof *sums);
    struct outer_view d = {.norm = h->d.norm ? sums : NULL,
                           .norm_bias = h->d.norm_bias ? sums + width : NULL};
    head_rows(&s->lane->ex, s->p, h, (struct span){s->row, s->row + s->rows}, d,
              s->lane->normed, share_rows(s, tf->logits, loss_stride(h->dims)));
}

struct products head_finish(const struct pass *p, const struct head_task *h) {
    struct transformer *tf = p->tf;
    int width = tf->width.model;
    for (int share = 0; share < shares_count(p); share++) {
        const real *sum = share_sums(tf, share);
        bool lay = share == 0 && p->overwrite;
        add_sums(h->d.norm, sum, width, lay);
        add_sums(h->d.norm_bias, sum + width, width, lay);
    }
    struct products due = {.n = 0};
    if (h->d.head)
        due.list[due.n++] = loss_head_product(h->d.head, tf->logits, tf->normed, h->dims);
    return due;
}

void embed_backward(const struct pass *p, const struct weights *grads, const bool *learn,
                    bool factored) {
    struct outer_view d = weights_outer(grads, learn);
    struct embedding_dims dims = {
        .rows = p->rows, .time = p->time, .width = p->tf->width.model};
    const struct model_config *c = &p->tf->table->config;
    /* A tied head has begun its gradient already. */
    if (!c->tied) begin_gradient(p, d.embed, (size_t)c->vocab * (size_t)c->width);
    begin_gradient(p, d.positions, (size_t)c->context * (size_t)c->width);
    if (d.embed)
        embedding_backward(p->tf->ex, factored && c->tied ? NULL : d.embed, d.positions,
                           stream_gradient(p->tf, 0), p->tokens, dims);
}

const struct factored *head_factors(const struct pass *p, const struct head_task *h) {
    struct transformer *tf = p->tf;
    struct factored *f = &tf->factored;
    bool tied = tf->table->config.tied;
    f->param = factored_param(tf->table);
    f->rows = h->dims.rows;
    f->width = h->dims.width;
    f->vocab = h->dims.vocab;
    f->stride = loss_stride(h->dims);
    f->G = tf->logits;
    f->X = tf->normed;
    f->E = tied ? stream_gradient(tf, 0) : NULL;
    f->tokens = p->tokens;
    return f;
}
