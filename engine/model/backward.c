/* backward.c - from the loss down to the lowest group that learns, and no further.
 *
 * A block's backward has two halves. First, share by share, the gradient of the stream goes
 * down through the block, and what the gradients of the matrices are made of is laid down for
 * the whole batch. Then all threads make those products together, so that their sums over the
 * batch have one order; where memory allows, while the shares already go through the block
 * below, so that nobody waits for the slowest share. */
#include <string.h>

#include "engine/model/backward.h"
#include "engine/nn/blas.h"
#include "engine/nn/column_sum.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"
#include "engine/nn/tiling.h"

/* Which gradients a block has to make. `d` holds the gradients' places, NULL where frozen. */
struct block_task {
    int layer;
    struct block_view w, d;
    bool attn, mlp, norm;                    /* these parts learn */
    struct adapter_view lora[ADAPTER_SITES]; /* gradients' places of the adapters that learn */
    bool below;                              /* something upstream of this block learns */
};

static struct block_task task_of(const struct pass *p, const struct weights *grads,
                                 const bool *learn, int layer, bool below) {
    struct block_task t = {.layer = layer,
                           .w = block_weights(p, layer),
                           .d = weights_block(grads, layer, learn),
                           .below = below};
    t.attn = t.d.qkv;
    t.mlp = t.d.up;
    t.norm = t.d.norm1;
    for (int site = 0; site < ADAPTER_SITES; site++)
        t.lora[site] = weights_adapter(grads, layer, (enum adapter_site)site, learn);
    return t;
}

/* ---- the first half: a share ---- */

/* A share's part of the block on its way down. */
struct way {
    const struct block_task *t;
    struct block_kept b;
    struct block_factors f; /* the share's rows */
    struct block_view sums; /* vectors only: the share's sums, NULL where frozen */
};

static real **vector_of(struct block_view *v, const struct transformer *tf, int i) {
    return (real **)(void *)((char *)v + tf->vectors[i].field);
}

real *share_sums(const struct transformer *tf, int share) {
    return tf->vector_sums + (size_t)share * tf->vector_reals;
}

/* Sums of the vectors that learn, from zero. */
static struct block_view begin_sums(const struct transformer *tf, int share,
                                    const struct block_task *t) {
    struct block_view learn = t->d, sums = {0};
    real *at = share_sums(tf, share);
    memset(at, 0, tf->vector_reals * sizeof *at);
    for (int i = 0; i < BLOCK_VECTORS; i++) {
        if (*vector_of(&learn, tf, i)) *vector_of(&sums, tf, i) = at;
        at += tf->vectors[i].width;
    }
    return sums;
}

real *stream_gradient(const struct transformer *tf, int layer) {
    return tf->d_stream[(tf->table->config.layers - layer) % (tf->overlaps ? 3 : 2)];
}

static struct block_factors factors_of(const struct transformer *tf, int layer) {
    struct block_factors f = tf->factors[tf->overlaps ? layer % 2 : 0];
    f.d_out = stream_gradient(tf, layer + 1);
    f.d_in = stream_gradient(tf, layer);
    return f;
}

static struct way begin_way(const struct share *s, const struct block_task *t) {
    const struct transformer *tf = s->p->tf;
    struct block_factors f = factors_of(tf, t->layer);
    struct widths w = tf->width;
    struct way way = {.t = t,
                      .b = share_block(s, t->layer),
                      .f = {.d_out = share_rows(s, f.d_out, w.model),
                            .d_mid = share_rows(s, f.d_mid, w.model),
                            .d_in = share_rows(s, f.d_in, w.model),
                            .normed1 = share_rows(s, f.normed1, w.model),
                            .normed2 = share_rows(s, f.normed2, w.model),
                            .act = share_rows(s, f.act, w.ffn),
                            .d_up = share_rows(s, f.d_up, w.up),
                            .dqkv = share_rows(s, f.dqkv, w.qkv)},
                      .sums = begin_sums(tf, tf->share ? s->first / tf->share : 0, t)};
    for (int site = 0; site < ADAPTER_SITES; site++) {
        int in = site_widths(&w, (enum adapter_site)site).in;
        way.f.d_low[site] = share_rows(s, f.d_low[site], w.rank[site]);
        way.f.dropped[site] = share_rows(s, f.dropped[site], in);
    }
    return way;
}

/* Whether the attention's half has anything to do: it learns, or something upstream of it. */
static bool enters_attention(const struct block_task *t) {
    return t->attn || t->norm || t->below || t->lora[SITE_QKV].n || t->lora[SITE_PROJ].n;
}

/* The last block's forward was the last in the memory that they share. */
static bool was_remade(const struct share *s, const struct block_task *t) {
    const struct transformer *tf = s->p->tf;
    return tf->plan.recompute && t->layer < tf->table->config.layers - 1;
}

/* dx[rows,in] = dy[rows,out] W[out,in], overwritten: spares clearing dx and adding to it. */
static void through(const struct share *s, real *dx, const real *dy, const real *W, int out,
                    int in) {
    blas_gemm(&s->lane->ex, &(struct gemm){.m = s->rows,
                                           .n = in,
                                           .k = out,
                                           .A = dy,
                                           .lda = out,
                                           .B = W,
                                           .ldb = in,
                                           .C = dx,
                                           .ldc = in});
}

/* db[out] += column sums of dy; db may be NULL. */
static void bias_backward(const struct share *s, real *db, const real *dy, int out) {
    if (db) column_sum_add(&s->lane->ex, db, dy, s->rows, out);
}

void norm_backward(struct exec *ex, const struct model_config *c, int rows, real *dx,
                   const real *onto, real *dgain, real *dbias, const real *dy, const real *x,
                   const real *mean, const real *rstd, const real *gain) {
    struct norm_dims d = {.rows = rows, .width = c->width, .eps = (real)c->norm_eps};
    if (family_traits[c->family].rms)
        rmsnorm_backward(ex, dx, onto, dgain, dy, x, rstd, gain, d);
    else layernorm_backward(ex, dx, onto, dgain, dbias, dy, x, mean, rstd, gain, d);
}

/* From d_out, the gradient of the block's output, to d_mid, that of x_mid. */
static void mlp_backward(const struct share *s, struct way *y) {
    const struct transformer *tf = s->p->tf;
    const struct block_task *t = y->t;
    const struct block_kept *b = &y->b;
    struct block_factors *f = &y->f;
    struct lane *lane = s->lane;
    struct widths w = tf->width;
    bool onward = enters_attention(t); /* someone needs the gradient of x_mid */
    bool down = t->lora[SITE_DOWN].n > 0, up = t->lora[SITE_UP].n > 0;

    real *act = t->mlp || down ? f->act : NULL;
    bias_backward(s, y->sums.down_bias, f->d_out, w.model);
    through(s, lane->act, f->d_out, t->w.down, w.model, w.ffn);
    adapter_backward(s, f, t->layer, SITE_DOWN, lane->act, f->d_out);
    if (family_traits[tf->table->config.family].gated)
        swiglu_backward(&lane->ex, f->d_up, act, lane->act, b->up, s->rows, w.ffn);
    else gelu_backward(&lane->ex, f->d_up, act, lane->act, b->up, s->rows, w.ffn);
    bias_backward(s, y->sums.up_bias, f->d_up, w.up);
    if (down && was_remade(s, t)) adapter_lower(s, b, t->layer, SITE_DOWN, act);
    if (down) adapter_keep_input(s, f, t->layer, SITE_DOWN, act);
    if (t->mlp || up)
        norm_forward(s, f->normed2, b->mean2, b->rstd2, b->x_mid, t->w.norm2, t->w.norm2_bias);
    if (up) adapter_keep_input(s, f, t->layer, SITE_UP, f->normed2);
    if (onward) through(s, lane->normed, f->d_up, t->w.up, w.up, w.model);
    adapter_backward(s, f, t->layer, SITE_UP, onward ? lane->normed : NULL, f->d_up);
    if (!onward) return;
    norm_backward(&lane->ex, &tf->table->config, s->rows, f->d_mid, f->d_out, y->sums.norm2,
                  y->sums.norm2_bias, lane->normed, b->x_mid, b->mean2, b->rstd2, t->w.norm2);
}

/* Through rotation and QK-norm: dq, dk of the attention to their places in dqkv. */
static void qk_prepare_backward(const struct share *s, struct way *y) {
    const struct transformer *tf = s->p->tf;
    const struct model_config *c = &tf->table->config;
    struct lane *lane = s->lane;
    if (!family_traits[c->family].rotary) return;
    struct qk_dims d = {.rows = s->rows,
                        .time = s->p->time,
                        .heads = c->heads,
                        .head_dim = c->head_dim,
                        .stride = tf->width.qkv,
                        .eps = (real)c->norm_eps};
    qk_backward(&lane->ex, y->f.dqkv, y->sums.q_norm, lane->dq, y->b.qkv, y->b.q_rstd,
                y->t->w.q_norm, tf->cosine, tf->sine, d);
    d.heads = c->kv_heads;
    qk_backward(&lane->ex, y->f.dqkv + tf->width.q, y->sums.k_norm, lane->dk,
                y->b.qkv + tf->width.q, y->b.k_rstd, y->t->w.k_norm, tf->cosine, tf->sine, d);
}

/* From d_attn to dqkv[rows,qkv]. */
static void attention_part_backward(const struct share *s, struct way *y) {
    const struct transformer *tf = s->p->tf;
    struct lane *lane = s->lane;
    real *dqkv = y->f.dqkv;
    bool rotary = family_traits[tf->table->config.family].rotary;
    struct qkv_view in = qk_prepare(s, &y->b, &y->t->w);
    attention_backward(&lane->ex, rotary ? lane->dq : dqkv,
                       rotary ? lane->dk : dqkv + tf->width.q,
                       dqkv + tf->width.q + tf->width.kv, lane->d_attn, y->b.attn, y->b.lse,
                       in.q, in.k, in.v, lane->attention_scratch, share_attention_dims(s));
    qk_prepare_backward(s, y);
}

/* From d_mid to d_in, the gradient of the block's input, where `below` wants it. */
static void attn_backward(const struct share *s, struct way *y) {
    const struct transformer *tf = s->p->tf;
    const struct block_task *t = y->t;
    const struct block_kept *b = &y->b;
    struct block_factors *f = &y->f;
    struct lane *lane = s->lane;
    struct widths w = tf->width;

    bias_backward(s, y->sums.proj_bias, f->d_mid, w.model);
    through(s, lane->d_attn, f->d_mid, t->w.proj, w.model, w.q);
    adapter_backward(s, f, t->layer, SITE_PROJ, lane->d_attn, f->d_mid);
    if (t->lora[SITE_PROJ].n) adapter_keep_input(s, f, t->layer, SITE_PROJ, b->attn);
    attention_part_backward(s, y);
    bias_backward(s, y->sums.qkv_bias, f->dqkv, w.qkv);
    bool lora = t->lora[SITE_QKV].n > 0, onward = t->norm || t->below;
    if (t->attn || lora)
        norm_forward(s, f->normed1, b->mean1, b->rstd1, b->x, t->w.norm1, t->w.norm1_bias);
    if (lora) adapter_keep_input(s, f, t->layer, SITE_QKV, f->normed1);
    if (onward) through(s, lane->normed, f->dqkv, t->w.qkv, w.qkv, w.model);
    adapter_backward(s, f, t->layer, SITE_QKV, onward ? lane->normed : NULL, f->dqkv);
    if (!onward) return;
    norm_backward(&lane->ex, &tf->table->config, s->rows, t->below ? f->d_in : NULL, f->d_mid,
                  y->sums.norm1, y->sums.norm1_bias, lane->normed, b->x, b->mean1, b->rstd1,
                  t->w.norm1);
}

static void backward_share(const struct share *s, void *ctx) {
    const struct block_task *t = ctx;
    struct way y = begin_way(s, t);
    if (was_remade(s, t)) block_remake(s, t->layer);
    mlp_backward(s, &y);
    if (enters_attention(t)) attn_backward(s, &y);
}

/* ---- the second half: sums over the batch ---- */

_Static_assert(4 + ADAPTER_TARGETS + ADAPTER_SITES <= BLAS_MAX_GEMMS,
               "a block's products go together");

/* dW[out,in] (+)= dy^T x; nothing where dW is NULL. */
static void add_dw(struct products *to, const struct pass *p, real *dW, const real *dy,
                   const real *x, int out, int in) {
    if (!dW) return;
    to->list[to->n++] = (struct gemm){.m = out,
                                      .n = in,
                                      .k = p->rows,
                                      .ta = TRANSPOSED,
                                      .A = dy,
                                      .lda = out,
                                      .B = x,
                                      .ldb = in,
                                      .C = dW,
                                      .ldc = in,
                                      .add = !p->overwrite};
}

/* None needs another's result: their tiles go to the pool together and fill each other's gaps.
 */
static struct products matrices_of(const struct pass *p, const struct block_task *t) {
    const struct transformer *tf = p->tf;
    struct block_factors f = factors_of(tf, t->layer);
    struct widths w = tf->width;
    struct products all = {.n = 0};
    add_dw(&all, p, t->d.down, f.d_out, f.act, w.model, w.ffn);
    add_dw(&all, p, t->d.up, f.d_up, f.normed2, w.up, w.model);
    all.of_mlp = all.n;
    add_dw(&all, p, t->d.qkv, f.dqkv, f.normed1, w.qkv, w.model);
    const real *attn = tf->blocks[t->layer].attn;
    add_dw(&all, p, t->d.proj, f.d_mid, attn, w.model, w.q);
    const real *const dy[ADAPTER_SITES] = {f.dqkv, f.d_mid, f.d_up, f.d_out};
    const real *const x[ADAPTER_SITES] = {f.normed1, attn, f.normed2, f.act};
    for (int site = 0; site < ADAPTER_SITES; site++)
        all.n += adapter_products(p, &t->lora[site], t->layer, (enum adapter_site)site, &f,
                                  dy[site], x[site], all.list + all.n);
    return all;
}

void add_sums(real *to, const real *sum, int width, bool lay) {
    for (int j = 0; to && j < width; j++) to[j] = lay ? sum[j] : to[j] + sum[j];
}

static void vectors_backward(const struct pass *p, struct block_task *t) {
    const struct transformer *tf = p->tf;
    for (int share = 0; share < shares_count(p); share++) {
        const real *sum = share_sums(tf, share);
        for (int i = 0; i < BLOCK_VECTORS; i++) {
            add_sums(*vector_of(&t->d, tf, i), sum, tf->vectors[i].width,
                     share == 0 && p->overwrite);
            sum += tf->vectors[i].width;
        }
    }
}

static void tell(const struct pass *p, int first, int end) {
    if (p->ready && first < end) p->ready->tell(p->ready->ctx, first, end);
}

/* The gradients of a block are made; of block `layers`: those of norm and head. */
static void tell_ready(const struct pass *p, int layer) {
    const struct param_table *t = p->tf->table;
    tell(p, t->blocks[layer], layer < t->config.layers ? t->blocks[layer + 1] : t->n_groups);
}

/* The products of the lowest block that learns, or of norm and head where none does. Nothing is
 * behind them in which the time of whoever waits for them could hide: the mlp's, two thirds of
 * a block, come first. */
static void lowest_products(const struct pass *p, int layer, const struct products *due) {
    const struct transformer *tf = p->tf;
    int of_mlp = p->ready && layer < tf->table->config.layers ? due->of_mlp : 0;
    int attn = tf->table->blocks[layer], mlp = attn + 1; /* the order of the table's groups */
    blas_gemm_all(tf->ex, due->list, of_mlp);
    if (of_mlp) tell(p, mlp, mlp + 1);
    blas_gemm_all(tf->ex, due->list + of_mlp, due->n - of_mlp);
    if (!of_mlp) tell_ready(p, layer);
    else tell(p, attn, mlp);
    if (of_mlp) tell(p, mlp + 1, tf->table->blocks[layer + 1]);
}

void blocks_backward(const struct pass *p, const struct weights *grads, const bool *learn,
                     int from, int to, struct products due) {
    struct transformer *tf = p->tf;
    bool embed = !learn || learn[0];
    if (!tf->overlaps && from < to) {
        blas_gemm_all(tf->ex, due.list, due.n);
        tell_ready(p, to);
    }
    for (int l = to - 1; l >= from; l--) {
        struct block_task t = task_of(p, grads, learn, l, l > from || embed);
        if (tf->overlaps) {
            struct gemm_set beside = blas_cut(tf->ex, due.list, due.n);
            shares_run_beside(p, &beside, backward_share, &t);
            tell_ready(p, l + 1);
        } else {
            block_widen(p, l);
            shares_run(p, backward_share, &t);
        }
        due = matrices_of(p, &t);
        vectors_backward(p, &t);
        if (tf->overlaps || l == from) continue;
        blas_gemm_all(tf->ex, due.list, due.n);
        tell_ready(p, l);
    }
    lowest_products(p, from, &due);
}
