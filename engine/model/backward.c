/* backward.c - from the loss down to the lowest group that learns, and no further. */
#include <assert.h>
#include <string.h>

#include "engine/core/clock.h"
#include "engine/model/transformer_impl.h"
#include "engine/nn/blas.h"
#include "engine/nn/column_sum.h"
#include "engine/nn/op_activation.h"
#include "engine/nn/op_embedding.h"
#include "engine/nn/op_norm.h"
#include "engine/nn/op_qk.h"

/* Which gradients a block has to make. `v` holds the gradients' places, NULL where frozen. */
struct block_task {
    struct block_view w, d;
    struct block_kept *kept;
    bool attn, mlp, norm; /* these parts learn */
    bool below;           /* something upstream of this block learns */
};

static struct block_task task_of(const struct pass *p, const struct weights *grads,
                                 const bool *learn, int layer, bool below) {
    struct block_task t = {.w = weights_block(p->w, layer, NULL),
                           .d = weights_block(grads, layer, learn),
                           .kept = pass_block(p, layer),
                           .below = below};
    t.attn = t.d.qkv;
    t.mlp = t.d.up;
    t.norm = t.d.norm1;
    return t;
}

/* Products that wait for nothing but what is there go to the pool together: their tiles fill
 * each other's gaps. */
struct products {
    struct gemm list[BLAS_MAX_GEMMS];
    int n;
};

/* dW[out,in] += dy^T x; nothing where dW is NULL. To be added before dx of the same dy: its
 * tiles are fewer and longer. */
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
                                      .add = true};
}

/* dx[rows,in] = dy[rows,out] W[out,in], overwritten: spares clearing dx and adding to it. */
static void add_dx(struct products *to, const struct pass *p, real *dx, const real *dy,
                   const real *W, int out, int in) {
    to->list[to->n++] = (struct gemm){.m = p->rows,
                                      .n = in,
                                      .k = out,
                                      .A = dy,
                                      .lda = out,
                                      .B = W,
                                      .ldb = in,
                                      .C = dx,
                                      .ldc = in};
}

static void run_products(const struct pass *p, struct products *list) {
    blas_gemm_all(p->tf->ex, list->list, list->n);
}

/* db[out] += column sums of dy; db may be NULL. */
static void bias_backward(const struct pass *p, real *db, const real *dy, int out) {
    if (db) column_sum_add(p->tf->ex, db, dy, p->rows, out);
}

/* dx += ..., dgain += ..., dbias += ...; each may be NULL. */
static void norm_backward(const struct pass *p, real *dx, real *dgain, real *dbias,
                          const real *dy, const real *x, const real *mean, const real *rstd,
                          const real *gain) {
    const struct model_config *c = &p->tf->table->config;
    struct norm_dims d = {.rows = p->rows, .width = c->width, .eps = (real)c->norm_eps};
    if (family_traits[c->family].rms)
        rmsnorm_backward(p->tf->ex, dx, dgain, dy, x, rstd, gain, d);
    else layernorm_backward(p->tf->ex, dx, dgain, dbias, dy, x, mean, rstd, gain, d);
}

/* tf->dx is the gradient of the block's output; the mlp's share is added to it, which makes it
 * the gradient of x_mid. */
static void mlp_backward(const struct pass *p, const struct block_task *t) {
    struct transformer *tf = p->tf;
    struct widths w = tf->width;
    struct block_kept *b = t->kept;
    real *act = tf->mlp.act, *d_act = tf->mlp.d_act, *d_up = tf->mlp.d_up;
    bool onward = t->attn || t->norm || t->below; /* someone needs the gradient of x_mid */

    struct products down = {.n = 0}, up = {.n = 0};
    if (t->mlp) activation_forward(p, act, b->up);
    add_dw(&down, p, t->d.down, tf->dx, act, w.model, w.ffn);
    add_dx(&down, p, d_act, tf->dx, t->w.down, w.model, w.ffn);
    run_products(p, &down);
    bias_backward(p, t->d.down_bias, tf->dx, w.model);

    if (d_up == d_act) gelu_backward(tf->ex, d_up, d_act, b->up, p->rows, w.ffn);
    else swiglu_backward(tf->ex, d_up, d_act, b->up, p->rows, w.ffn);
    if (t->mlp)
        norm_forward(p, tf->normed, b->mean2, b->rstd2, b->x_mid, t->w.norm2, t->w.norm2_bias);
    add_dw(&up, p, t->d.up, d_up, tf->normed, w.up, w.model);
    if (onward) add_dx(&up, p, tf->d_norm, d_up, t->w.up, w.up, w.model);
    run_products(p, &up);
    bias_backward(p, t->d.up_bias, d_up, w.up);
    if (onward)
        norm_backward(p, tf->dx, t->d.norm2, t->d.norm2_bias, tf->d_norm, b->x_mid, b->mean2,
                      b->rstd2, t->w.norm2);
}

/* Through rotation and QK-norm: dq, dk of the attention to their places in dqkv. */
static void qk_prepare_backward(const struct pass *p, const struct block_task *t) {
    struct transformer *tf = p->tf;
    const struct model_config *c = &tf->table->config;
    if (!family_traits[c->family].rotary) return;
    struct qk_dims d = {.rows = p->rows,
                        .time = p->time,
                        .heads = c->heads,
                        .head_dim = c->head_dim,
                        .stride = tf->width.qkv,
                        .eps = (real)c->norm_eps};
    qk_backward(tf->ex, tf->attn.dqkv, t->d.q_norm, tf->attn.dq, t->kept->qkv, t->kept->q_rstd,
                t->w.q_norm, tf->cosine, tf->sine, d);
    d.heads = c->kv_heads;
    qk_backward(tf->ex, tf->attn.dqkv + tf->width.q, t->d.k_norm, tf->attn.dk,
                t->kept->qkv + tf->width.q, t->kept->k_rstd, t->w.k_norm, tf->cosine, tf->sine,
                d);
}

/* From d_attn to dqkv[rows,qkv]. */
static void attention_part_backward(const struct pass *p, const struct block_task *t) {
    struct transformer *tf = p->tf;
    struct attn_scratch *s = &tf->attn;
    real *dqkv = s->dqkv;
    bool rotary = family_traits[tf->table->config.family].rotary;
    struct qkv_view in = qk_prepare(p, t->kept, &t->w);
    attention_backward(tf->ex, rotary ? s->dq : dqkv, rotary ? s->dk : dqkv + tf->width.q,
                       dqkv + tf->width.q + tf->width.kv, s->d_attn, t->kept->attn,
                       t->kept->lse, in.q, in.k, in.v, s->tiles, pass_attention_dims(p));
    qk_prepare_backward(p, t);
}

/* tf->dx is the gradient of x_mid; becomes that of the block's input where `below` wants it. */
static void attn_backward(const struct pass *p, const struct block_task *t) {
    struct transformer *tf = p->tf;
    struct widths w = tf->width;
    struct block_kept *b = t->kept;
    real *dqkv = tf->attn.dqkv;

    struct products proj = {.n = 0}, qkv = {.n = 0};
    add_dw(&proj, p, t->d.proj, tf->dx, b->attn, w.model, w.q);
    add_dx(&proj, p, tf->attn.d_attn, tf->dx, t->w.proj, w.model, w.q);
    run_products(p, &proj);
    bias_backward(p, t->d.proj_bias, tf->dx, w.model);

    attention_part_backward(p, t);
    if (t->attn)
        norm_forward(p, tf->normed, b->mean1, b->rstd1, b->x, t->w.norm1, t->w.norm1_bias);
    add_dw(&qkv, p, t->d.qkv, dqkv, tf->normed, w.qkv, w.model);
    if (t->norm || t->below) add_dx(&qkv, p, tf->d_norm, dqkv, t->w.qkv, w.qkv, w.model);
    run_products(p, &qkv);
    bias_backward(p, t->d.qkv_bias, dqkv, w.qkv);
    if (t->norm || t->below)
        norm_backward(p, t->below ? tf->dx : NULL, t->d.norm1, t->d.norm1_bias, tf->d_norm,
                      b->x, b->mean1, b->rstd1, t->w.norm1);
}

static void block_backward(const struct pass *p, const struct block_task *t) {
    mlp_backward(p, t);
    if (t->attn || t->norm || t->below) attn_backward(p, t);
}

/* Loss, and the gradients of head and final norm; tf->dx becomes the gradient of the last
 * block's output where something `below` the final norm learns. Returns the mean nll. */
static double head_pass(const struct pass *p, const struct weights *grads, const bool *learn,
                        const int32_t *targets, bool below, double weight) {
    struct transformer *tf = p->tf;
    struct outer_view w = weights_outer(p->w, NULL), d = weights_outer(grads, learn);
    size_t bytes = (size_t)p->rows * (size_t)tf->width.model * sizeof(real);
    double counted = (double)targets_counted(targets, (size_t)p->rows);
    struct loss_dims dims = {.rows = p->rows,
                             .width = tf->width.model,
                             .vocab = tf->table->config.vocab,
                             .scale = counted > 0 ? (real)(weight / counted) : R(0.0)};
    real *d_norm = below || d.norm ? tf->d_norm : NULL;
    if (d_norm) memset(d_norm, 0, bytes);
    loss_head(tf->ex, tf->nll, NULL, d_norm, d.head, tf->normed, w.head, targets, tf->logits,
              dims);
    if (below) memset(tf->dx, 0, bytes);
    if (d_norm)
        norm_backward(p, below ? tf->dx : NULL, d.norm, d.norm_bias, d_norm, p->top,
                      tf->top_mean, tf->top_rstd, w.norm);
    return mean_nll(tf->nll, targets, p->rows);
}

static void embed_backward(const struct pass *p, const struct weights *grads,
                           const bool *learn) {
    struct outer_view d = weights_outer(grads, learn);
    struct embedding_dims dims = {
        .rows = p->rows, .time = p->time, .width = p->tf->width.model};
    if (d.embed)
        embedding_backward(p->tf->ex, d.embed, d.positions, p->tf->dx, p->tokens, dims);
}

/* Up to the input of the head. */
static void train_forward(const struct pass *p, const struct prefix *prefix) {
    if (p->kept_from > 0) prefix_forward(p, prefix);
    else embed_forward(p);
    blocks_forward(p, p->kept_from, p->tf->table->config.layers);
    top_forward(p);
}

double transformer_train(struct transformer *tf, const struct weights *w, struct weights *grads,
                         const bool *learn, const struct train_part *part,
                         struct step_times *times) {
    int layers = tf->table->config.layers, lowest = transformer_cut(tf->table, learn);
    assert(tf->plan.backward && part->batch <= tf->plan.batch && part->time <= tf->plan.time);
    struct pass p = {.tf = tf,
                     .w = w,
                     .tokens = part->tokens,
                     .batch = part->batch,
                     .time = part->time,
                     .rows = part->batch * part->time,
                     .kept_from = lowest,
                     .top = tf->x_top};
    double start = clock_now();
    train_forward(&p, part->prefix);
    double turn = clock_now();
    bool embed = !learn || learn[0];
    double loss =
        head_pass(&p, grads, learn, part->targets, lowest < layers || embed, part->weight);
    for (int l = layers - 1; l >= lowest; l--) {
        struct block_task t = task_of(&p, grads, learn, l, l > lowest || embed);
        /* The last block's forward was the last in the memory that they share. */
        if (tf->plan.recompute && l < layers - 1) block_remake(&p, l);
        block_backward(&p, &t);
    }
    embed_backward(&p, grads, learn);
    if (times) *times = (struct step_times){turn - start, clock_now() - turn};
    return loss;
}
